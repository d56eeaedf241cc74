"""Runs that programs start through the API: each is a process of its own, begun once for a key."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import RunId
from unlit.wiring.desk import Office

Found = TypeVar("Found", bool, RunId | None)

_WAIT_S: Final = 60.0
_PAUSE_S: Final = 0.2


def _begun(
    office: Office,
    log: str,
    words: Sequence[str],
    env: Mapping[str, str],
    look: Callable[[], Found],
) -> tuple[Found, str]:
    """Start a command of ours beside the console, and look until its work is seen or it ended.

    Args:
        office: Whose record is looked at.
        log: Name of the file that keeps what it prints.
        words: The command.
        env: What it is told besides the settings.
        look: Gives something true once the work has begun.

    Returns:
        What `look` gave last, and the first line that the command printed.
    """
    folder = office.paths.root / "started"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / log).open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 # ourselves
            [sys.executable, "-m", "unlit", *words], cwd=office.repository,
            env={**office.settings.env, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    for _ in range(int(_WAIT_S / _PAUSE_S)):
        if found := look():
            threading.Thread(target=process.wait, daemon=True).start()
            return found, ""
        try:
            process.wait(_PAUSE_S)
        except subprocess.TimeoutExpired:
            continue
        break
    said = (folder / log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return look(), said[0] if said else "it said nothing"


@dataclass(slots=True)
class Resumer:
    """Goes on with runs beside the console: `unlit resume`, a process of its own each.

    Attributes:
        office: The record that has the runs.
    """

    office: Office

    def __call__(self, run: RunId) -> None:
        """Go on with a run; it goes on when the console ends.

        Raises:
            OutsideFailed: It did not begin; the message has its last words.
        """
        office = self.office
        words = ["resume", run, "--json", "--repository", office.store.find_run(run).repository]

        def goes_on() -> bool:
            return office.store.find_run(run).settings.get("gate") != "intent"

        done, said = _begun(office, f"{run}.log", words, {}, goes_on)
        if done:
            return
        raise OutsideFailed(
            "CON-076",
            f"Run {run} did not go on: {said}.",
            "its approval stands; the words are those of `unlit resume`.",
            "correct what they name, then go on from its page or by `unlit resume`.",
        )


@dataclass(slots=True)
class Starter:
    """Starts `unlit run` beside the console; the run goes on when the console ends.

    Attributes:
        office: The record that the run is written to.
    """

    office: Office
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, spec: str, agent: str, person: str, key: str) -> tuple[RunId, bool]:
        """Start a run; return it, and whether the key had started it before.

        Raises:
            InvalidInput: There is no such spec, or the key was used for another one.
            OutsideFailed: It did not begin; the message has its last words.
        """
        path = self.office.repository / "specs" / f"{spec}.md"
        if not path.is_file():
            raise InvalidInput(
                "CON-073",
                f"There is no spec specs/{spec}.md.",
                "a run begins with a spec of the repository.",
                "write it, or correct the name.",
            )
        with self._alone:
            known = self._known()
            if key and key in known:
                if known[key]["spec"] != spec:
                    raise InvalidInput(
                        "CON-074",
                        f"The key {key[:40]!r} has started {known[key]['spec']}.",
                        "a key names one request.",
                        "send another Idempotency-Key.",
                    )
                return RunId(known[key]["run"]), True
            run = self._begin(path, agent, person)
            if key:
                self._keep({**known, key: {"spec": spec, "run": run}})
            return run, False

    def _begin(self, path: Path, agent: str, person: str) -> RunId:
        store = self.office.store
        before = {run.id for run in store.runs(limit=200)}
        words = ["run", str(path), "--json", "--repository", str(self.office.repository)]
        words += ["--agent", agent] if agent else []

        def there() -> RunId | None:
            found = (run for run in store.runs(limit=20) if run.id not in before)
            return next((run.id for run in found if run.spec_path == str(path)), None)

        run, said = _begun(self.office, "last.log", words, {"UNLIT_PERSON": person}, there)
        if run:
            return run
        raise OutsideFailed(
            "CON-075",
            f"The run did not begin: {said}.",
            "the words are those of `unlit run`.",
            "correct what they name, and start it again.",
        )

    def _known(self) -> dict[str, dict[str, str]]:
        try:
            found: dict[str, dict[str, str]] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def _keep(self, known: dict[str, dict[str, str]]) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(self._path)

    @property
    def _path(self) -> Path:
        return self.office.paths.root / "started" / "keys.json"
