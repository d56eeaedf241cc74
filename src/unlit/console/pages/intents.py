"""The specs of the repository: list, read, edit with lint as you type."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from unlit.console.web import Page
from unlit.core.errors import InvalidInput, OutsideFailed, UnlitError
from unlit.intent import lint as lint_spec
from unlit.intent import reading_of, ready
from unlit.intent.rules.interview import open_questions

_MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """A spec's text as the linter sees it.

    Attributes:
        findings: Problems of form, what gates, and hints; in the order of the text.
        asks: What the text leaves open, as an interview would ask.
        by_criterion: The criteria with their examples.
    """

    title: str
    criteria: int
    examples: int
    is_ready: bool
    findings: tuple[Any, ...]
    asks: tuple[Any, ...] = ()
    by_criterion: tuple[Any, ...] = ()


def judge(text: str, name: str) -> Judged:
    """Read, lint and judge a spec's text; a broken one is judged as far as it goes."""
    reading = reading_of(text, name)
    spec = reading.spec
    readiness = ready(spec)
    findings = {
        (f.code, f.span.line, f.message): f
        for f in (*reading.problems, *readiness.missing, *lint_spec(spec))
    }
    return Judged(
        title=spec.title or name,
        criteria=len(spec.criteria),
        examples=sum(len(criterion.examples) for criterion in spec.criteria),
        is_ready=readiness.ready and not reading.problems,
        findings=tuple(sorted(findings.values(), key=lambda f: (f.span.line, f.code))),
        asks=tuple(ask for ask in open_questions(spec) if not ask.optional),
        by_criterion=spec.criteria,
    )


def intents(page: Page) -> Response:
    """List the specs with their readiness."""
    rows: list[tuple[str, Judged | None, UnlitError | None]] = []
    for path in _files(page)[:_MOST]:
        try:
            rows.append((path.stem, judge(read_spec(path), path.name), None))
        except UnlitError as error:
            rows.append((path.stem, None, error))
    return page.render("intents.html", rows=rows, folder=page.console.place.specs)


def intent(page: Page) -> Response:
    """Show one spec in the editor."""
    path = _path(page)
    text = read_spec(path)
    return _editor(page, path, text)


def lint(page: Page) -> Response:
    """Judge what is being typed; nothing is saved."""
    text = page.form.get("text", "").replace("\r\n", "\n")
    return page.render("intent_findings.html", j=judge(text, _path(page).name))


def save(page: Page) -> Response:
    """Write a spec, unless somebody else has written it meanwhile; audited first."""
    path = _path(page)
    text = page.form.get("text", "").replace("\r\n", "\n")
    if not text.strip():
        return _editor(page, path, text, "An empty spec is not saved.", 409)
    if digest_of(read_spec(path)) != page.form.get("digest"):
        return _editor(page, path, text, "It was changed on disk meanwhile; yours is kept below. "
                       "Compare, then save again.", 409)  # fmt: skip
    fields = {"spec": path.name, "digest": f"sha256:{digest_of(text)}"}
    page.console.desk.log.write("intent.edit", "", page.session.person, fields)
    write_spec(path, text)
    return RedirectResponse(f"/intents/{path.stem}", 303)


def _editor(page: Page, path: Path, text: str, said: str = "", status: int = 200) -> Response:
    digest = digest_of(read_spec(path))
    return page.render(
        "intent.html", status, j=judge(text, path.name), text=text, name=path.stem, digest=digest,
        path=path, said=said,
    )  # fmt: skip


def _files(page: Page) -> list[Path]:
    folder = page.console.place.specs
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("*.md") if path.is_file() and not path.is_symlink())


def spec_of(page: Page, spec: str) -> Path:
    """Return the file of the spec with this id.

    Raises:
        InvalidInput: No file in the folder has it.
    """
    for path in _files(page):
        if reading_of(read_spec(path), path.name).spec.id == spec:
            return path
    raise _no_spec(spec)


def _path(page: Page) -> Path:
    name = page.path("name")
    for path in _files(page):
        if path.stem == name:
            return path
    raise _no_spec(name)


def _no_spec(name: str) -> InvalidInput:
    return InvalidInput(
        "CON-023", f"There is no spec {name!r}.", "specs are the Markdown files in specs/.",
        "choose one from the list.",
    )  # fmt: skip


def read_spec(path: Path) -> str:
    """Read a spec's text.

    Raises:
        InvalidInput: It is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "CON-024", f"{path.name} cannot be read as text.", "a spec is UTF-8 Markdown.",
            "correct the file.",
        ) from error  # fmt: skip


def write_spec(path: Path, text: str) -> None:
    """Write a spec, whole or not at all.

    Raises:
        OutsideFailed: It cannot be written.
    """
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(partial).chmod(path.stat().st_mode & 0o777)
        Path(partial).replace(path)
    except OSError as error:
        raise OutsideFailed(
            "CON-025", f"{path.name} cannot be written: {error.strerror}.",
            "what you typed is still in the page you came from.", "go back, make room, save again.",
        ) from error  # fmt: skip


def digest_of(text: str) -> str:
    """Return what tells whether a spec has changed."""
    return hashlib.sha256(text.encode()).hexdigest()
