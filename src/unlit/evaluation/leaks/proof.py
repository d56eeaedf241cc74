"""The proof: every scanner over every source, each with a planted control on the same path."""

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from unlit.core.ids import ScenarioId
from unlit.evaluation.leaks.encodings import CONTAINERS, ENCODINGS, encode_as
from unlit.evaluation.leaks.literals import Literal, learnt_by_heart
from unlit.evaluation.leaks.needles import SHINGLE, needles
from unlit.evaluation.leaks.sources import Item, plant_history, read_history, read_trees, texts
from unlit.evaluation.model import Leaks

CONTROL: Final = ScenarioId("planted-control")
FOLDERS: Final = ("workspace", "history", "transcripts", "prompts", "egress")
SOURCES: Final = (*FOLDERS, "twins", "outputs")
DETECTORS: Final = (*ENCODINGS, *CONTAINERS, "words", "literals", *SOURCES)
"""Everything that can be switched off in a test; each then makes its own control fail."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """One hidden scenario, as the proof needs it."""

    scenario: ScenarioId
    canary: str
    text: bytes
    literals: tuple[Literal, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look; an empty place was not given and is `not exercised`."""

    workspace: tuple[Path, ...] = ()
    history: tuple[Path, ...] = ()
    transcripts: tuple[Path, ...] = ()
    prompts: tuple[Path, ...] = ()
    egress: tuple[Path, ...] = ()
    twins: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    visible: tuple[bytes, ...] = ()


class Proof:
    """Looks for everything hidden, and for what it planted itself; make one for each grading.

    Args:
        hidden: The scenarios that nobody who writes may have seen.
        visible: Texts that the agent may see.
        disabled: Detectors to switch off; only for tests of the controls.
    """

    def __init__(
        self,
        hidden: Sequence[Hidden],
        visible: Sequence[bytes] = (),
        *,
        disabled: frozenset[str] = frozenset(),
    ) -> None:
        self._hidden = hidden
        self._visible = visible
        self._disabled = disabled
        self._planted = _Planted()
        self._containers = [name for name in CONTAINERS if name not in disabled]
        self._sought = needles(
            [*((h.scenario, h.canary, h.text) for h in hidden), self._planted.hidden()],
            visible,
            encodings=[name for name in ENCODINGS if name not in disabled],
            words="words" not in disabled,
        )
        self._leaked: dict[ScenarioId, set[str]] = {}
        self._controls: set[str] = set()
        self._seen: set[str] = set()
        self._literals = _Literals(control=False)

    def see(self, kind: str, values: Iterable[str]) -> list[ScenarioId]:
        """Look at texts that are in memory: outputs, or what reached the twins.

        Returns:
            The scenarios of which something stood there, for `recall`.
        """
        if kind in self._disabled:
            return []
        if kind not in self._seen:
            self._scan(kind, texts(kind, [f"GET /?q={self._planted.canary}"]), control=True)
        self._seen.add(kind)
        return sorted(self._scan(kind, texts(kind, values)))

    def recall(self, kind: str, found: Iterable[ScenarioId]) -> None:
        """Take over what an interrupted grading had found in one trajectory."""
        self.see(kind, ())
        for scenario in found:
            self._leaked.setdefault(scenario, set()).add(kind)

    def look(self, places: Places) -> None:
        """Look at files, history and logs."""
        with tempfile.TemporaryDirectory(prefix="unlit-control-") as folder:
            for kind in FOLDERS:
                if kind not in self._disabled:
                    self._look(kind, getattr(places, kind), Path(folder) / kind)
        if "literals" not in self._disabled:
            self._literals = self._by_heart(places.workspace)

    def _look(self, kind: str, folders: tuple[Path, ...], control: Path) -> None:
        reader: Callable[[Sequence[Path]], Iterator[Item]] = read_trees
        if kind == "history":
            reader = read_history
            plant_history(control, self._planted.canary.encode())
        else:
            self._planted.plant(control, every_form=kind == "workspace")
        existing = [path for path in folders if path.exists()]
        if existing:
            self._seen.add(kind)
        self._scan(kind, reader(existing))
        self._scan(kind, reader([control]), control=True)

    def _scan(self, kind: str, items: Iterable[Item], *, control: bool = False) -> set[ScenarioId]:
        seen: set[ScenarioId] = set()
        for item in items:
            found = self._sought.found_in(item.content, self._containers)
            if control and CONTROL in found:
                name = item.label.removeprefix("planted-")
                self._controls.add(f"workspace {name}" if kind == "workspace" else kind)
            elif not control:
                seen |= found - {CONTROL}
        for scenario in seen:
            self._leaked.setdefault(scenario, set()).add(kind)
        return seen

    def _by_heart(self, workspace: Sequence[Path]) -> "_Literals":
        first, second = self._planted.literals
        by_heart = {h.scenario: h.literals for h in self._hidden}
        control = [("planted.py", f"ANSWERS = {{{first!r}: {second!r}}}\n")]
        code = (
            (item.label, item.content.decode("utf-8", "replace"))
            for item in read_trees(workspace)
            if b"\0" not in item.content[:1000]
        )
        visible = b"\n".join(self._visible).decode("utf-8", "replace")
        counts = learnt_by_heart(
            by_heart | {CONTROL: (first, second)}, chain(code, control), visible
        )
        return _Literals(counts.pop(CONTROL, 0) == 2, counts)

    def result(self) -> Leaks:
        """Return what was found, and whether the proof counts."""
        missing = sorted(self._planted.expected(self._seen) - self._controls)
        missing += [kind for kind in SOURCES if kind in self._disabled]
        if not self._literals.control:
            missing.append("literals")
        absent = [kind for kind in SOURCES if kind not in self._seen | self._disabled]
        return _result(self._leaked, self._literals, missing, absent, bool(self._hidden))


def prove(
    hidden: Sequence[Hidden], places: Places, *, disabled: frozenset[str] = frozenset()
) -> Leaks:
    """Make the whole proof at once.

    Args:
        hidden: The scenarios that nobody who writes may have seen.
        places: Where to look.
        disabled: Detectors to switch off; only for tests of the controls.

    Returns:
        `held`, `leaked` or `suspicious` for each part; `control` says whether the proof counts.
    """
    proof = Proof(hidden, places.visible, disabled=disabled)
    for kind, values in (("twins", places.twins), ("outputs", places.outputs)):
        if values is not None:
            proof.see(kind, values)
    proof.look(places)
    return proof.result()


@dataclass(frozen=True, slots=True)
class _Literals:
    control: bool
    counts: Mapping[ScenarioId, int] = field(default_factory=dict)


class _Planted:
    """The planted leak: a scenario that exists for one proof only."""

    def __init__(self) -> None:
        self.canary = "canary-" + secrets.token_hex(16)
        self.words = " ".join(f"planted{secrets.token_hex(4)}" for _ in range(SHINGLE))
        self.literals = (f"planted-{secrets.token_hex(8)}", secrets.randbelow(10**9) + 10**9 + 7)

    def hidden(self) -> tuple[ScenarioId, str, bytes]:
        return CONTROL, self.canary, self.words.encode()

    def notes(self) -> dict[str, bytes]:
        """Return the planted leak in every form."""
        notes = {name: encode_as(name, self.canary.encode()) for name in (*ENCODINGS, *CONTAINERS)}
        return notes | {"words": b"... " + self.words.upper().encode() + b" ..."}

    def plant(self, folder: Path, *, every_form: bool) -> None:
        """Write the planted leak into files."""
        folder.mkdir()
        notes = self.notes() if every_form else {"plain": self.canary.encode()}
        for name, note in notes.items():
            (folder / f"planted-{name}").write_bytes(note)

    def expected(self, seen: set[str]) -> set[str]:
        """Return what must be found: each form in a file, one note in every other place."""
        in_memory = {kind for kind in ("twins", "outputs") if kind in seen}
        return {*(f"workspace {name}" for name in self.notes()), *FOLDERS[1:], *in_memory}


def _result(
    leaked: Mapping[ScenarioId, set[str]],
    literals: _Literals,
    missing: Sequence[str],
    absent: Sequence[str],
    anything_hidden: bool,
) -> Leaks:
    details = [
        f"Content of {name} was found in: {', '.join(sorted(places))}."
        for name, places in sorted(leaked.items())
    ]
    details += [
        f"{count} rare literals of {name} stand in the candidate's code."
        for name, count in sorted(literals.counts.items())
    ]
    details += [f"The planted leak was not found by: {name}." for name in missing]
    if absent:
        details.append(f"Not exercised, because not given: {', '.join(absent)}.")
    most = max(literals.counts.values(), default=0)
    by_heart = "leaked" if most >= 2 else "suspicious" if most else "held"
    return Leaks(
        canaries=("leaked" if leaked else "held") if anything_hidden else None,
        control="failed" if missing else "held",
        literals=by_heart if anything_hidden else None,
        details=tuple(details),
    )
