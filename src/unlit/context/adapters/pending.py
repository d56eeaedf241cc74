"""Changes that wait for another person, one file each."""

import json
import re
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from unlit.context.changes import Change
from unlit.context.confirming import Pending, change_from, change_json
from unlit.core.canonical import digest_json
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_DAYS: Final = 7
_ID: Final = re.compile(r"[0-9a-f]{10}\Z")


class PendingChanges:
    """The folder of a repository's waiting changes.

    Args:
        folder: Where they lie; made when the first is asked.
        clock: Says when something was asked, and when it is too old.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def ask(self, source: str, change: Change, person: str, title: str, revision: str) -> Pending:
        """Keep one; the same question asked again is the same file."""
        said = change_json(change)
        identity = {"source": source, "change": said, "by": person, "revision": revision}
        name = digest_json(identity).removeprefix("sha256:")[:10]
        made = Pending(name, source, change, title, revision, person, self._clock.now())
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**identity, "title": title, "at": made.asked_at.isoformat()})
        path = self._folder / f"{name}.json"
        path.with_suffix(".new").write_text(text, encoding="utf-8")
        path.with_suffix(".new").replace(path)
        return made

    def all(self) -> list[Pending]:
        """Return what waits, oldest first; what is older than a week is dropped."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            with suppress(ValueError, KeyError, TypeError):
                one = _read(path)
                if self._clock.now() - one.asked_at > timedelta(days=_DAYS):
                    path.unlink(missing_ok=True)
                else:
                    found.append(one)
        return sorted(found, key=lambda one: one.asked_at)

    def get(self, name: str) -> Pending:
        """Return one by its id.

        Raises:
            InvalidInput: Nothing of that id waits.
        """
        for one in self.all() if _ID.match(name) else ():
            if one.id == name:
                return one
        raise InvalidInput(
            "CTX-319",
            f"No change {name!r} waits to be confirmed.",
            "it was done, dropped after a week, or never asked.",
            "look at `unlit context confirmations`.",
        )

    def drop(self, name: str) -> None:
        """Forget one."""
        (self._folder / f"{name}.json").unlink(missing_ok=True)


def _read(path: Path) -> Pending:
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Pending(
        id=path.stem,
        source=str(raw["source"]),
        change=change_from(raw["change"]),
        title=str(raw["title"]),
        revision=str(raw["revision"]),
        asked_by=str(raw["by"]),
        asked_at=datetime.fromisoformat(raw["at"]),
    )
