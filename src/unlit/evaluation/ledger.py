"""The look ledger: every use of sealed scenarios, written before anything is learnt from it.

One file beside the vault. A look that was begun is charged, whether it ended or not. The same
grading asked for again tells nothing new and costs nothing new, as long as what it drew is kept: it
is counted again, not run again. Run anew, it throws a flaky product's dice again, and is a look.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import CriterionId, ScenarioId
from unlit.evaluation.model import EvaluationRequest, ShipRule
from unlit.evaluation.rules.feedback import to_retire
from unlit.evaluation.rules.looks import Exposure, Look, exposure

FILE_NAME: Final = "looks.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        kind: ``look`` at sealed scenarios; ``shown``: somebody saw the content of scenarios;
            ``report``: the agent was told how `criteria` fared in validation.
    """

    kind: str
    id: str
    at: str
    build: str = ""
    vault: str = ""
    scenarios: tuple[ScenarioId, ...] = ()
    run: str = ""
    alpha: float | None = None
    claimable: float | None = None
    person: str = ""
    criteria: tuple[CriterionId, ...] = ()


class Ledger:
    """The ledger of one vault.

    Args:
        vault: The vault's folder; the ledger lies beside it, in the evaluator's own store.
    """

    def __init__(self, vault: Path) -> None:
        self._vault = vault
        self.path = evaluator_store(vault) / FILE_NAME

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first.

        Raises:
            InvalidInput: A line cannot be read; nothing may be looked at with a broken ledger.
        """
        if not self.path.exists():
            return []
        return [
            _parse(line, number, self.path)
            for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1)
            if line.strip()
        ]

    def looks(self) -> list[Look]:
        """Return the looks so far, in the form that the rules take."""
        return _looks(self.entries())

    def shown(self) -> frozenset[ScenarioId]:
        """Return the scenarios whose content somebody was shown: they are spent."""
        return _shown(self.entries())

    def charge(
        self,
        key: str,
        request: EvaluationRequest,
        sealed: Sequence[ScenarioId],
        vault_digest: str,
        now: str,
        *,
        kept: bool,
    ) -> Exposure:
        """Charge one look before it is made and return where the set stands for it.

        Args:
            key: Of the grading (`grading_key`).
            request: The grading.
            sealed: All sealed scenarios of its spec.
            vault_digest: Of the vault as it is.
            now: ISO time.
            kept: Whether what that grading drew so far is still there, to be counted again.
        """
        with self._locked():
            entries = self.entries()
            made = [n for n, e in enumerate(entries) if kept and (e.kind, e.id) == ("look", key)]
            past = entries[: made[-1]] if made else entries
            before = exposure(_looks(past), sealed, request.ship, shown=_shown(past))
            if not made:
                self._append(
                    Entry(
                        "look", key, now, request.tree or "", vault_digest, before.fresh,
                        request.identity.run, before.alpha, before.claimable,
                    )
                )  # fmt: skip
            return before

    def disclose(self, scenarios: Sequence[ScenarioId], person: str, now: str) -> None:
        """Record that somebody was shown these scenarios; they are spent from now on."""
        with self._locked():
            entry = Entry("shown", digest_json([now, *scenarios]), now,
                          scenarios=tuple(scenarios), person=person)  # fmt: skip
            self._append(entry)

    def report(self, key: str, build: str, criteria: Sequence[CriterionId], now: str) -> None:
        """Record that the agent is told how these criteria fared; once for the same grading."""
        with self._locked():
            if any(entry.kind == "report" and entry.id == key for entry in self.entries()):
                return
            self._append(Entry("report", key, now, build, criteria=tuple(criteria)))

    def used_up(self) -> tuple[CriterionId, ...]:
        """Return the criteria whose validation scenarios have been reported often enough."""
        return to_retire(
            name for entry in self.entries() if entry.kind == "report" for name in entry.criteria
        )

    def standing(self, sealed: Sequence[ScenarioId], ship: ShipRule) -> Exposure:
        """Return where the sealed set stands before its next look."""
        entries = self.entries()
        return exposure(_looks(entries), sealed, ship, shown=_shown(entries))

    def _append(self, entry: Entry) -> None:
        fields = {
            name: getattr(entry, name)
            for name in Entry.__slots__
            if getattr(entry, name) not in ("", (), None)
        }
        line = f"{json.dumps(fields, ensure_ascii=False)}\n".encode()
        with self.path.open("ab", buffering=0) as stream:
            whole = stream.tell()
            try:
                if stream.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(stream.fileno())
            except OSError as error:
                # half a line would make every later look impossible (EVA-125)
                os.ftruncate(stream.fileno(), whole)
                raise OutsideFailed(
                    "EVA-143", f"The look ledger {self.path} cannot be written: {error.strerror}.",
                    "a look is charged before it is made; nothing was looked at.",
                    "free space there, and grade again.",
                ) from error  # fmt: skip

    @contextmanager
    def _locked(self) -> Iterator[None]:
        open_store(self._vault)
        with (self.path.parent / "looks.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def evaluator_store(vault: Path) -> Path:
    """Return the evaluator's own store: beside the vault, never in it."""
    real = vault.resolve()
    return real.with_name(real.name + ".evaluator")


def open_store(vault: Path) -> Path:
    """Return the evaluator's own store, made if it is missing; only this user may open it.

    Raises:
        OutsideFailed: It cannot be made there.
    """
    store = evaluator_store(vault)
    try:
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OutsideFailed(
            "EVA-143", f"The evaluator's store {store} cannot be made.",
            f"{error.strerror}; what a grading sees is kept beside the vault and nowhere else.",
            "put the vault into a folder that you may write to.",
        ) from error  # fmt: skip
    return store


def grading_key(request: EvaluationRequest, vault_digest: str) -> str:
    """Return what makes two gradings the same one: the second draws and asks what the first did."""
    # the models that have a part in it; nothing for a grading without any
    played = {key: request.options[key] for key in ("judge", "user") if request.options.get(key)}
    return digest_json(
        [request.tree or str(request.candidate), vault_digest, str(request.partition), request.seed,
         request.ship.to_json(), request.max_trajectories, request.product.run,
         sorted(request.only), request.keep_going, *([played] if played else [])]
    )  # fmt: skip


def _looks(entries: Sequence[Entry]) -> list[Look]:
    return [Look(e.id, e.build, e.scenarios) for e in entries if e.kind == "look"]


def _shown(entries: Sequence[Entry]) -> frozenset[ScenarioId]:
    return frozenset(name for entry in entries if entry.kind == "shown" for name in entry.scenarios)


def _parse(line: str, number: int, path: Path) -> Entry:
    try:
        fields: dict[str, Any] = json.loads(line)
        fields["scenarios"] = tuple(ScenarioId(name) for name in fields.get("scenarios", ()))
        fields["criteria"] = tuple(CriterionId(name) for name in fields.get("criteria", ()))
        return Entry(**fields)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            "EVA-125", f"Line {number} of the look ledger {path} cannot be read.",
            "without it nobody knows how often sealed scenarios were used.",
            "restore the file from a backup; never edit it.",
        ) from error  # fmt: skip
