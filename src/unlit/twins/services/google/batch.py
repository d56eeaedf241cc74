"""The batch endpoint: several Drive calls in one ``multipart/mixed`` request."""

import re
from typing import Any, Final

from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.router import Match
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.google import errors
from unlit.twins.services.google.call import Ask, Routes

routes = Routes("", "batch")
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
MOST: Final = 100


def _batch(ask: Ask) -> Any:
    """Answer every part in order; one that fails does not stop the others."""
    found = _BOUNDARY.search(ask.request.headers.get("content-type", ""))
    if found is None:
        raise errors.drive(400, "badRequest", "Missing boundary in multipart/mixed body.")
    mark = found[1].encode()
    pieces = ask.request.body.split(b"--" + mark)[1:-1]
    if len(pieces) > MOST:
        raise errors.drive(400, "badRequest", f"The batch request contains more than {MOST} calls.")
    out: list[bytes] = []
    for piece in pieces:
        ident, reply = _part(ask, piece)
        out.append(_shown(ident, reply))
    answer = "batch_" + ask.world.text("google.batch", 24)
    body = b"".join(b"--%s\r\n%s\r\n" % (answer.encode(), part) for part in out)
    body += b"--%s--\r\n" % answer.encode()
    return Reply(200, body, [("content-type", f"multipart/mixed; boundary={answer}")])


for _path in ("/batch", "/batch/drive/v3", "/batch/drive/v2"):
    routes.add("POST", _path, "execute")(_batch)


def _part(ask: Ask, piece: bytes) -> tuple[str, Reply]:
    outer, _, inner = piece.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    ident = ""
    for line in outer.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-id":
            ident = value.strip()
    head, _, body = inner.partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").split("\n")
    method, _, rest = first.partition(" ")
    target = rest.split(" ")[0]
    headers = {"host": ask.request.headers.get("host", "")}
    if "authorization" in ask.request.headers:
        headers["authorization"] = ask.request.headers["authorization"]
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    path, _, query = target.partition("?")
    path = re.sub(r"^https?://[^/]+", "", path)
    request = Request(method, path, query, headers, body.rstrip(b"\n"), ask.request.origin)
    return ident, _answered(ask, request)


def _answered(ask: Ask, request: Request) -> Reply:
    twin = ask.exchange.twin
    call = Exchange(twin, ask.exchange.service, ask.world, request, twin.credential(request))
    try:
        found = twin.router.match(request.method, request.raw_path)
        if not isinstance(found, Match):
            raise twin.no_route(call, found.allowed)
        call.match = found
        call.actor = ask.exchange.actor if found.route.open else _actor(ask, call)
        if call.actor.scopes is not None:
            twin.authorize(call)
        return found.route.handler(call)
    except VendorError as refusal:
        return twin.render_error(call, refusal)


def _actor(ask: Ask, call: Exchange) -> Any:
    same = call.token is None or call.token == ask.exchange.token
    return ask.exchange.actor if same else call.twin.authenticate(call)


def _shown(ident: str, reply: Reply) -> bytes:
    data = reply.encoded()
    status = f"HTTP/1.1 {reply.status} {'OK' if reply.status < 300 else 'Error'}"
    lines = [status]
    typed = False
    for name, value in reply.headers:
        typed = typed or name.lower() == "content-type"
        lines.append(f"{name}: {value}")
    if not typed:
        lines.append("content-type: application/json; charset=UTF-8")
    lines.append(f"content-length: {len(data)}")
    outer = ["content-type: application/http"]
    if ident:
        outer.append(f"content-id: <response-{ident.lstrip('<')}")
    head = "\r\n".join([*outer, "", *lines, "", ""])
    return head.encode() + data
