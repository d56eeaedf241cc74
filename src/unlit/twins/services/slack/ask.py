"""A call of a Web API method: its arguments in any of Slack's forms, and its refusals."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.kit.multipart import parse_multipart
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import Table, World

Method = Callable[["Ask"], dict[str, Any]]
FORM: Final = "application/x-www-form-urlencoded"


class SlackError(VendorError):
    """``ok: false``: HTTP 200, unless it is a rate limit."""

    def __init__(self, code: str, *, status: int = 200, **detail: Any) -> None:
        super().__init__(status, code, "", **detail)


def arguments(request: Request) -> dict[str, Any]:
    """Return the arguments of query, form, multipart form or JSON object, later over earlier.

    Raises:
        SlackError: The body is not what its content type says.
    """
    found: dict[str, Any] = dict(request.query) if request.raw_query else {}
    if not request.body:
        return found
    kind = request.content_type
    if kind == "application/json":
        try:
            value = request.json()
        except Malformed as error:
            raise SlackError("invalid_json") from error
        if not isinstance(value, dict):
            raise SlackError("json_not_object")
        found.update(value)
    elif kind == "multipart/form-data":
        parts = parse_multipart(request)
        if parts is None:
            raise SlackError("invalid_form_data")
        for part in parts:
            found[part.name] = part.data if part.filename is not None else part.text
            if part.filename is not None:
                found.setdefault("filename", part.filename)
    elif kind in (FORM, ""):
        found.update(request.form())
    else:
        raise SlackError("invalid_post_type")
    return found


class Ask:
    """One call of a method."""

    __slots__ = ("args", "believed", "call", "warnings")

    def __init__(self, call: Exchange, args: Mapping[str, Any]) -> None:
        self.call = call
        self.args = args
        self.warnings: list[str] = []
        self.believed: list[str] = []

    @property
    def world(self) -> World:
        """The world asked."""
        return self.call.world

    def table(self, name: str) -> Table:
        """Return Slack's table `name` of the world."""
        world, name = self.call.world, "slack." + name
        found = world.tables.get(name)
        return world.table(name) if found is None else found

    @property
    def me(self) -> str:
        """Id of the user who asks (of a bot: its user)."""
        return self.call.actor.id

    def has(self, name: str) -> bool:
        """Whether an argument was sent and is not empty."""
        return self.args.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """Return an argument as text."""
        value = self.args.get(name)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else str(value)

    def required(self, name: str, code: str = "invalid_arguments") -> str:
        """Return an argument that must be there.

        Raises:
            SlackError: It is not; `invalid_arguments` says which.
        """
        if not self.has(name):
            if code == "invalid_arguments":
                raise missing(name)
            raise SlackError(code)
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean argument."""
        value = self.args.get(name)
        if value is None or value == "":
            return default
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, most: int | None = None) -> int:
        """Return a whole-number argument.

        Raises:
            SlackError: It is no number, or less than one.
        """
        value = self.args.get(name)
        if value is None or value == "":
            return default
        try:
            number = int(float(str(value)))
        except ValueError as error:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments") from error
        if number < 0:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments")
        return number if most is None else min(number, most)

    def many(self, name: str) -> list[str]:
        """Return an argument that is a list: as JSON, as JSON in text, or between commas."""
        found = self.args.get(name)
        if isinstance(found, str) and found.lstrip().startswith("["):
            found = self.json(name, "invalid_arguments")
        if isinstance(found, str):
            found = [part.strip() for part in found.split(",") if part.strip()]
        if not isinstance(found, list | tuple | None):
            raise SlackError("invalid_arguments")
        return [str(part) for part in found or ()]

    def json(self, name: str, code: str) -> Any:
        """Return an argument that is JSON, sent as JSON or as text.

        Raises:
            SlackError: The text is not JSON.
        """
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            raise SlackError(code) from error


def missing(*names: str) -> SlackError:
    """Make ``invalid_arguments`` for arguments that are not there."""
    messages = [f"[ERROR] missing required field: {name}" for name in names]
    return SlackError("invalid_arguments", response_metadata={"messages": messages})


def answer(method: Method) -> Callable[[Exchange], Reply]:
    """Wrap a method as a handler of the kit."""

    def handler(call: Exchange) -> Reply:
        ask = Ask(call, arguments(call.request))
        body = {"ok": True, **method(ask)}
        charset = charset_warning(call.request.headers.get("content-type", ""))
        if charset or ask.warnings:
            warnings = [*charset, *ask.warnings]
            body["warning"] = ",".join(warnings)
            body["response_metadata"] = {
                **body.get("response_metadata", {}),
                "warnings": warnings,
            }
        if ask.believed:
            return Reply(200, body, [("x-twin-believed", ",".join(ask.believed))])
        return Reply(200, body)

    return handler


@lru_cache(maxsize=1000)
def charset_warning(content_type: str) -> tuple[str, ...]:
    """Return what Slack says of a content type: JSON wants a charset, a form wants none."""
    text = content_type.lower()
    if text.startswith("application/json") and "charset" not in text:
        return ("missing_charset",)
    if text.startswith(FORM) and "charset" in text:
        return ("superfluous_charset",)
    return ()
