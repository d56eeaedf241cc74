"""`unlit init`: finds, writes, never overwrites."""

from pathlib import Path

import pytest

from unlit.core.errors import UnlitError
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.intent import parse_spec, ready
from unlit.line import adopt as texts
from unlit.line.adopt import SPEC, adopt, survey
from unlit.policy import parse_policy
from unlit.wiring.factory import read_factory


def _repository(tmp_path: Path) -> Path:
    repository = tmp_path / "tool"
    (repository / "tests").mkdir(parents=True)
    (repository / ".git").mkdir()
    (repository / "tests" / "conftest.py").write_text("")
    (repository / "tool").mkdir()
    (repository / "tool" / "__main__.py").write_text("")
    (repository / "pyproject.toml").write_text('[project]\nname = "tool"\n')
    return repository


def test_what_is_written_is_what_the_factory_reads(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    adopt(repository, tmp_path / "vault")
    factory = read_factory(repository)
    assert factory.product.run == "python -m tool"
    assert factory.product.test == "python -m pytest -q"


def test_an_answer_wins_over_what_was_found(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    adopt(repository, tmp_path / "vault", answers={"run": "tool"})
    assert read_factory(repository).product.run == "tool"


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    (repository / "policy.toml").write_text("mine")
    adopted = adopt(repository, tmp_path / "vault")
    assert (repository / "policy.toml").read_text() == "mine"
    assert repository / "policy.toml" in adopted.kept
    assert adopt(repository, tmp_path / "vault").written == ()


def test_the_policy_it_writes_is_valid() -> None:
    assert parse_policy(texts.POLICY).warnings == ()


def test_an_untouched_template_is_not_ready_and_says_what_is_missing() -> None:
    found = ready(parse_spec(SPEC, Path("specs/first-change.md")))
    assert not found.ready
    assert len(found.missing) >= 10
    assert "INT-202" in {finding.code for finding in found.missing}


def test_a_repository_of_node_reaches_its_own_package_index(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    (repository / "package.json").write_text("{}")
    both = parse_policy(texts.policy_text(repository))
    (repository / "pyproject.toml").unlink()
    node = parse_policy(texts.policy_text(repository))
    assert {rule.mirror for rule in both.rules} == {"pypi", "npm"}
    assert {rule.mirror for rule in node.rules} == {"npm"}


def test_the_vault_is_for_its_owner_alone(tmp_path: Path) -> None:
    adopt(_repository(tmp_path), tmp_path / "vault")
    assert (tmp_path / "vault").stat().st_mode & 0o077 == 0


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnlitError) as caught:
        adopt(tmp_path, tmp_path / "vault")
    assert caught.value.code == "LIN-102"


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    (repository / "loop").symlink_to(tmp_path)
    assert survey(repository).run == "python -m tool"


def test_a_server_gets_its_kind_its_port_and_a_first_scenario_of_its_own(tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    (repository / ".git").mkdir(parents=True)
    (repository / "app.py").write_text('HTTPServer(("0.0.0.0", 8000), H).serve_forever()\n')
    adopted = adopt(repository, tmp_path / "vault")
    product = read_factory(repository).product
    assert (product.kind, product.port, product.run) == ("http", 8000, "python3 app.py")
    assert "`GET /`" in (repository / "specs" / "first-change.md").read_text()
    scenario = (tmp_path / "vault" / "visible" / "it-answers.yaml").read_text()
    assert "http: {GET: /}" in scenario
    assert "cli:" not in scenario
    assert not isinstance(parse_scenario(scenario, "it-answers.yaml"), list)
    assert any("port 8000" in reason for reason in adopted.commands.reasons)


def test_a_server_without_a_known_port_asks_for_it(tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    (repository / ".git").mkdir(parents=True)
    (repository / "app.py").write_text("server.serve_forever()\n")
    adopt(repository, tmp_path / "vault")
    assert "# port = …  # not found: say it here" in (repository / "unlit.toml").read_text()


def test_only_a_script_that_can_be_run_is_taken(tmp_path: Path) -> None:
    repository = tmp_path / "tool"
    (repository / ".git").mkdir(parents=True)
    (repository / "names").write_text("#!/bin/sh\nsort\n")
    assert survey(repository).run is None
    (repository / "names").chmod(0o755)
    assert survey(repository).run == "./names"
