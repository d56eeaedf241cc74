"""Other formats become scenarios; what no driver performs is named and stays in them."""

from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.evaluation.interchange.gherkin import from_gherkin
from unlit.evaluation.interchange.hurl import from_hurl
from unlit.evaluation.interchange.imported import Imported, Terms
from unlit.evaluation.interchange.importing import import_files, spec_for
from unlit.evaluation.interchange.octopus import from_octopus
from unlit.evaluation.scenarios.lint import lint_scenario
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.evaluation.vault import load_vault
from unlit.intent import parse_spec

TERMS = Terms("AC-1", "ada")

OCTOPUS = """\
id: ttl_expiry
description: TTL expiration behaviour
weight: 1.5
setup:
  - description: Create a key
    request: {method: PUT, path: /kv/a, headers: {X-A: "1"}, body: {value: goes away, ttl: 2}}
    capture: [{name: Key_Id, jsonpath: $.data.id}]
steps:
  - description: Gone
    delay: "3s"
    request: {method: GET, path: "/kv/{Key_Id}"}
    retry: {attempts: 3, interval: "1s"}
    expect: "Status 404. The key should have expired."
  - description: List
    exec: {command: "myapp list", env: {A: "1"}, timeout: 10s}
    expect: Exit code 0
    capture: [{name: out, source: stdout}]
  - description: Page
    browser: {action: assert, selector: "#x", text_absent: gone}
  - description: Terminal
    tui: {send_key: q}
    expect: It quits
"""

HURL = """\
# A booking is made and read back
POST http://localhost:8080/bookings
Content-Type: application/json
{
  "desk": "a1",
  "day": {{day}}
}
HTTP 201
[Captures]
booking: jsonpath "$.id"
[Asserts]
jsonpath "$.desk" == "a1"
jsonpath "$.tags" count == 2
header "Location" contains "/bookings/"

GET {{host}}/bookings/{{booking}}
[QueryStringParams]
full: yes
HTTP 200
[Asserts]
jsonpath "$.items[0].name" startsWith "A"
xpath "//h1" exists
"""

FEATURE = """\
Feature: Greeter
  Background:
    Given a file named "names.txt" with:
      \"\"\"
      ann
      \"\"\"

  @sealed
  Scenario: Known
    When I run `greet ann`
    Then the exit status should be 0
    And the output should contain "hello ann"
    And the stderr should not contain "error"

  Scenario Outline: Others
    When I run `greet <name>`
    Then the exit status should be <code>
    And the moon should be full
    Examples:
      | name | code |
      | bob  | 0    |
      |      | 2    |
"""


def ours(imported: Imported) -> Scenario:
    result = parse_scenario(imported.text(), "x.yaml")
    assert isinstance(result, Scenario), result
    assert [f for f in lint_scenario(result) if f.severity == "error"] in ([],)
    return result


def octopus(text: str) -> Imported:
    found = from_octopus(text, "ttl.yaml", TERMS)
    assert isinstance(found, Imported)
    return found


def test_an_octopus_scenario_keeps_every_step() -> None:
    imported = octopus(OCTOPUS)
    scenario = ours(imported)
    kinds = [step.kind for step in scenario.when]
    assert kinds == ["http", "wait", "http", "cli", "ui", "unsupported"]
    assert scenario.id == "ttl-expiry"
    assert scenario.weight == 15
    assert scenario.when[0].params["capture"] == {"key_id": "data.id"}
    assert scenario.when[2].params["GET"] == "/kv/{key_id}"
    assert scenario.when[2].params["expect"] == {"status": 404}
    assert scenario.when[2].params["retry_s"] == 3
    assert scenario.when[3].params["expect"] == {"exit": 0}
    assert scenario.when[4].params["not_see"] == [{"in": "#x", "text": "gone"}]
    assert imported.unsupported == ("ttl.yaml:20 tui (Terminal)",)


def test_a_sentence_that_is_more_than_a_status_is_left_to_a_judge() -> None:
    scenario = ours(octopus(OCTOPUS))
    asked = [check.value["ask"] for check in scenario.then if check.kind == "judge"]
    assert asked == ["Status 404. The key should have expired."]
    assert scenario.oracle == "model"


def test_a_hurl_file_becomes_requests_with_expectations() -> None:
    imported = from_hurl(HURL, "a/booking.hurl", TERMS)
    result = parse_scenario(imported.text(), "x.yaml")
    assert isinstance(result, Scenario)
    first, second = (step.params for step in result.when if step.kind == "http")
    assert first["POST"] == "/bookings"
    assert first["expect"]["status"] == 201
    assert first["expect"]["body"]["at"] == {"desk": "a1", "tags": {"count": 2}}
    assert first["expect"]["header"] == {"Location": {"contains": "/bookings/"}}
    assert first["capture"] == {"booking": "id"}
    assert second["GET"] == "/bookings/{booking}?full=yes"
    assert second["expect"]["body"]["at"] == {"items.0.name": {"matches": "^A"}}
    assert imported.unsupported == ('a/booking.hurl:22 assert xpath "//h1" exists',)


def test_a_feature_becomes_one_scenario_for_each_row() -> None:
    found = from_gherkin(FEATURE, "greeter.feature", TERMS)
    assert [f.name for f in found] == [
        "greeter-known", "greeter-others-1", "greeter-others-2",
    ]  # fmt: skip
    known = ours(found[0])
    assert known.partition == "sealed"
    assert [step.kind for step in known.when] == ["file", "cli"]
    assert [check.kind for check in known.then] == ["exit", "stdout", "stderr"]
    assert found[1].unsupported == ("greeter.feature:18 the moon should be full",)


def test_a_folder_is_imported_with_a_spec_that_fits(tmp_path: Path) -> None:
    source, vault = tmp_path / "source", tmp_path / "vault"
    source.mkdir()
    (source / "a.hurl").write_text(HURL.replace("{{day}}", "3"), encoding="utf-8")
    (source / "b.yaml").write_text(OCTOPUS, encoding="utf-8")
    written = import_files([source], vault, TERMS, criteria=["AC-1", "AC-2"])
    spec = parse_spec(spec_for(written, "Imported product", "ada@example.com"))
    loaded = load_vault(vault, criteria={c.id for c in spec.criteria})
    assert loaded.errors == ()
    assert len(loaded.scenarios) == 2
    with pytest.raises(InvalidInput) as caught:
        import_files([source], vault, TERMS)
    assert caught.value.code == "EVA-151"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("a.txt", "x", "EVA-152"), ("a.yaml", "steps: 3", "EVA-150"), ("a.yaml", "[", "EVA-101")],
)
def test_what_cannot_be_imported_is_named(tmp_path: Path, name: str, text: str, code: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        import_files([tmp_path / name], tmp_path / "vault", TERMS)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("words", "expected", "asked"),
    [
        ("Status 404.", {"status": 404}, False),
        ("Status 400 or 422.", {"status": {"one_of": [400, 422]}}, False),
        ("HTTP 201", {"status": 201}, False),
        ("Status code is 409", {"status": 409}, False),
        ("Status is not 500", None, True),
        ("The list is empty", None, True),
    ],
)
def test_only_what_is_plainly_a_status_becomes_a_check(
    words: str, expected: dict[str, object] | None, asked: bool
) -> None:
    text = (
        "id: a\nsteps:\n  - description: d\n    request: {method: GET, path: /x}\n"
        f'    expect: "{words}"\n'
    )
    scenario = ours(octopus(text))
    assert scenario.when[0].params.get("expect") == expected
    assert any(check.kind == "judge" for check in scenario.then) is asked


def test_a_step_of_an_unexpected_form_is_named_and_kept() -> None:
    text = "id: a\nsteps:\n  - request: {method: GET, path: /x}\n    capture: [3]\n  - {}\n  - 7\n"
    imported = octopus(text)
    assert len(imported.unsupported) == 3
    ours(imported)
