"""`unlit context`: read, search and write what a human engineer would have open."""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.cli.context_issues import issues
from unlit.cli.context_tables import cut, names_told

if TYPE_CHECKING:
    from unlit.context.adapters.index import Hit
    from unlit.context.model import Item, Snapshot
    from unlit.record.model import Run
    from unlit.record.store import Store

app = cyclopts.App(name="context", help="Read, search and write trackers, documents and errors.")
app.command(issues)

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Folder = Annotated[Path, cyclopts.Parameter("--repository")]
HERE = Path()


@app.command
def sources(
    kind: str = "", *, operations: bool = False, repository: Folder = HERE, as_json: Json = False
) -> int:
    """List the connectors and the sources of this repository, and what each was tested against.

    An operation counts only when a test exercised it over the wire; others say "untested".

    Args:
        kind: Only this connector, operation by operation.
        operations: Every connector, operation by operation.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.cli.context_tables import put_table
    from unlit.context.registry import UNTESTED, table_of_connectors
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        configured = sorted(library.sources)
    rows = [row for row in table_of_connectors() if kind in ("", row["kind"])]
    if as_json:
        _print({"schema": "unlit.sources/1", "connectors": rows, "configured": configured})
    elif operations or kind:
        put_table(
            ["connector", "operation", "tested against"],
            [
                [row["kind"], one, UNTESTED if one in row["untested"].split() else row["tested"]]
                for row in rows
                for one in row["operations"].split()
            ],
        )
    else:
        put_table(
            ["connector", "tested against", "operations"],
            [[row["kind"], row["tested"], row["operations"]] for row in rows],
            wrapped=True,
        )
        sys.stdout.write(f"\nConfigured here: {', '.join(configured)}\n")
    return 0


@app.command(name=["get", "fetch"])
def fetch(
    text: str, *, comments: bool = False, repository: Folder = HERE, as_json: Json = False
) -> int:
    """Read one thing by URL, key or NAME:KEY.

    Args:
        text: What to read, for example https://example.atlassian.net/browse/SEC-12.
        comments: Also what people said about it.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        items = library.read(library.owner(text), comments=comments)
    if as_json:
        _print({"schema": "unlit.items/1", "items": [_plain(item) for item in items]})
    else:
        sys.stdout.write("\n\n".join(_shown(item) for item in items) + "\n")
    return 0


@app.command
def index(
    *names: str,
    query: str = "",
    status: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    repository: Folder = HERE,
    as_json: Json = False,
) -> int:
    """Read sources into the index that `search` uses; one that fails does not stop the others.

    Args:
        names: Which; all when none is named.
        query: What of them, in the source's own words.
        status: Read nothing; say what the index holds and when it was read.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        if status:
            return _held(library.index.counts(), library.index.newest(), as_json)
        done = library.refresh(names, query=query)
    if as_json:
        rows = [
            {"source": r.source, "seen": r.seen, "changed": r.changed,
             "problem": str(r.problem) if r.problem else None}
            for r in done
        ]  # fmt: skip
        _print({"schema": "unlit.index/1", "sources": rows})
    else:
        for row in done:
            problem = f"  {row.problem}" if row.problem else ""
            sys.stdout.write(f"{row.source:<20} {row.seen:>6} read {row.changed:>6} new{problem}\n")
    return 5 if any(row.problem for row in done) else 0


def _held(counts: dict[str, int], newest: dict[str, str], as_json: bool) -> int:
    from unlit.cli.context_tables import put_table

    if as_json:
        rows = [{"source": name, "items": counts[name], "read_at": newest[name]} for name in counts]
        _print({"schema": "unlit.index-status/1", "sources": rows})
    else:
        table = [[name, str(counts[name]), newest[name][:16]] for name in sorted(counts)]
        put_table(["source", "items", "read (UTC)"], table)
    return 0


@app.command
def search(
    *words: str,
    source: str | None = None,
    limit: int = 20,
    repository: Folder = HERE,
    as_json: Json = False,
) -> int:
    """Search all that was indexed, best first.

    Args:
        words: Every one must be there.
        source: Only this source.
        limit: Most results.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.context.adapters.index import hit_json
    from unlit.core.errors import UsageError
    from unlit.wiring.sources import open_library

    if not any(map(str.isalnum, " ".join(words))):
        raise UsageError(
            "CTX-324", "Nothing to search for.", "no word was given.", "name one or more words."
        )
    with open_library(repository) as library:
        hits = library.search(" ".join(words), source=source, limit=limit)
        newest = library.index.newest()
    if as_json:
        _print(
            {"schema": "unlit.hits/1", "hits": [hit_json(hit) for hit in hits], "read_at": newest}
        )
        return 0
    for hit in hits:
        sys.stdout.write(_hit(hit))
    fresh = ", ".join(f"{name} {at[:16]}" for name, at in sorted(newest.items()))
    sys.stderr.write(
        f"{len(hits)} found. Read: {fresh or 'nothing yet; run unlit context index'}\n"
    )
    return 0


@app.command
def snapshot(run: str = "last", *, repository: Folder = HERE, as_json: Json = False) -> int:
    """List what a run saw: pinned, with where each came from, when it was read, and by whom.

    What was pinned before the first candidate was shown to all of them; what an agent read while
    it worked stands behind the name of its candidate.

    Args:
        run: The run, or the start of its id.
        repository: The repository's folder.
        as_json: Print the manifest.
    """
    from unlit.cli.context_tables import put_table
    from unlit.context.rules.snapshot import SNAPSHOT_FILE
    from unlit.context.service import manifest, read_manifest
    from unlit.wiring.build import open_record

    store, paths = open_record(repository)
    found = store.find_run(run)
    path = paths.artefacts / found.id / SNAPSHOT_FILE
    seen = read_manifest(path.read_bytes()) if path.is_file() else _of_another_machine(store, found)
    text = manifest(seen)
    if as_json:
        sys.stdout.write(text.decode("utf-8") + "\n")
        return 0
    rows = [
        [f"{one.ref.source}:{one.ref.key}", one.trust.value, f"{one.fetched_at:%Y-%m-%d %H:%M}",
         one.live or "all", f"{one.size_bytes}{' cut' if one.cut else ''}", one.title]
        for one in seen.entries
    ]  # fmt: skip
    put_table(["item", "trust", "read", "by", "bytes", "title"], rows)
    sys.stdout.write(f"\n{seen.digest}\n")
    for ref in seen.left_out:
        sys.stdout.write(f"left out: {ref.source}:{ref.key}\n")
    return 0


def _of_another_machine(store: "Store", run: "Run") -> "Snapshot":
    """Return the snapshot of a run that another worker did, where they share the record."""
    from unlit.core.errors import InvalidInput, OutsideFailed
    from unlit.line.stages.reading import kept_snapshot
    from unlit.record.blobs import StoreBodies

    try:
        found = kept_snapshot(store, StoreBodies(store), run.id)
    except OutsideFailed:
        found = None
    if found is None:
        raise InvalidInput(
            "CTX-321",
            f"There is no snapshot of {run.id} here.",
            "the run has not read its context yet, or it ran on another machine.",
            "look where it ran.",
        )
    return found


@app.command
def serve(
    *,
    read_only: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    repository: Folder = HERE,
) -> int:
    """Serve the same tools to any agent as an MCP server on standard input and output.

    Args:
        read_only: Offer no tool that writes.
        repository: The repository's folder.
    """
    from unlit.context.mcp_server import serve_library
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        serve_library(library, read_only=read_only)
    return 0


@app.command
def confirmations(*, repository: Folder = HERE, as_json: Json = False) -> int:
    """List the changes that wait for another person.

    Args:
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.cli.context_tables import put_table
    from unlit.context.confirming import change_json
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        found = library.waiting()
    said = [(one, change_json(one.change)) for one in found]
    if as_json:
        rows = [
            {"id": one.id, "source": one.source, "change": value, "title": one.title,
             "asked_by": one.asked_by, "asked_at": one.asked_at.isoformat()}
            for one, value in said
        ]  # fmt: skip
        _print({"schema": "unlit.confirmations/1", "waiting": rows})
        return 0
    table = []
    for one, value in said:
        what = f"{value['do']} {one.source}:{(value.get('ref') or {}).get('key', '')}"
        table.append([one.id, one.asked_by, what, one.title])
    put_table(["id", "asked by", "change", "title"], table)
    return 0


@app.command
def confirm(name: str, *, repository: Folder = HERE) -> int:
    """Do a change that another person asked for; not one's own.

    Args:
        name: Its id, from `unlit context confirmations`.
        repository: The repository's folder.
    """
    from unlit.context.changes import NAMES
    from unlit.wiring.build import person
    from unlit.wiring.settings import read_settings
    from unlit.wiring.sources import open_library

    by = person(read_settings())
    with open_library(repository) as library:
        asked, done = library.confirm(name, by)
    said = f"asked by {asked.asked_by}, agreed by {by}"
    sys.stdout.write(f"{NAMES[type(asked.change)]} {done.source}:{done.key}  done: {said}\n")
    return 0


@app.command
def find(text: str, *, repository: Folder = HERE) -> int:
    """Say which source a pasted URL or key belongs to; nothing is read.

    Args:
        text: What was pasted.
        repository: The repository's folder.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        ref = library.owner(text)
    sys.stdout.write(f"{ref.source}:{ref.key}  {ref.kind}\n")
    return 0


@app.command
def places(name: str, *, repository: Folder = HERE, as_json: Json = False) -> int:
    """List where things can lie in a source: projects, teams, spaces, lists, channels.

    Args:
        name: The source.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        found = library.places(name)
    return names_told("unlit.places/1", ["name", "kind", "key"], found, as_json)


@app.command
def people(name: str, *, repository: Folder = HERE, as_json: Json = False) -> int:
    """List who can be given a thing in a source.

    Args:
        name: The source.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        found = library.people(name)
    return names_told("unlit.people/1", ["name", "kind", "key"], found, as_json)


def _plain(item: "Item") -> dict[str, Any]:
    from unlit.context.model import item_json

    return item_json(item)


def _shown(item: "Item") -> str:
    from unlit.context.rules.quoting import one_line, visible

    facts = [f"{item.ref.source}:{item.ref.key}", item.status or "", item.url or "", item.trust]
    more = {
        "People": ", ".join(item.people),
        **{fact.name.capitalize(): fact.value for fact in item.facts},
        "Links": ", ".join(f"{link.relation} {link.target}" for link in item.links),
        "Changed": f"{item.time:%Y-%m-%d %H:%M}" if item.time else "",
    }
    lines = "".join(f"{name}: {one_line(text)}\n" for name, text in more.items() if text)
    head = "  ".join(one_line(str(fact)) for fact in facts if fact)
    return f"# {one_line(item.title)}\n{head}\n{lines}\n{visible(item.body)}".rstrip()


def _hit(hit: "Hit") -> str:
    from unlit.context.rules.quoting import one_line

    name = f"{hit.ref.source}:{hit.ref.key}"
    shown = (one_line(text) for text in (name, hit.status or "", hit.title))
    first = "  ".join(text for text in shown if text)
    room = shutil.get_terminal_size((80, 24)).columns
    return f"{cut(first, room)}\n{cut('    ' + one_line(hit.excerpt), room)}\n"


def _print(value: dict[str, Any] | Iterable[Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
