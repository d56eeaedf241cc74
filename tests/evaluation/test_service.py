"""A grading over fakes: decided by sweeps, told in order, nothing of the content let out."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.core.states import Partition, Verdict
from unlit.core.system import SystemClock
from unlit.evaluation.defaults import refuse_undrivable
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.model import EvaluationRequest, Event, Product, ShipRule
from unlit.evaluation.registry import driver
from unlit.evaluation.service import Counted, Parts, grade
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.vault import load_vault
from unlit.policy import Identity

SCENARIO = """\
id: {name}
story: s
criterion: [{criterion}]
partition: validation
weight: {weight}
oracle: contract
author: {{by: person}}
owner: o
because: b
vary: {{who: {{from: names}}}}
when: [{{cli: {{run: [greet, "{{who}}"]}}}}]
then: [{{stdout: {expected}}}]
{extra}
"""


class World:
    """A vault, a candidate and everything that a grading needs."""

    def __init__(self, folder: Path, candidate: Path) -> None:
        self.folder = folder
        self.candidate = candidate
        self.vault = folder / "vault"
        self.vault.mkdir()
        self.events: list[Event] = []

    def scenario(
        self, name: str, expected: str = "'hello {who}'", weight: int = 1, criterion: str = "AC-1",
        extra: str = "",
    ) -> None:  # fmt: skip
        text = SCENARIO.format(
            name=name, expected=expected, weight=weight, criterion=criterion, extra=extra
        )
        (self.vault / f"{name}.yaml").write_text(text, encoding="utf-8")

    def request(self, run: str = "sh product.sh", base: Path | None = None) -> EvaluationRequest:
        return EvaluationRequest(
            spec=self.folder / "spec.md", candidate=self.candidate, base=base, vault=self.vault,
            partition=Partition.VALIDATION, product=Product(run=run), ship=ShipRule(0.8, 0.9),
            seed=7, max_trajectories=27, parallel=2, look=None, artefacts=self.folder / "kept",
            policy=self.folder / "policy.toml", identity=Identity("r", "validate", "a", "product"),
        )  # fmt: skip

    async def grade(self, request: EvaluationRequest | None = None) -> Counted:
        parts = Parts(
            FakeWorlds(),
            LocalPool(),
            SystemClock(),
            driver,
            ArtefactStore(self.folder / "kept"),
            Proof([]),
        )
        vault = load_vault(self.vault)
        vault.refuse_errors()
        return await grade(request or self.request(), vault, parts, self.events.append)


@pytest.fixture
def world(tmp_path: Path, candidate: Path) -> World:
    return World(tmp_path, candidate)


def test_a_vault_that_steers_nothing_is_refused_before_an_agent_works(world: World) -> None:
    world.scenario("a")
    with pytest.raises(InvalidInput, match="has no sealed scenario: only validation") as refused:
        load_vault(world.vault).refuse_unsteered()
    assert refused.value.code == "EVA-159"
    world.scenario("b")
    sealed = (world.vault / "b.yaml").read_text().replace("validation", "sealed")
    (world.vault / "b.yaml").write_text(sealed)
    load_vault(world.vault).refuse_unsteered()
    (world.vault / "a.yaml").unlink()
    with pytest.raises(InvalidInput, match="has no validation scenario: only sealed") as refused:
        load_vault(world.vault).refuse_unsteered()
    assert refused.value.code == "EVA-159"


@pytest.mark.parametrize("step", ["http: {GET: /}", "ws: {open: /}", "ui: {open: /}"])
def test_a_server_is_not_asked_where_the_product_has_no_port(world: World, step: str) -> None:
    world.scenario("a")
    text = (world.vault / "a.yaml").read_text()
    (world.vault / "a.yaml").write_text(text.replace('cli: {run: [greet, "{who}"]}', step))
    with pytest.raises(InvalidInput, match="product has no port") as refused:
        refuse_undrivable(load_vault(world.vault).scenarios, "./tool", None)
    assert refused.value.code == "EVA-131"
    refuse_undrivable(load_vault(world.vault).scenarios, "./tool", 8000)


def test_nothing_is_graded_by_words_for_a_command_that_nobody_names(world: World) -> None:
    world.scenario("a")
    with pytest.raises(InvalidInput, match="nothing says how it starts") as refused:
        refuse_undrivable(load_vault(world.vault).scenarios, None, 8000)
    assert refused.value.code == "EVA-130"


def test_a_scenario_that_names_its_specs_is_graded_by_these_alone(world: World) -> None:
    world.scenario("any")
    world.scenario("one", extra="spec: search")
    world.scenario("both", extra="spec: [search, sort]")

    def ids(spec: str | None, *criteria: str) -> list[str]:
        found = load_vault(world.vault, spec=spec, criteria=set(criteria) or None)
        found.refuse_errors()
        return sorted(scenario.id for scenario in found.scenarios)

    assert ids(None) == ids("search") == ["any", "both", "one"]
    assert ids("sort") == ["any", "both"]
    assert ids("other") == ["any"]
    (world.vault / "any.yaml").unlink()
    with pytest.raises(InvalidInput, match="no scenario for the spec `other`") as refused:
        ids("other")
    assert refused.value.code == "EVA-121"
    assert ids("sort", "AC-1") == ["both"]
    with pytest.raises(InvalidInput, match="no criterion AC-1"):
        ids("sort", "AC-9")
    (world.vault / "both.yaml").unlink()
    world.scenario("new", criterion="AC-9", extra="spec: sort")
    assert ids("sort", "AC-9") == ["new"]


async def test_a_good_candidate_ships_at_the_end_of_a_sweep(world: World) -> None:
    for name in ("a", "b", "c"):
        world.scenario(name, weight=1 if name == "a" else 4)
    counted = await world.grade()
    assert counted.test.decision is Verdict.SHIP
    assert counted.test.n == 27
    assert [event.fields["n"] for event in world.events] == list(range(1, 28))
    assert world.events[-1].fields["decided"] == "ship"


async def test_it_stops_when_it_can_no_longer_ship(world: World) -> None:
    world.scenario("a", weight=2)
    world.scenario("b", expected="'goodbye {who}'", criterion="AC-2")
    counted = await world.grade()
    assert (counted.test.n, counted.curtailed) == (3, True)
    assert counted.test.decision is Verdict.UNDECIDED


async def test_a_bad_candidate_is_not_yet_and_says_which_criterion(world: World) -> None:
    world.scenario("a", expected="nobody")
    counted = await world.grade()
    assert counted.test.decision is not Verdict.SHIP
    assert counted.records[0].failed == ("AC-1",)


async def test_the_same_seed_gives_the_same_trajectories(world: World) -> None:
    world.scenario("a")
    first = await world.grade()
    second = await world.grade()
    keys = [[(r.scenario, r.seed, r.state) for r in counted.records] for counted in (first, second)]
    assert keys[0] == keys[1]


async def test_content_goes_to_the_store_and_nowhere_else(world: World) -> None:
    world.scenario("a", expected="'unheard-of-phrase {who}'")
    counted = await world.grade()
    told = json.dumps([e.to_json() for e in world.events])
    told += json.dumps([record.to_json() for record in counted.records])
    kept = (world.folder / "kept" / "trajectories.jsonl").read_text(encoding="utf-8")
    assert "unheard-of-phrase" not in told
    assert "unheard-of-phrase" in kept
    assert (world.folder / "kept").stat().st_mode & 0o077 == 0


async def test_a_product_that_cannot_be_started_is_an_input_error(world: World) -> None:
    world.scenario("a")
    with pytest.raises(InvalidInput) as caught:
        await world.grade(world.request(run=""))
    assert caught.value.code == "EVA-130"


async def test_no_scenario_is_not_exercised(world: World) -> None:
    world.scenario("a", extra="")
    text = (world.vault / "a.yaml").read_text(encoding="utf-8")
    (world.vault / "a.yaml").write_text(text.replace("validation", "sealed"), encoding="utf-8")
    assert (await world.grade()).records == ()


@pytest.fixture
def base(tmp_path: Path) -> Callable[[str], Path]:
    def make(text: str) -> Path:
        folder = tmp_path / "base"
        folder.mkdir()
        (folder / "product.sh").write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.mark.parametrize(
    ("product", "extra", "problem"),
    [
        ("echo unknown command >&2; exit 2", "fails_on_base: [{exit: 2}]", None),
        ("echo unknown command >&2; exit 1", "fails_on_base: {exit: 2}", "another reason"),
        ('echo "hello $2"', "fails_on_base: {exit: 2}", "passes it already"),
        ('echo "hello $2"', "regression: true", None),
        ("exit 2", "regression: true", "regression"),
    ],
)
async def test_what_a_scenario_says_about_the_base_is_checked(
    world: World, base: Callable[[str], Path], product: str, extra: str, problem: str | None
) -> None:
    world.scenario("a", extra=extra)
    counted = await world.grade(world.request(base=base(product)))
    assert counted.base.checked == ("a",)
    if problem is None:
        assert counted.base.void == {}
    else:
        assert problem in counted.base.void["a"]  # type: ignore[index] # ids are text
        assert counted.records == ()


async def test_an_interrupted_grading_goes_on_where_it_was(world: World) -> None:
    for name in ("a", "b", "c"):
        world.scenario(name)
    whole = await world.grade()
    journal = world.folder / "kept" / "trajectories.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:10]) + lines[10][:25])
    world.events.clear()
    resumed = await world.grade()
    key = [(record.n, record.scenario, record.seed, record.state) for record in whole.records]
    again = [(record.n, record.scenario, record.seed, record.state) for record in resumed.records]
    assert again == key
    assert resumed.test == whole.test
    assert len(journal.read_bytes().splitlines()) == len(lines)
    assert [event.fields["n"] for event in world.events] == list(range(1, len(lines) + 1))
    kept = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert [entry["record"]["n"] for entry in kept] == list(range(1, len(lines) + 1))


async def test_another_candidate_begins_anew(world: World) -> None:
    world.scenario("a")
    first = await world.grade()
    second = await world.grade(replace(world.request(), tree="sha256:other"))
    assert len(second.records) == len(first.records)
    lines = (world.folder / "kept" / "trajectories.jsonl").read_bytes().splitlines()
    assert len(lines) == len(second.records)


async def test_a_command_that_is_not_there_is_named(world: World) -> None:
    world.scenario("a")
    with pytest.raises(InvalidInput) as caught:
        await world.grade(world.request(run="no-such-command-here run"))
    assert caught.value.code == "EVA-138"


async def test_what_is_left_is_spent_where_it_is_undecided(world: World) -> None:
    world.scenario("a", weight=9)
    world.scenario("b", criterion="AC-2")
    request = replace(world.request(), max_trajectories=30, options={"settle": 12})
    counted = await world.grade(request)
    assert {record.criteria[0] for record in counted.settled} == {"AC-2"}  # AC-1 is met
    assert len(counted.settled) == 12
    assert counted.test.n == 30  # they do not enter the ship test
    assert [record.n for record in counted.settled] == list(range(31, 43))


async def test_what_is_settled_is_drawn_by_weight_and_counts_for_one_criterion(
    world: World,
) -> None:
    world.scenario("a", weight=9)
    world.scenario("often", criterion="AC-2, AC-1", weight=8)
    world.scenario("seldom", criterion="AC-2", weight=1)
    request = replace(world.request(), max_trajectories=18, options={"settle": 30})
    counted = await world.grade(request)
    drawn = [record.scenario for record in counted.settled if record.criteria == ("AC-2",)]
    assert sum(name == "often" for name in drawn) > 3 * sum(name == "seldom" for name in drawn)
    assert {len(record.criteria) for record in counted.settled} == {1}


async def test_answers_that_were_learnt_do_better_with_known_values(world: World) -> None:
    from unlit.evaluation.scenarios.sample import draw_seed, sample

    names = [f"s{n}" for n in range(6)]
    for name in names:
        world.scenario(name)
    known = []
    for scenario in load_vault(world.vault).scenarios:
        values = sample(scenario, draw_seed(0, f"known:{scenario.id}", 0))
        known.append(f'{values["who"]}) echo "hello $2" ;;')
    table = 'case "$2" in ' + " ".join(known) + " *) echo no ;; esac"
    (world.candidate / "product.sh").write_text(table, encoding="utf-8")
    counted = await world.grade(
        replace(world.request(), options={"freshness": True}, keep_going=True)
    )
    assert counted.freshness is not None
    assert counted.freshness.known_better == 6
    assert counted.freshness.is_suspicious


async def test_it_ends_when_nothing_can_be_exercised(world: World) -> None:
    world.scenario("a")
    path = world.vault / "a.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("when: [", "when: [{unsupported: {what: tui}}, "), "utf-8")
    counted = await world.grade()
    assert (len(counted.records), counted.test.n) == (1, 0)


async def test_a_library_is_driven_by_a_shell(world: World) -> None:
    world.scenario("a")
    path = world.vault / "a.yaml"
    text = path.read_text(encoding="utf-8")
    shell = "{cli: {shell: 'sh product.sh greet {who}'}}"
    path.write_text(text.replace('{cli: {run: [greet, "{who}"]}}', shell), encoding="utf-8")
    request = replace(world.request(), product=Product(kind="library"))
    counted = await world.grade(request)
    assert counted.test.satisfied == counted.test.n > 0
