"""Who stands behind the check of each criterion, and the most that a green result can mean.

A check is as independent as its weakest needed author. Four sources can stand behind one, strongest
first: something outside that neither writer nor grader made (a contract, a recording, a previous
system), an invariant that was written down before the spec, a person who is not the writer, and a
model of another family, whose weight is what `unlit diversity` measured. Where none stands, green
means only that the code agrees with itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from unlit.core.ids import CriterionId
from unlit.evaluation.model import Independence

OUTSIDE: Final = ("golden", "contract", "twin")
MEASURED: Final = frozenset(("status", "shape", "values"))
UNMEASURED: Final = {
    "hand": "written by hand", "contract": "shaped by the contract", "none": "unknown to the twin",
}  # fmt: skip
ORDER: Final = ("golden", "contract", "twin", "invariant", "human", "model")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote something: ``person``, ``model`` or ``unlit``; a model has a family."""

    by: str
    name: str | None = None
    family: str | None = None

    @override
    def __str__(self) -> str:
        """``model anthropic``, ``person finance``."""
        return f"{self.by} {self.family or self.name or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class ScenarioFacts:
    """What the record knows about one scenario that speaks for a criterion.

    Attributes:
        tier: Lowest measured fidelity tier of the twin routes it used; None when it used none or
            nothing was measured.
        judged: Whether a judge decided in it.
        exercised: Whether any trajectory of it counted.
    """

    id: str
    oracle: str
    author: Writer
    tier: str | None = None
    services: tuple[str, ...] = ()
    judged: bool = False
    exercised: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the ceiling of one criterion rests on.

    Attributes:
        code: Who wrote the candidate, usually one or more models.
        judge: Who judged, if a judge decided anything.
        judge_calibrated: Whether human labels measured the judge's errors (PPI).
        n_effective: Measured effective number of independent voters among the families involved.
        person: Who confirmed the outcome of this criterion, if anybody did.
    """

    criterion: CriterionId
    criterion_author: Writer
    scenarios: tuple[ScenarioFacts, ...]
    code: tuple[Writer, ...]
    judge: Writer | None = None
    judge_calibrated: bool = False
    n_effective: float | None = None
    person: str | None = None
    twin_authors: Mapping[str, Writer] = field(default_factory=dict)


def independence(facts: Facts) -> Independence:
    """Return source, authors, families and ceiling of one criterion."""
    exercised = tuple(s for s in facts.scenarios if s.exercised)
    authors = _authors(facts, exercised)
    families = _families(facts, exercised)

    def found(source: str | None, level: int, ceiling: str, *, people: bool) -> Independence:
        return Independence(source, authors, families, ceiling, level, people)

    if facts.person is not None:
        return found(
            "person", 4, f"right as {facts.person} saw it, on what was shown to them", people=False
        )
    if not exercised:
        return found(
            None, 0, "nothing: no scenario exercised it, so only a person can say", people=True
        )
    if any(s.judged for s in exercised) and not facts.judge_calibrated:
        return found(None, 0, _judge_ceiling(facts), people=True)
    best = min(exercised, key=lambda s: _rank(s.oracle))
    if best.oracle in OUTSIDE:
        return found("oracle", _height(best), _outside(best, facts),
                     people=best.oracle == "twin" and best.tier is None)  # fmt: skip
    if best.oracle == "invariant":
        return found(
            "invariant", 2,
            "never breaks the rule written down before the spec; silent on what it is for",
            people=False,
        )  # fmt: skip
    return _by_author(facts, exercised, found)


def _by_author(
    facts: Facts, exercised: tuple[ScenarioFacts, ...], found: Callable[..., Independence]
) -> Independence:
    people = [s for s in exercised if s.author.by == "person"]
    if people:
        names = ", ".join(sorted({s.author.name or "a person" for s in people}))
        return found("person", 3, f"right as {names} understood the sentence", people=False)
    coders = {writer.family for writer in facts.code if writer.by == "model"}
    others = {s.author.family for s in exercised if s.author.family not in coders}
    if others and facts.n_effective is not None and coders:
        return found(
            "diversity", 2,
            f"two readings of the sentence agree; measured as {facts.n_effective:.1f} independent "
            "opinions, no more", people=False,
        )  # fmt: skip
    if others and coders:
        return found(
            None, 1, "another model family reads it the same way; how much that weighs was not "
            "measured", people=True,
        )  # fmt: skip
    return found(
        None, 1, "code and check come from one model family: the code agrees with itself",
        people=True,
    )  # fmt: skip


def _height(best: ScenarioFacts) -> int:
    """Return how high a check of the outside world reaches; a twin as far as it was measured."""
    if best.oracle != "twin":
        return 4
    return 3 if best.tier in MEASURED else 2


def _rank(oracle: str) -> int:
    return ORDER.index(oracle) if oracle in ORDER else len(ORDER)


def _outside(best: ScenarioFacts, facts: Facts) -> str:
    if best.oracle == "golden":
        return "as the previous system did it, on the inputs that were recorded"
    if best.oracle == "contract":
        return "right as the published contract says"
    named = [name.capitalize() for name in best.services] or ["the service"]
    services = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    says = "as its contract and recordings describe it"
    if len(named) > 1:
        says = "as their contracts and recordings describe them"
    if best.tier is None:
        return f"right for our twin of {services}; its fidelity on these routes was not measured"
    if best.tier not in MEASURED:
        how = UNMEASURED.get(best.tier, best.tier)
        return f"right for our twin of {services}; least faithful route used: {how}, not measured"
    return f"right for {services} {says}; least faithful route used: {best.tier}"


def _judge_ceiling(facts: Facts) -> str:
    same = facts.judge is not None and any(
        writer.family is not None and writer.family == facts.judge.family for writer in facts.code
    )
    family = "of the writer's own family" if same else "without measured error rates"
    return f"a judge {family} likes it; its verdict decides nothing until people have labelled runs"


def _authors(facts: Facts, exercised: tuple[ScenarioFacts, ...]) -> dict[str, str]:
    def names(writers: set[str]) -> str:
        return ", ".join(sorted(writers))

    authors = {"criterion": str(facts.criterion_author)}
    if exercised:
        authors["scenario"] = names({str(s.author) for s in exercised})
    services = {service for s in exercised for service in s.services}
    if services:
        authors["twin"] = names(
            {str(facts.twin_authors.get(service, Writer("unlit"))) for service in services}
        )
    if facts.judge is not None and any(s.judged for s in exercised):
        authors["judge"] = str(facts.judge)
    if facts.code:
        authors["code"] = names({str(writer) for writer in facts.code})
    return authors


def _families(facts: Facts, exercised: tuple[ScenarioFacts, ...]) -> tuple[str, ...]:
    writers = [facts.criterion_author, *facts.code, *(s.author for s in exercised)]
    if facts.judge is not None:
        writers.append(facts.judge)
    return tuple(sorted({writer.family for writer in writers if writer.family is not None}))
