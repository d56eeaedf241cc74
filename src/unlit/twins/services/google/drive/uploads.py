"""Uploads: simple, multipart and resumable, for new and for existing files."""

import re
from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.services.google import errors, store
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.docs import document
from unlit.twins.services.google.drive import convert, files, render

routes = Routes("", "drive.files", files.WRITE)
_RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
Naming = Callable[[Row], Row]
_STEM: Final = "/upload/drive/v3/files"


@routes.add("POST", _STEM, "create")
def create(ask: Ask) -> Any:
    """Make a file with content."""
    return _answered(ask, upload(ask, None))


@routes.add("PATCH", _STEM + "/{fileId}", "update")
def update(ask: Ask) -> Any:
    """Change a file's content, and with it its metadata."""
    return _answered(ask, upload(ask, files.the_file(ask, "writer")))


def _answered(ask: Ask, found: Any) -> Any:
    if isinstance(found, Reply):
        return found
    return files.masked(ask, render.file(ask, found), files.DEFAULT)


def upload(ask: Ask, row: Row | None, names: Naming = lambda body: body) -> Any:
    """Take an upload; return the file, or the reply that begins a resumable one.

    Args:
        ask: The call.
        row: The file whose content is replaced; none makes a new one.
        names: Turns the metadata sent into v3's names.
    """
    kind = ask.arg("uploadType")
    if kind == "media":
        return _stored(ask, row, {}, ask.request.body, ask.request.headers.get("content-type", ""))
    if kind == "multipart":
        parts = related(ask.request)
        if len(parts) != 2:
            raise errors.drive(400, "badContent", "Malformed multipart body.")
        (_, first), (kind, content) = parts
        return _stored(ask, row, names(_metadata(first)), content, kind)
    if kind == "resumable":
        return _started(ask, row, names)
    raise errors.drive(
        400, "badRequest", "Bad Request" if kind else "Required parameter: uploadType"
    )


def related(request: Request) -> list[tuple[str, bytes]]:
    """Return content type and data of each part; lines may end with LF alone, as clients send."""
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    if found is None:
        return []
    mark = re.escape(b"--" + found[1].encode())
    pieces = re.split(b"(?:^|\r?\n)" + mark + b"(?:--)?", request.body)
    out: list[tuple[str, bytes]] = []
    for piece in pieces[1:-1]:
        cut = re.search(b"\r?\n\r?\n", piece)
        if cut is None:
            return []
        kind = ""
        for line in piece[: cut.start()].decode("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                kind = value.strip()
        out.append((kind, piece[cut.end() :]))
    return out


def _metadata(data: bytes) -> Row:
    try:
        found = Request("POST", "/", body=data).json()
    except Malformed as error:
        raise errors.drive(400, "parseError", "Parse Error") from error
    return found if isinstance(found, dict) else {}


def _stored(ask: Ask, row: Row | None, body: Row, content: bytes, kind: str) -> Row:
    kind = kind.split(";")[0].strip()
    if row is None:
        row = _created(ask, body, content, kind)
    else:
        row = _replaced(ask, row, body, content, kind)
    return dict(ask.table("files")[row["id"]])


def _created(ask: Ask, body: Row, content: bytes, kind: str) -> Row:
    wanted = str(body.get("mimeType") or "")
    if wanted in (store.SHEET, store.DOCUMENT):
        row = files.made(ask, body)
        convert.take_in(ask, row, content, kind)
        return row
    return files.made(ask, {**body, "mimeType": wanted or kind}, content, kind)


def _replaced(ask: Ask, row: Row, body: Row, content: bytes, kind: str) -> Row:
    row = files.changed(ask, row, body)
    if row["mimeType"] in (store.SHEET, store.DOCUMENT):
        if row["mimeType"] == store.DOCUMENT:
            document.create(ask.world, row["id"], row["name"])
        convert.take_in(ask, row, content, kind)
        return row
    if kind and "mimeType" not in body:
        row = dict(ask.table("files").patch(row["id"], mimeType=kind))
    return files.with_content(ask, row, content)


def _started(ask: Ask, row: Row | None, names: Naming) -> Reply:
    body = names(_metadata(ask.request.body)) if ask.request.body.strip() else {}
    if row is None:
        files.parents_of(ask, body)
    ident = "AB" + ask.world.text("google.upload", 90, store.ID_CHARS)
    ask.table("uploads").put(
        ident,
        {
            "file": row["id"] if row else None,
            "body": body,
            "kind": ask.request.headers.get("x-upload-content-type", ""),
            "size": ask.request.headers.get("x-upload-content-length"),
            "data": b"",
            "query": ask.request.raw_query,
        },
    )
    query = ask.request.raw_query
    link = f"{ask.request.origin}{ask.request.raw_path}?{query}&upload_id={ident}"
    return Reply(200, None, [("location", link), ("x-guploader-uploadid", ident)])


@routes.add("PUT", _STEM, "create")
@routes.add("PUT", _STEM + "/{fileId}", "update")
def put_chunk(ask: Ask) -> Any:
    """Take a chunk of a resumable upload, or say how much has arrived."""
    return _answered(ask, put(ask))


def put(ask: Ask) -> Any:
    """Take a chunk; return the file when it is whole, otherwise the reply that says what came."""
    ident = ask.arg("upload_id")
    held = ask.table("uploads").get(ident)
    if held is None:
        raise errors.drive(404, "notFound", "Not Found")
    found = _RANGE.fullmatch(ask.request.headers.get("content-range", ""))
    if found is None:
        data, total = ask.request.body, str(len(ask.request.body))
    elif found[1] is None:
        if found[3] != "*" and len(held["data"]) == int(found[3]):
            return _finished(ask, ident, held)
        return _more(held)
    else:
        first, last, total = int(found[1]), int(found[2]), found[3]
        if first > len(held["data"]) or last - first + 1 != len(ask.request.body):
            raise errors.drive(400, "badRequest", "Failed to parse Content-Range header.")
        data = held["data"][:first] + ask.request.body
    held = ask.table("uploads").patch(ident, data=data)
    if total == "*" or len(data) < int(total):
        return _more(held)
    return _finished(ask, ident, held)


def _more(held: Row) -> Reply:
    head = [("range", f"bytes=0-{len(held['data']) - 1}")] if held["data"] else []
    return Reply(308, None, head)


def _finished(ask: Ask, ident: str, held: Row) -> Any:
    ask.table("uploads").drop(ident)
    row = ask.table("files").get(held["file"]) if held["file"] else None
    return _stored(ask, row, held["body"], held["data"], held["kind"])


@routes.add("DELETE", _STEM, "create")
def cancel(ask: Ask) -> Any:
    """Give a resumable upload up."""
    ask.table("uploads").drop(ask.arg("upload_id"))
    return Reply(499, None)
