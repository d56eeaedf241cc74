"""From flags to a request: sensible defaults, and one clear message for what does not fit."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.evaluation.test_hostile import SCENARIO, SPEC  # the smallest ones

from unlit.cli.evaluate import factory_of, guessed, unheard
from unlit.core.errors import InvalidInput, UnlitError, UsageError
from unlit.core.states import Partition
from unlit.evaluation.defaults import default_policy, default_run, tree_digest
from unlit.evaluation.model import ShipRule
from unlit.evaluation.planning import Factory, Flags, plan
from unlit.policy import Request, decide, load_policy, parse_policy


@pytest.fixture
def flags(tmp_path: Path, candidate: Path) -> Flags:
    (tmp_path / "spec.md").write_text(SPEC, encoding="utf-8")
    vault = tmp_path / "vault"
    vault.mkdir()
    text = SCENARIO.format(name="honest", timeout=5)
    (vault / "a.yaml").write_text(text, encoding="utf-8")
    return Flags(tmp_path / "spec.md", candidate, vault, run="sh product.sh")


def test_everything_unsaid_has_a_default(flags: Flags) -> None:
    request = plan(flags, Factory())
    assert request.partition is Partition.VALIDATION
    assert request.product.run == "sh product.sh"
    assert request.artefacts.is_relative_to(flags.vault.with_name("vault.evaluator"))
    assert plan(flags, Factory()).seed == request.seed
    assert plan(replace(flags, seed=5), Factory()).seed == 5


def test_how_a_program_starts_that_nobody_told_is_said(flags: Flags) -> None:
    (flags.candidate / "main.py").write_text("print('hello')\n", encoding="utf-8")
    (flags.candidate / "product.sh").chmod(0o644)
    told = plan(flags, Factory())
    assert guessed(told, flags.run) == []
    untold = plan(replace(flags, run=None), Factory())
    assert guessed(untold, None) == [
        "nothing says how the program starts; `python3 main.py` is taken. See --run."
    ]


def test_who_is_graded_says_neither_what_it_may_reach_nor_what_is_good_enough(
    flags: Flags, tmp_path: Path
) -> None:
    program = tmp_path / "ran"
    (flags.candidate / "policy.toml").write_text(
        f'version = 1\n[credential.own]\nsource = {{command = ["touch", "{program}"]}}\n'
        'inject = {header = "x-key"}\nhosts = ["example.com"]\n[[allow]]\nrole = "product"\n'
        'host = "example.com"\ncredential = "own"\n',
        encoding="utf-8",
    )
    (flags.candidate / "unlit.toml").write_text(
        '[factory]\nname = "own"\n[product]\nkind = "http"\nrun = "sh product.sh"\nport = 8080\n'
        "[ship]\np0 = 0.01\np1 = 0.02\n",
        encoding="utf-8",
    )
    request = plan(flags, factory_of(flags.candidate))
    assert (request.ship, request.product.kind) == (ShipRule(), "http")
    assert not load_policy(request.policy).credentials
    assert [said.split(" is ")[0] for said in unheard(flags)] == [
        "the candidate's own policy.toml", "the candidate's own [ship]",
    ]  # fmt: skip

    base = tmp_path / "base"
    base.mkdir()
    (base / "policy.toml").write_text("version = 1\n", encoding="utf-8")
    (base / "unlit.toml").write_text(
        '[factory]\nname = "base"\n[product]\nrun = "sh product.sh"\n[ship]\np0 = 0.8\np1 = 0.9\n',
        encoding="utf-8",
    )
    request = plan(replace(flags, base=base), factory_of(flags.candidate, base))
    assert (request.ship.p0, request.product.kind) == (0.8, "cli")
    assert request.policy == base / "policy.toml"
    named = factory_of(flags.candidate, None, base / "unlit.toml")
    assert named.ship.p0 == 0.8
    with pytest.raises(InvalidInput, match="EVA-161"):
        factory_of(flags.candidate, None, tmp_path / "nosuch.toml")


def test_what_would_change_nothing_is_not_taken_in_silence(flags: Flags) -> None:
    with pytest.raises(InvalidInput, match=r"base .*nosuch is not a folder"):
        plan(replace(flags, base=flags.candidate / "nosuch"), Factory())
    with pytest.raises(InvalidInput, match="nothing is replayed") as refused:
        plan(replace(flags, values=("n=3",)), Factory())
    assert refused.value.code == "EVA-139"


def test_another_candidate_draws_other_worlds(flags: Flags) -> None:
    before = plan(flags, Factory())
    (flags.candidate / "more.txt").write_text("x", encoding="utf-8")
    after = plan(flags, Factory())
    assert (before.tree, before.seed) != (after.tree, after.seed)


def test_the_default_policy_leads_to_the_twins_and_nowhere_else(flags: Flags) -> None:
    policy = parse_policy(default_policy(["slack"], build="uv sync"))
    twin = Request("product", "https", "slack.com", 443, "POST", "/api/chat.postMessage")
    other = Request("product", "https", "example.com", 443, "GET", "/")
    assert decide(policy, twin).outcome == "twin"
    assert decide(policy, other).outcome == "deny"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tool": 0o755, "README.md": 0o644}, "./tool"),
        ({"main.py": 0o644, "util.py": 0o644}, "python3 main.py"),
        ({"index.js": 0o644}, "node index.js"),
        ({"run.sh": 0o644}, "sh run.sh"),
        ({"pkg/__main__.py": 0o644}, "python3 -m pkg"),
        ({"notes.txt": 0o644}, None),
        ({"one": 0o755, "two": 0o755}, None),
    ],
)
def test_how_a_program_starts_is_seen_where_it_is_plain(
    tmp_path: Path, files: dict[str, int], expected: str | None
) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    for name, mode in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("", encoding="utf-8")
        path.chmod(mode)
    assert default_run(folder) == expected


def test_a_digest_names_content_and_not_time(candidate: Path) -> None:
    before = tree_digest(candidate)
    (candidate / "product.sh").touch()
    assert tree_digest(candidate) == before
    (candidate / "product.sh").write_text("exit 1", encoding="utf-8")
    assert tree_digest(candidate) != before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"candidate": Path("/nonexistent")}, "EVA-134"),
        ({"spec": Path("/nonexistent")}, "EVA-132"),
        ({"vault": Path("/nonexistent")}, "EVA-120"),
        ({"partition": "hidden"}, "EVA-136"),
        ({"trajectories": 0}, "EVA-137"),
        ({"only": ("nobody",)}, "EVA-123"),
        ({"replay": "honest"}, "EVA-135"),
        ({"replay": "honest:7", "values": ("x=1",)}, "EVA-139"),
    ],
)
def test_what_does_not_fit_is_named(flags: Flags, change: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan(replace(flags, **change), Factory())  # type: ignore[arg-type] # a table of changes
    assert caught.value.code == code


def test_a_vault_inside_the_candidate_is_refused(flags: Flags) -> None:
    inside = flags.candidate / "vault"
    flags.vault.rename(inside)
    with pytest.raises(InvalidInput) as caught:
        plan(replace(flags, vault=inside), Factory())
    assert caught.value.code == "EVA-124"


def test_every_error_says_what_why_and_what_to_do(flags: Flags) -> None:
    with pytest.raises(UnlitError) as caught:
        plan(replace(flags, trajectories=0), Factory())
    assert all((caught.value.what, caught.value.why, caught.value.remedy))


@pytest.mark.parametrize("kind", ["cly", "CLI", ""])
def test_a_kind_that_does_not_exist_is_a_wrong_call(flags: Flags, kind: str) -> None:
    with pytest.raises(UsageError, match="cli, http, web or library") as caught:
        plan(replace(flags, kind=kind), Factory())
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("./nosuch.sh", "the candidate has no file ./nosuch.sh"),
        ("bin/nosuch --fast", "the candidate has no file bin/nosuch"),
        ("/work/nosuch", "the candidate has no file /work/nosuch"),
        ("./product.sh", "chmod [+]x ./product.sh"),
        ("sh nosuch.sh", "the candidate has no file nosuch.sh"),
        ("sh 'product.sh", "no closing quotation"),
    ],
)
def test_a_program_that_cannot_start_is_refused_before_grading(
    flags: Flags, run: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        plan(replace(flags, run=run), Factory())
    assert (caught.value.code, caught.value.exit_code) == ("EVA-138", 3)


@pytest.mark.parametrize(
    "run", ["./tool", "/work/tool", "/deps/bin/thing", "sh -c 'true'", "sh product.sh x.sh", "tool"]
)
def test_what_may_start_is_not_refused(flags: Flags, run: str) -> None:
    (flags.candidate / "tool").write_text("#!/bin/sh\n", encoding="utf-8")
    (flags.candidate / "tool").chmod(0o755)
    assert plan(replace(flags, run=run), Factory()).product.run == run


@pytest.mark.parametrize("port", [0, -1, 65_536, 99_999])
def test_a_number_that_is_no_port_is_refused(flags: Flags, port: int) -> None:
    with pytest.raises(InvalidInput, match=f"{port} is no port") as refused:
        plan(replace(flags, port=port), Factory())
    assert refused.value.code == "EVA-131"
