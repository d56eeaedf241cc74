"""A draft of existing behaviour says what was seen, marks it, and is never ready."""

from unlit.intent import ready
from unlit.intent.rules.examples import Input, Observed
from unlit.intent.rules.observed import Run, Seen, first_inputs, observed_spec
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.render import render_spec

HELP = """Usage: tool COMMAND

Commands:
  list      List all entries
  add       Add one entry.

Options:
  -q, --quiet        Say less
  --out FILE         Where to write
"""
TESTS = '''
def test_an_empty_list_prints_nothing(): ...
async def test_add():
    """Adding twice keeps one."""
def helper(): ...
'''
OPENAPI = {
    "paths": {
        "/desks/{id}": {
            "get": {"summary": "One desk", "responses": {"200": {"description": "it"}, "404": {}}},
            "parameters": [],
        },
        "/broken": "no",
        "/none": {"post": {}},
    }
}
SEEN = Seen(
    "tool",
    "tool",
    readme="# tool\n\n[badge]\n\nKeeps entries\nin a file.\n",
    help=HELP,
    tests={"tests/test_a.py": TESTS, "tests/test_b.py": "def broken(:"},
    openapi=OPENAPI,
    runs=(
        Run(Input(()), Observed(2, "", stderr="usage")),
        Run(Input(("list",)), Observed(0, "a\nb\n")),
        Run(Input(("list", "-q")), Observed(0, "")),
    ),
)


def test_each_source_gives_criteria_that_say_what_was_seen() -> None:
    spec = observed_spec(SEEN, owner="o@example.com")
    texts = [criterion.text for criterion in spec.criteria]
    assert spec.origin == "observed"
    assert "observed and not intended" in spec.intent
    assert "Keeps entries in a file." in spec.intent
    assert any("exit with code 2" in text for text in texts)
    assert any("`tool list` runs with the inputs below" in text for text in texts)
    assert (
        "Where `-q, --quiet` is given, the program shall do what its help says: Say less." in texts
    )
    assert "When `GET /desks/{id}` arrives, the service shall answer 200 or 404 (200: it)." in texts
    assert any("an empty list prints nothing" in text for text in texts)
    assert any("Adding twice keeps one" in text for text in texts)
    assert not any("/none" in text or "/broken" in text for text in texts)
    runs = next(c for c in spec.criteria if "`tool list` runs with" in c.text)
    assert [(e.input, e.outcome, e.source) for e in runs.examples] == [
        ("`list`", "prints `a\\nb`", "observed"),
        ("`list -q`", "prints nothing", "observed"),
    ]
    assert "README: read" in spec.notes[0].body
    assert spec.boundaries[0].case == "empty"


def test_what_was_not_found_is_said() -> None:
    spec = observed_spec(Seen("x", "x"), owner="o")
    assert spec.criteria == ()
    assert "- OpenAPI document: not found" in spec.notes[0].body


def test_an_observed_draft_can_be_written_and_read_and_is_never_ready() -> None:
    spec = observed_spec(SEEN, owner="o@example.com")
    reading = read_spec(render_spec(spec))
    assert reading.problems == ()
    assert reading.spec.to_json() == spec.to_json()
    assert "INT-208" in [finding.code for finding in ready(reading.spec).missing]


def test_first_inputs_follow_the_commands_that_help_lists() -> None:
    made = first_inputs(HELP)
    assert Input(()) in made
    assert Input(("add", "--help")) in made


def test_tests_in_javascript_are_read_by_their_names() -> None:
    text = """
    test("spaces become dashes", () => {});
    it.only('drops "quotes"', async () => {});
    it(`keeps\\ttabs`, f); visit("not a test"); x.test("nor this")
    """
    seen = Seen("slug", "slug", tests={"test/slug.test.js": text})
    titles = [criterion.title for criterion in observed_spec(seen, owner="o@example.com").criteria]
    assert titles == ["spaces become dashes", 'drops "quotes"']
