"""`unlit init`: make this repository a factory."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.line.adopt import Adopted

app = cyclopts.App(name="init", help="Make a repository a factory.")


@app.default
def init(
    repository: Path = Path(),
    *,
    vault: Path | None = None,
    yes: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
) -> int:
    """Write unlit.toml, policy.toml, a first spec, and a vault outside the repository.

    Existing files are left alone. On a terminal it asks; elsewhere, or with --yes, it takes what
    it finds.

    Args:
        repository: The repository's folder.
        vault: Where the vault goes; default a folder of the user's own data.
        yes: Do not ask.
        as_json: Print JSON.
    """
    from unlit.line.adopt import adopt, survey
    from unlit.wiring.paths import vault_path
    from unlit.wiring.settings import read_settings

    chosen = vault_path(read_settings(flags={"vault": vault}), repository)
    found = survey(repository)
    answers: dict[str, str] = {}
    if not yes and not as_json and sys.stdin.isatty():
        for key in ("build", "test", "run"):
            suggestion = getattr(found, key)
            sys.stderr.write(f"{key} command [{suggestion or 'none found'}]: ")
            sys.stderr.flush()
            if reply := sys.stdin.readline().strip():
                answers[key] = reply
    adopted = adopt(repository, chosen, answers=answers)
    if as_json:
        result = {
            "schema": "unlit.init/1",
            "vault": str(chosen),
            "written": [str(path) for path in adopted.written],
            "kept": [str(path) for path in adopted.kept],
            "found": list(adopted.commands.reasons),
        }
        sys.stdout.write(json.dumps(result) + "\n")
        return 0
    _say(adopted, answers, chosen)
    if vault is not None:
        sys.stdout.write(f"Name the vault with --vault {vault}, or in the setting `vault`.\n")
    return 0


def _say(adopted: "Adopted", answers: dict[str, str], vault: Path) -> None:
    commands = adopted.commands
    for reason in commands.reasons:
        sys.stdout.write(f"found    {reason}\n")
    found_or_said = {"build": commands.build, "test": commands.test, "run": commands.run} | answers
    if missing := [key for key, value in found_or_said.items() if not value]:
        sys.stdout.write(f"missing  {', '.join(missing)}: say it in unlit.toml, if there is one\n")
    if commands.kind == "http" and not commands.port and "kind" not in answers:
        sys.stdout.write("missing  port: say in unlit.toml where it listens\n")
    for path in adopted.written:
        sys.stdout.write(f"wrote    {path}\n")
    for path in adopted.kept:
        sys.stdout.write(f"kept     {path}\n")
    sys.stdout.write(
        f"\nThe vault is {vault}; no agent may read it. Next:\n"
        "  1. say what is wanted in specs/first-change.md; `unlit intent ready FILE` names gaps\n"
        "  2. put at least one scenario into validation/ and one into sealed/ of the vault:\n"
        "     `unlit scenarios lint VAULT --spec specs/first-change.md`; visible/ has an example\n"
        "  3. see who can write here, `unlit agents list`; name its key in policy.toml\n"
        "  4. `unlit run specs/first-change.md`\n"
    )
