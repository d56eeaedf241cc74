"""What documents and messages tell people to type exists; what they link to is there."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import cyclopts
import pytest

from unlit.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for place in ("*.md", "docs/**/*.md", "examples/**/*.md", "src/unlit/**/README.md")
    for path in ROOT.glob(place)
    if path.name != "commands.md"  # made from the commands themselves
)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HERE = re.compile(r"<<'END'\n.*?\nEND\n", re.DOTALL)
SHOWN = ("sh", "console", "bash", "yaml", "text", "")
TARGETS = {command.name: command.target for command in COMMANDS}


def commands_of_page(text: str) -> Iterator[str]:
    for block in FENCED.finditer(text):
        if block[1] in SHOWN:
            for line in HERE.sub("\n", block[2]).replace("\\\n", " ").splitlines():
                found = re.search(r"(?:^|[ /|(])unlit ((?:[a-z]|--).*)", line)
                if found:
                    yield found[1]
    yield from commands_in_ticks(FENCED.sub("", text).replace("\n", " "))


def commands_in_ticks(text: str) -> Iterator[str]:
    for found in re.finditer(r"`unlit ([^`{}]+)`", text):
        yield found[1]


def words_of(command: str) -> list[str]:
    """Return its words; what stands for something is replaced by something of its kind."""
    command = re.split(r" (?:#|>|\||&&|;|/) ?", command)[0]
    command = re.sub(r"(\w)(?:\|[\w-]+)+", r"\1", command)  # one of several
    command = re.sub(r"[\[\]]", "", command).removesuffix(" …").replace("…", "x")
    return ["1" if word in ("N", "S", "USD") else word for word in shlex.split(command)]


def app_of(name: str) -> cyclopts.App:
    module, attribute = TARGETS[name].split(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, cyclopts.App):
        return found
    app = cyclopts.App(name=name)
    app.default(found)
    return app


def wrong(command: str) -> str:
    """Return what is wrong with a command line, or nothing; it may lack what a page leaves out."""
    try:
        words = words_of(command)
    except ValueError:  # a piece of a sentence with an apostrophe
        return ""
    if not words or words[0].startswith("--") or not words[0].islower():
        return ""
    if words[0] not in TARGETS:
        return "no such command"
    if "--help" in words:
        return ""
    try:
        app_of(words[0]).parse_args(words[1:], print_error=False, exit_on_error=False)
    except cyclopts.MissingArgumentError:
        return ""
    except cyclopts.CycloptsError as error:
        return " ".join(str(error).split())
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_prints_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = {command: wrong(command) for command in commands_of_page(text)}
    assert {command: what for command, what in found.items() if what} == {}


def test_every_command_that_a_message_names_exists() -> None:
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        found |= {command: wrong(command) for command in commands_in_ticks(text)}
    assert {command: what for command, what in found.items() if what} == {}
    assert len(found) > 50


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert wrong("frobnicate x") == "no such command"
    assert "no-such-flag" in wrong("runs --no-such-flag")
    assert wrong("scenarios no-such-thing x")
    assert wrong("review RUN --html FILE") == ""


def anchors(text: str) -> set[str]:
    """Return the names of a page's headings, as forges make them."""
    heads = re.findall(r"^#{1,6}\s+(.*)$", FENCED.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", head.strip().lower()) for head in heads]
    return {head.replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (
            anchor
            and target.suffix == ".md"
            and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            lost.append(link)
    assert lost == []
