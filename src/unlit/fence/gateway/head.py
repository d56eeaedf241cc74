"""Strict parsing of HTTP/1 heads: what two programs could read differently is refused.

Requests are always written anew from the parse, never passed on as they came.
Source: RFC 9112 (message syntax), RFC 9110 section 5 (fields); stricter on purpose: no obs-fold, no
bare line feed, no whitespace before the colon, no repeated framing field, no chunk extension.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

Headers = list[tuple[bytes, bytes]]

LONGEST_HEAD: Final = 65_536
MOST_FIELDS: Final = 200
CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2

_REQUEST_LINE: Final = re.compile(rb"([A-Z][A-Z-]{0,31}) ([!-~]{1,16384}) HTTP/1\.([01])")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t -~\x80-\xff]*))?")
_FIELD: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*"
    rb"([!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?[ \t]*"
)
_DIGITS: Final = re.compile(rb"[0-9]{1,15}")
_LABEL: Final = rb"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_AUTHORITY: Final = re.compile(rb"((?:" + _LABEL + rb"\.)*" + _LABEL + rb")(?::([0-9]{1,5}))?")
_PLAIN_PATH: Final = re.compile(rb"(?:/(?!\.{1,2}(?:[/;]|\Z))[A-Za-z0-9\-._~!$&'()*+,;=:@]+)*/?")
_ESCAPED_PATH: Final = re.compile(rb"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)*/?")
_TWICE: Final = re.compile(rb"%25(?:25)*(?:2[eEfF]|5[cC]|[01][0-9a-fA-F]|[uU][0-9a-fA-F]{4})")
_OVERLONG: Final = re.compile(rb"%C[01](?:%[89AB]|[\x80-\xbf])|%E0%[89]|%F0%8", re.IGNORECASE)
_CUT: Final = re.compile(r"[;#?]")
_MOST_UNQUOTED: Final = 4
_NUMERIC: Final = re.compile(rb"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_IPV4: Final = re.compile(rb"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_QUERY: Final = re.compile(rb"(?:[!\"$&-~]|%[0-9A-Fa-f]{2})*")
_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te",
        b"proxy-authenticate", b"transfer-encoding", b"upgrade", b"trailer", b"content-length",
        b"host", b"expect", b"http2-settings",
    }
)  # fmt: skip
_MISLEADING: Final = frozenset(
    {
        b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-original-url",
        b"x-rewrite-url", b"forwarded", b"x-twin-world", b"alt-used", b"via", b"x-real-ip",
        b"true-client-ip", b"cf-connecting-ip", b"x-host", b"x-original-uri", b"x-original-host",
        b"x-original-method", b"x-rewrite-uri", b"x-override-url", b"x-proxy-url", b"x-forwarded",
        b"x-http-path-override", b"x-http-destinationurl", b"x-envoy-original-path", b"base-url",
        b"request-uri", b"destination", b"proxy", b"x-client-ip", b"client-ip",
        b"x-cluster-client-ip", b"fastly-client-ip", b"x-middleware-subrequest",
        b"x-middleware-rewrite", b"x-envoy-original-host", b"x-sendfile-type",
    }
)  # fmt: skip
_NOT_BACK: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade",
        b"content-length", b"alt-svc", b"proxy-authenticate", b"trailer",
    }
)  # fmt: skip


class Malformed(Exception):
    """A message that is refused before it means anything.

    Args:
        status: HTTP status of the refusal.
        reason: One phrase, for the body and the audit log.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class RequestHead:
    """A request, with names in lower case; `length` is bytes, `CHUNKED` or 0."""

    method: str
    host: str
    port: int
    scheme: str
    path: str
    query: bytes | None
    headers: Headers
    length: int
    keep_alive: bool = True
    expects_continue: bool = False
    websocket: bool = False
    has_encoded_slash: bool = False
    over_h2: bool = False
    knows_chunks: bool = True

    @property
    def is_grpc(self) -> bool:
        """Whether it is a gRPC call over HTTP/2."""
        return self.over_h2 and self.field(b"content-type").startswith(b"application/grpc")

    def field(self, name: bytes) -> bytes:
        """Return the first field of a name, or nothing."""
        return next((value for other, value in self.headers if other == name), b"")

    @property
    def target(self) -> bytes:
        """The request target as it goes out."""
        path = self.path.encode("ascii")
        return path if self.query is None else path + b"?" + self.query

    @property
    def authority(self) -> str:
        """Host, with the port where it is not the scheme's own."""
        usual = self.port == (443 if self.scheme == "https" else 80)
        return self.host if usual else f"{self.host}:{self.port}"


@dataclass(slots=True)
class ResponseHead:
    """A response; `length` is bytes, `CHUNKED`, `UNTIL_CLOSE` or 0."""

    status: int
    reason: bytes
    headers: Headers
    length: int
    keep_alive: bool = True


def parse_request(raw: bytes, scheme: str, port: int, *, proxied: bool = False) -> RequestHead:
    """Parse a request head (without the empty line) that came over `scheme` to `port`.

    Args:
        raw: The bytes before the empty line.
        scheme: ``http`` or ``https``.
        port: The port that was connected to; ignored when `proxied`.
        proxied: The target is a whole ``http://`` URL, as proxies get it.

    Raises:
        Malformed: The head is not plain HTTP/1.1.
    """
    line, headers = _fields(raw)
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise Malformed(400, "the request line is malformed")
    method, target, minor = match.groups()
    if method in (b"CONNECT", b"TRACE", b"TRACK", b"PRI"):
        raise Malformed(405, f"{method.decode()} is not served here")
    named: bytes | None = None
    if proxied:
        named, target = _absolute(target)
        port = authority(named)[1] or 80
    if not target.startswith(b"/"):
        raise Malformed(400, "the target must begin with a slash")
    return _request(method.decode(), target, headers, Origin(scheme, port, minor == b"1", named))


def parse_connect(raw: bytes) -> tuple[str, int] | None:
    """Parse the head of a CONNECT; `None` if it is another method.

    Raises:
        Malformed: It is no plain CONNECT to a name and port.
    """
    line, headers = _fields(raw)
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise Malformed(400, "the request line is malformed")
    method, target, _ = match.groups()
    if method != b"CONNECT":
        return None
    hosts = [value for name, value in headers if name == b"host"]
    name, port = authority(target)
    if port is None:
        raise Malformed(400, "CONNECT names no port")
    if any(authority(host)[0] != name for host in hosts):
        raise Malformed(421, "Host is not the name that CONNECT names")
    return name, port


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a request before its fields are read."""

    scheme: str
    port: int
    is_11: bool
    named: bytes | None


@dataclass(slots=True)
class Framing:
    """The fields that say where a request goes and how long it is."""

    host: bytes | None = None
    length: bytes | None = None
    coding: bytes | None = None
    expect: bytes | None = None
    upgrade: bytes | None = None
    connection: bytes | None = None


_FRAMING_FIELDS: Final = {
    b"host": "host",
    b"content-length": "length",
    b"transfer-encoding": "coding",
    b"expect": "expect",
    b"upgrade": "upgrade",
    b"connection": "connection",
}


def _absolute(target: bytes) -> tuple[bytes, bytes]:
    if not target.startswith(b"http://"):
        raise Malformed(400, "a proxied target must be an http URL; use CONNECT for https")
    named, slash, rest = target[7:].partition(b"/")
    return named, slash + rest if slash else b"/"


def _framing_fields(headers: Headers) -> Framing:
    found = Framing()
    for name, value in headers:
        slot = _FRAMING_FIELDS.get(name)
        if slot is None:
            continue
        before = getattr(found, slot)
        if before is not None:
            if slot != "connection":
                raise Malformed(400, f"{name.decode()} is given twice")
            value = before + b"," + value
        setattr(found, slot, value)
    return found


def _request(method: str, target: bytes, headers: Headers, origin: Origin) -> RequestHead:
    fields = _framing_fields(headers)
    if fields.host is None:
        raise Malformed(400, "there is no Host")
    host, named_port = authority(fields.host)
    if (named_port or (443 if origin.scheme == "https" else 80)) != origin.port:
        raise Malformed(421, "Host names another port than the connection")
    if origin.named is not None and authority(origin.named)[0] != host:
        raise Malformed(421, "Host is not the name in the target")
    if fields.expect is not None and fields.expect.lower() != b"100-continue":
        raise Malformed(417, "only Expect: 100-continue is known")
    tokens = _tokens(fields.connection)
    path, query, has_slash = split_target(target)
    return RequestHead(
        method=method,
        host=host,
        port=origin.port,
        scheme=origin.scheme,
        path=path,
        query=query,
        headers=forwardable(headers, tokens),
        length=_framing(fields.length, fields.coding, origin.is_11),
        keep_alive=origin.is_11 and b"close" not in tokens,
        expects_continue=fields.expect is not None,
        websocket=_is_websocket(method, fields.upgrade, tokens),
        has_encoded_slash=has_slash,
        knows_chunks=origin.is_11,
    )


def _is_websocket(method: str, upgrade: bytes | None, tokens: frozenset[bytes]) -> bool:
    asked = upgrade is not None and upgrade.lower() == b"websocket"
    return asked and b"upgrade" in tokens and method == "GET"


def parse_response(raw: bytes, method: str) -> ResponseHead:
    """Parse a response head to a request of `method`.

    Raises:
        Malformed: The upstream did not speak plain HTTP/1.
    """
    try:
        return _response(raw, method)
    except Malformed as bad:
        raise Malformed(502, f"the upstream's answer is malformed: {bad.reason}") from None


def _response(raw: bytes, method: str) -> ResponseHead:
    line, headers = _fields(raw)
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise Malformed(502, "the upstream's status line is malformed")
    minor, code, reason = match.groups()
    length = connection = coding = None
    kept: Headers = []
    for pair in headers:
        name, value = pair
        if name not in _NOT_BACK:
            kept.append(pair)
        elif name == b"content-length":
            length = _once(length, value, "the upstream's Content-Length")
        elif name == b"transfer-encoding":
            coding = _once(coding, value, "the upstream's Transfer-Encoding")
        elif name == b"connection":
            connection = value.lower()
    status = int(code)
    alive = b"close" not in _tokens(connection) if minor == b"1" else connection == b"keep-alive"
    if status in (204, 304) or status < 200 or method == "HEAD":
        size = 0
    elif coding is None and length is None:
        size = UNTIL_CLOSE
    else:
        size = _framing(length, coding, is_11=True)
    if method == "HEAD" and length is not None and _DIGITS.fullmatch(length):
        kept.append((b"content-length", length))
    return ResponseHead(status, reason or b"", kept, size, alive and size != UNTIL_CLOSE)


def _fields(raw: bytes) -> tuple[bytes, Headers]:
    lines = raw.split(b"\r\n")
    if len(lines) > MOST_FIELDS:
        raise Malformed(431, "there are too many header fields")
    headers: Headers = []
    for line in lines[1:]:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Malformed(400, "a header field is malformed")
        name, value = match.groups()
        headers.append((name.lower(), value or b""))
    return lines[0], headers


def _once(before: bytes | None, value: bytes, name: str) -> bytes:
    if before is not None:
        raise Malformed(400, f"{name} is given twice")
    return value


def _tokens(value: bytes | None) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    return frozenset(part.strip().lower() for part in value.split(b","))


def _framing(length: bytes | None, coding: bytes | None, is_11: bool) -> int:
    if coding is not None:
        if length is not None:
            raise Malformed(400, "Content-Length and Transfer-Encoding contradict each other")
        if coding.lower() != b"chunked" or not is_11:
            raise Malformed(501, "only the transfer coding chunked is known")
        return CHUNKED
    if length is None:
        return 0
    if not _DIGITS.fullmatch(length):
        raise Malformed(400, "Content-Length is no number")
    return int(length)


def authority(value: bytes) -> tuple[str, int | None]:
    """Split ``host[:port]`` into a lower-case name and a port.

    Raises:
        Malformed: It is no plain DNS name.
    """
    match = _AUTHORITY.fullmatch(value.lower())
    if match is None or len(match.group(1)) > 253:
        raise Malformed(400, "Host is no plain name")
    name, port = match.groups()
    if _NUMERIC.fullmatch(name) and not _IPV4.fullmatch(name):
        # 2130706433, 0x7f.1 and 010.0.0.1 are addresses to some and other addresses to others
        raise Malformed(400, "Host is an address in no plain form")
    if port is not None and not 0 < int(port) < 65536:
        raise Malformed(400, "Host has no valid port")
    return name.decode("ascii"), int(port) if port else None


def split_target(target: bytes) -> tuple[str, bytes | None, bool]:
    """Split a target into its canonical path, its query and whether a slash is escaped in it.

    Escapes of unreserved characters are resolved, because ``/%61dmin`` is ``/admin``.

    Raises:
        Malformed: A path that programs read differently: dot segments, empty segments,
            backslashes, control characters.
    """
    raw, mark, query = target.partition(b"?")
    if mark and not _QUERY.fullmatch(query):
        raise Malformed(400, "the query is malformed")
    rest = query if mark else None
    if raw and _PLAIN_PATH.fullmatch(raw):
        return raw.decode("ascii"), rest, False
    if not raw or not _ESCAPED_PATH.fullmatch(raw):
        raise Malformed(400, "the path has empty segments or characters that must be escaped")
    path = _ESCAPE.sub(_canonical_escape, raw)
    # after the canonical form: %25%32%65 is %252e, which is a dot to who reads twice
    if _TWICE.search(path):
        raise Malformed(400, "the path has a dot, slash or control character escaped twice")
    _must_not_climb(path)
    return path.decode("ascii"), rest, b"%2F" in path


def _must_not_climb(path: bytes) -> None:
    """Refuse what a lenient server reads as dot segments or slashes, though none stand there.

    Such servers cut a segment at its parameters or where a query would begin, trim blanks, read an
    escaped slash as a slash, take overlong UTF-8, or fold letters that look alike.
    """
    if _OVERLONG.search(path):
        raise Malformed(400, "the path has overlong UTF-8")
    text = path.replace(b"%2F", b"/").decode("ascii")
    for _ in range(_MOST_UNQUOTED):
        _must_have_no_dots(text)
        read = unquote(text, errors="replace")
        if read == text:
            return
        if not read.isascii():
            folded = "".join(map(_seen, unicodedata.normalize("NFKC", read)))
            if folded.count("/") != read.count("/") or "\\" in folded:
                raise Malformed(400, "the path has letters that some read as slashes")
            read = folded
        text = read
    raise Malformed(400, "the path is escaped again and again")


def _must_have_no_dots(text: str) -> None:
    for part in text.split("/"):
        if _CUT.split(part, maxsplit=1)[0].strip() in (".", ".."):
            raise Malformed(400, "the path has dot segments")


def _seen(char: str) -> str:
    """Return a letter, or nothing for one that has no width: some servers leave it out."""
    return "" if unicodedata.category(char) == "Cf" else char


def _canonical_escape(match: re.Match[bytes]) -> bytes:
    code = int(match.group(1), 16)
    if code in _UNRESERVED:
        return bytes([code])
    if code < 0x20 or code in (0x5C, 0x7F):
        raise Malformed(400, "the path has an escaped control character or backslash")
    return b"%%%02X" % code


def is_plain_field(name: bytes, value: bytes) -> bool:
    """Say whether a field could stand in an HTTP/1 head as it is, one line with one meaning."""
    return b":" not in name and _FIELD.fullmatch(name + b":" + value) is not None


def forwardable(headers: Headers, connection: frozenset[bytes] = frozenset()) -> Headers:
    """Return the fields that may go on: no hop-by-hop ones and none that mislead a server."""
    return [
        pair
        for pair in headers
        if pair[0] not in _HOP
        and pair[0] not in _MISLEADING
        and pair[0] not in connection
        and not pair[0].startswith(b"x-forwarded-")
        and not (b"_" in pair[0] and _is_kept_back(pair[0].replace(b"_", b"-")))
    ]


def _is_kept_back(name: bytes) -> bool:
    """Say whether a name is one of those: CGI and WSGI read underscores as dashes."""
    return name in _HOP or name in _MISLEADING or name.startswith(b"x-forwarded-")


def write_request(head: RequestHead, extra: Headers = []) -> bytes:  # noqa: B006 # never changed
    """Render a request head, with its empty line."""
    parts = [
        b"%b %b HTTP/1.1\r\nhost: %b\r\n"
        % (head.method.encode("ascii"), head.target, head.authority.encode("ascii"))
    ]
    parts.extend(b"%b: %b\r\n" % pair for pair in head.headers)
    parts.extend(b"%b: %b\r\n" % pair for pair in extra)
    if head.length == CHUNKED:
        parts.append(b"transfer-encoding: chunked\r\n")
    elif head.length or head.method in ("POST", "PUT", "PATCH"):
        parts.append(b"content-length: %d\r\n" % head.length)
    parts.append(b"\r\n")
    return b"".join(parts)
