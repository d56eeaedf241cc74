"""What a grading uses where nothing is said: for programs that no factory wrote."""

import hashlib
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput
from unlit.core.ids import Digest
from unlit.core.states import Partition
from unlit.evaluation.asking import vendor_of
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.vault import Vault
from unlit.twins.registry import hosts

POLICY_HEAD: Final = (
    "# Made by `unlit evaluate`: the product meets the twins and nothing else.\nversion = 1\n"
)


def default_policy(
    services: Iterable[str], *, build: str | None = None, models: Iterable[str] = (),
    scripted: bool = False,
) -> str:  # fmt: skip
    """Return a policy that lets the product reach these twins and nothing else.

    A build may read from the machine's package indexes, as far as it names their tools. The
    evaluator's own role may call these model vendors, or, `scripted`, what stands in for them.
    """
    text = POLICY_HEAD
    for tool, mirror in (("uv", "pypi"), ("pip", "pypi"), ("npm", "npm")):
        if build is not None and tool in build and f'"{mirror}"' not in text:
            text += f'\n[[allow]]\nrole = "coder"\nmirror = "{mirror}"\n'
    for service in sorted(set(services)):
        for host in hosts(service):
            text += f'\n[[allow]]\nrole = "product"\nhost = "{host}"\ntwin = "{service}"\n'
    for name in sorted(set(models)):
        text += model_rules(name, scripted=scripted)
    text += '\n[files.product]\nwrite = ["."]\n'
    return text + "\n[limits.product]\nrequests_per_s = 200\nrequests_burst = 5000\n"


def model_rules(provider: str, *, scripted: bool) -> str:
    """Return the rules that let the evaluator ask a vendor's model, or what stands in for it."""
    vendor = vendor_of(provider)
    path = vendor.path.replace("{model}:generateContent", "**")
    where = f'host = "{vendor.host}"\nmethods = ["POST"]\npaths = ["{path}"]\n'
    if scripted:
        return f'\n[[allow]]\nrole = "evaluator"\nhost = "{vendor.host}"\ntwin = "{provider}"\n'
    return (
        f'\n[credential.{provider}]\nsource = {{env = "{vendor.variable}"}}\n'
        f'inject = {{header = "{vendor.header.partition(":")[0]}"}}\nhosts = ["{vendor.host}"]\n'
        f'methods = ["POST"]\npaths = ["{path}"]\n'
        f'\n[[allow]]\nrole = "evaluator"\n{where}credential = "{provider}"\n'
    )


def default_partition(vault: Vault) -> Partition:
    """Return what to grade when nothing is said: never sealed scenarios, a look is charged."""
    return Partition.VALIDATION if vault.of(Partition.VALIDATION) else Partition.VISIBLE


def refuse_no_folder(what: str, folder: Path) -> None:
    """Refuse a product that is no folder.

    Raises:
        InvalidInput: EVA-134.
    """
    if not folder.is_dir():
        raise InvalidInput(
            "EVA-134", f"The {what} {folder} is not a folder.", "a product is files.",
            "name the folder that holds the product.",
        )  # fmt: skip


def tree_digest(folder: Path) -> Digest:
    """Return the digest of a candidate: every file's path, mode and content.

    Raises:
        InvalidInput: It is no folder, or cannot be read.
    """
    refuse_no_folder("candidate", folder)
    try:
        return digest_json(sorted(_entries(folder)))
    except OSError as error:
        raise InvalidInput(
            "EVA-134", f"The candidate {folder} cannot be read: {error}.",
            "its digest names what was graded.", "correct the rights of the file.",
        ) from error  # fmt: skip


def _entries(folder: Path) -> Iterable[list[str]]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in (".git", "__pycache__"))
        for name in names:
            path = Path(here) / name
            shown = path.relative_to(folder).as_posix()
            if path.is_symlink():
                yield [shown, "link", str(path.readlink())]
            elif path.is_file():
                mode = "x" if path.stat().st_mode & 0o111 else "-"
                yield [shown, mode, hashlib.sha256(path.read_bytes()).hexdigest()]


_INTERPRETERS: Final = {
    ".py": "python3", ".js": "node", ".mjs": "node", ".sh": "sh", ".rb": "ruby", ".pl": "perl",
    ".php": "php",
}  # fmt: skip
_NAMES: Final = ("main", "app", "cli", "server", "index", "run")


def default_run(candidate: Path) -> str | None:
    """Return how a program that says nothing about itself is started, if that is plain to see.

    One executable file at the top; else a file of a usual name; else a package with `__main__.py`.
    """
    files = [path for path in sorted(candidate.iterdir()) if path.is_file()]
    programs = [path for path in files if path.stat().st_mode & 0o111 and path.name[0] != "."]
    if len(programs) == 1:
        return f"./{programs[0].name}"
    for name in _NAMES:
        for path in files:
            if path.stem == name and path.suffix in _INTERPRETERS:
                return f"{_INTERPRETERS[path.suffix]} {path.name}"
    mains = sorted(candidate.glob("*/__main__.py"))
    return f"python3 -m {mains[0].parent.name}" if len(mains) == 1 else None


def refuse_unstartable(candidate: Path, run: str | None) -> None:
    """Refuse a program that is named by a path and is not there, or may not be executed.

    Args:
        candidate: Folder with the program; it is `/work` in the product's fence.
        run: How the program starts.

    Raises:
        InvalidInput: Every trajectory would fail for the same reason, which is not the program's.
    """
    words = _words(run)
    if not words:
        return
    program = _own_file(candidate, words[0]) if "/" in words[0] else None
    if program is not None and not program.is_file():
        raise _unstartable(run, f"the candidate has no file {words[0]}", "name a file in it")
    if program is not None and not program.stat().st_mode & 0o111:
        raise _unstartable(
            run, f"{words[0]} may not be executed", f"give it the right: `chmod +x {words[0]}`"
        )
    if words[0] in _INTERPRETERS.values() and len(words) > 1:
        script = _own_file(candidate, words[1])
        if script is not None and script.suffix in _INTERPRETERS and not script.exists():
            raise _unstartable(run, f"the candidate has no file {words[1]}", "name a file in it")


def _words(run: str | None) -> list[str]:
    try:
        return shlex.split(run or "")
    except ValueError as error:
        raise _unstartable(run, f"{error}".lower(), "close the quotation") from error


def _own_file(candidate: Path, word: str) -> Path | None:
    """Return the candidate's file that `word` names inside the fence; None for a machine's own."""
    if word.startswith("-") or (word.startswith("/") and not word.startswith("/work/")):
        return None
    return candidate / word.removeprefix("/work/")


def _unstartable(run: str | None, why: str, remedy: str) -> InvalidInput:
    return InvalidInput(
        "EVA-138", f"The product cannot be started by `{run}`.", f"{why}; nothing was graded.",
        f"{remedy}, or give another `--run`.",
    )  # fmt: skip


def default_seed(tree: str, vault: str) -> int:
    """Return the seed for one candidate and one vault: the same pair draws the same worlds."""
    return int.from_bytes(hashlib.sha256(f"{tree}:{vault}".encode()).digest()[:6], "big")


_SERVED: Final = frozenset({"http", "ws", "ui"})


def refuse_undrivable(scenarios: Iterable[Scenario], run: str | None, port: int | None) -> None:
    """Refuse to grade where a step could never reach the product as it is described.

    Raises:
        InvalidInput: EVA-131, EVA-130: every trajectory would fail, and not by the product.
    """
    for scenario in scenarios:
        for step in scenario.when:
            over = step.params.get("over") if step.kind == "user" else None
            drivers = {step.kind, *(over if isinstance(over, Mapping) else (over,))}
            if port is None and drivers & _SERVED:
                raise InvalidInput(
                    "EVA-131", f"Scenario `{scenario.id}` asks a server; the product has no port.",
                    "its steps reach the product there; nothing was graded.",
                    "set `kind`, `run` and `port` in `[product]`, or give `--port N`.",
                )  # fmt: skip
            if not (run or "").strip() and step.kind == "cli" and "run" in step.params:
                raise InvalidInput(
                    "EVA-130",
                    f"Scenario `{scenario.id}` runs the product, and nothing says how it starts.",
                    "its steps append their words to that command; nothing was graded.",
                    "set `run` in `[product]`, or give `--run COMMAND`.",
                )  # fmt: skip
