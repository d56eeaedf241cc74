"""What an importer makes: a scenario in our format, and every step that no driver performs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.evaluation.interchange.scenario_yaml import scenario_yaml

_LOOKS_AT: Final = {"exit": "cli", "stdout": "cli", "stderr": "cli", "status": "http",
                    "body": "http", "header": "http"}  # fmt: skip
_ID: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the other format does not know and ours demands."""

    criterion: str
    owner: str
    partition: str = "validation"
    oracle: str = "contract"
    because: str = "imported"
    spec: str | None = None

    @property
    def about(self) -> dict[str, str]:
        """Return the key that names the spec, if one is named."""
        return {} if self.spec is None else {"spec": self.spec}


@dataclass(frozen=True, slots=True)
class Imported:
    """One scenario from elsewhere.

    Attributes:
        unsupported: ``FILE:LINE what`` for each step that no driver performs; they stay in it as
            `unsupported` steps, so that its trajectories are not exercised instead of passing.
    """

    table: Mapping[str, Any]
    source: str
    unsupported: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The scenario's id."""
        return str(self.table["id"])

    def text(self) -> str:
        """Return the scenario as YAML."""
        head = f"# Imported from {self.source}.\n"
        return head + scenario_yaml(self.table)


@dataclass(slots=True)
class Builder:
    """Collects steps and checks while a foreign scenario is read.

    Attributes:
        place: ``FILE:LINE`` of what is being read.
        locate: Finds a better place for what is refused.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    place: str = ""
    locate: Callable[[str], str] | None = None
    _asked: list[str] = field(default_factory=list)

    def step(self, kind: str, params: Mapping[str, Any]) -> None:
        """Add a step."""
        self.steps.append({kind: dict(params)})

    def refuse(self, what: str, original: Any = None) -> None:
        """Keep a step that no driver performs, by name and place."""
        place = self.place if self.locate is None else self.locate(what)
        self.unsupported.append(f"{place} {what}".strip())
        params: dict[str, Any] = {"what": what}
        if original is not None:
            params["original"] = original
        self.steps.append({"unsupported": params})

    def check(self, kind: str, value: Any) -> None:
        """Add what must be true afterwards."""
        self.checks.append({kind: value})
        self._asked.append(self.place)

    def _refuse_unreached(self) -> None:
        """Keep by name the checks that look at a step of a kind that there is none of."""
        kinds = {kind for step in self.steps for kind in step}
        kept: list[dict[str, Any]] = []
        places = iter(self._asked)
        for check in self.checks:
            (kind,) = check
            if kind == "judge":
                kept.append(check)
                continue
            self.place = next(places, "")
            needs = _LOOKS_AT.get(kind)
            if needs is not None and needs not in kinds:
                self.refuse(f"{kind} of a step that is not supported", {kind: check[kind]})
            else:
                kept.append(check)
        self.checks = kept

    def ask(self, question: str) -> None:
        """Leave to a judge what no program can check, about the newest step."""
        evidence = f"step[{max(1, len(self.steps))}]"
        self.checks.append({"judge": {"ask": question, "evidence": evidence}})

    def build(self, name: str, story: str, terms: Terms, source: str, **more: Any) -> Imported:
        """Return the scenario."""
        self._refuse_unreached()
        checks = self.checks or [_default_check(self.steps)]
        table = {
            "id": slug(name),
            "story": story.strip() or name,
            "criterion": [terms.criterion],
            **terms.about,
            "partition": terms.partition,
            **{key: value for key, value in more.items() if value},
            "oracle": "model" if any("judge" in check for check in checks) else terms.oracle,
            "author": {"by": "tool", "name": "import"},
            "owner": terms.owner,
            "because": terms.because,
            "when": self.steps or [{"unsupported": {"what": "the scenario has no step"}}],
            "then": checks,
        }
        return Imported(table, source, tuple(self.unsupported))


def _default_check(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a check that always can be made: what every step expects is checked in the steps."""
    return {"within": {"seconds": max(60, 30 * len(steps))}}


def slug(name: str) -> str:
    """Return a scenario id made of a name."""
    return _ID.sub("-", name.lower()).strip("-")[:80] or "imported"


def variable(name: str) -> str:
    """Return a name in our form of variables."""
    made = re.sub(r"[^a-z0-9_]", "_", name.lower())
    return made if made[:1].isalpha() else f"v_{made}"
