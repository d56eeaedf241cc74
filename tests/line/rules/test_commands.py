"""Build, test and run commands are found from manifests alone."""

import pytest

from unlit.line.rules.commands import Commands, find_commands

PYPROJECT = """
[project]
name = "tool"
dependencies = ["six"]
[project.scripts]
tool = "tool.cli:main"
[tool.pytest.ini_options]
"""


def test_a_locked_python_project_is_synced() -> None:
    found = find_commands(
        {"pyproject.toml": PYPROJECT, "uv.lock": ""}, frozenset({"src", "tests"}), frozenset()
    )
    assert found.build == "uv sync --frozen --no-install-project --compile-bytecode"
    assert found.test == "python -m pytest -q"
    assert found.run == "python -c 'import sys; from tool.cli import main; sys.exit(main())'"
    assert found.env == {"PYTHONPATH": "src"}


def test_an_unlocked_one_gets_its_dependencies_and_the_test_runner() -> None:
    found = find_commands(
        {"pyproject.toml": PYPROJECT},
        frozenset({"tool", "tests"}),
        frozenset({"tool/__main__.py", "tests/conftest.py"}),
    )
    assert found.build is not None
    assert found.build.endswith("-r pyproject.toml pytest")
    assert found.run == "python -m tool"
    assert found.env == {"PYTHONPATH": "."}


def test_tests_without_pytest_are_run_by_unittest() -> None:
    found = find_commands({"setup.py": ""}, frozenset({"test"}), frozenset({"test/test_a.py"}))
    assert found.test == "python3 -m unittest discover -s test"
    assert found.build is None
    package = frozenset({"test/test_a.py", "test/__init__.py"})
    found = find_commands({"setup.py": ""}, frozenset({"test"}), package)
    assert found.test == "python3 -m unittest discover -s test -t ."


def test_a_node_project_is_read_from_its_scripts() -> None:
    package = '{"scripts": {"test": "node --test", "start": "node server.js"}}'
    found = find_commands({"package.json": package}, frozenset(), frozenset())
    assert (found.test, found.run, found.build) == ("npm test", "npm start", None)


def test_what_cannot_be_parsed_is_not_guessed() -> None:
    assert find_commands({"package.json": "{"}, frozenset(), frozenset()) == Commands()
    assert find_commands({}, frozenset(), frozenset()) == Commands()


def test_each_command_says_what_it_rests_on() -> None:
    found = find_commands(
        {"pyproject.toml": PYPROJECT}, frozenset({"tests"}), frozenset({"tool/__main__.py"})
    )
    assert [reason.split(":")[0] for reason in found.reasons] == ["build", "test", "run"]


def test_a_package_of_node_is_started_by_the_file_of_its_command() -> None:
    texts = {"package.json": '{"bin": {"slugit": "./bin/slugit.js"}, "scripts": {}}'}
    found = find_commands(texts, frozenset(), frozenset())
    assert (found.kind, found.run) == ("cli", "node bin/slugit.js")
    for declared in ('"/bin/sh"', '"../x.js"', "3", "{}"):
        texts = {"package.json": f'{{"bin": {declared}}}'}
        assert find_commands(texts, frozenset(), frozenset()).run is None


def test_without_an_environment_the_systems_python_is_meant() -> None:
    texts = {"pyproject.toml": '[project]\nname = "t"\n[project.scripts]\nt = "t.cli:main"\n'}
    found = find_commands(texts, frozenset(), frozenset({"t/__main__.py"}))
    assert (found.build, found.run) == (None, "python3 -m t")


@pytest.mark.parametrize(
    ("texts", "file", "run"),
    [
        ({"pyproject.toml": "[project]"}, "app.py", "python3 app.py"),
        ({}, "main.py", "python3 main.py"),
        ({"package.json": "{}"}, "server.mjs", "node server.mjs"),
        ({}, "run.sh", "sh run.sh"),
    ],
)
def test_a_program_of_a_usual_name_is_how_the_product_starts(
    texts: dict[str, str], file: str, run: str
) -> None:
    found = find_commands(texts, frozenset(), frozenset({file, "lib/app.py"}))
    assert (found.kind, found.run) == ("cli", run)
    assert f"run: {file}" in found.reasons
    assert find_commands(texts, frozenset(), frozenset({f"lib/{file}"})).run is None


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ("app.listen(process.env.PORT || 3000, () => {})", 3000),
        ("const port = Number(process.env.PORT ?? '8081');\napp.listen(port)", 8081),
        ("server.listen(4000)", 4000),
        ("server.listen(port)", None),
    ],
)
def test_a_node_program_that_listens_is_a_server(source: str, port: int | None) -> None:
    texts = {"package.json": '{"scripts": {"start": "node server.js", "test": "x"}}'}
    sources = {"server.js": source, "other.js": "x.listen(1234)"}
    found = find_commands(texts, frozenset(), frozenset(sources), sources)
    assert (found.kind, found.port, found.run) == ("http", port, "npm start")
    assert any("server.js, which listens" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ('HTTPServer(("127.0.0.1", 8000), H).serve_forever()', 8000),
        ('port = int(os.environ.get("PORT", "8090"))\nserver.serve_forever()', 8090),
        ('uvicorn.run(app, host="0.0.0.0", port=9000)', 9000),
        ("server.serve_forever()", None),
    ],
)
def test_a_python_program_that_listens_is_a_server(source: str, port: int | None) -> None:
    found = find_commands({}, frozenset(), frozenset({"app.py"}), {"app.py": source})
    assert (found.kind, found.port) == ("http", port)


def test_a_framework_among_the_dependencies_says_enough() -> None:
    texts = {"package.json": '{"scripts": {"start": "nest"}, "dependencies": {"express": "^4"}}'}
    found = find_commands(texts, frozenset(), frozenset(), {})
    assert (found.kind, found.port) == ("http", None)


@pytest.mark.parametrize(
    "source", ["print('hello')", "requests.get('http://x:8080')", "port = 8000"]
)
def test_a_program_that_does_not_listen_is_none(source: str) -> None:
    found = find_commands({}, frozenset(), frozenset({"app.py"}), {"app.py": source})
    assert (found.kind, found.port) == ("cli", None)


def test_the_one_script_at_the_top_is_the_product() -> None:
    sources = {"backup-names": "#!/bin/sh\nsort", "test.sh": "#!/bin/sh\n./backup-names"}
    found = find_commands({}, frozenset(), frozenset(sources), sources)
    assert (found.kind, found.run, found.test) == ("cli", "./backup-names", "./test.sh")
    two = {**sources, "other": "#!/bin/sh\n"}
    assert find_commands({}, frozenset(), frozenset(two), two).run is None
    assert find_commands({}, frozenset(), frozenset({"LICENSE"}), {"LICENSE": "text"}).run is None
