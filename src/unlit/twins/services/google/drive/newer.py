"""A v2 call as v3 sees it, and how its answers are shown."""

from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import override

from unlit.twins.services.google.call import Ask, Row
from unlit.twins.services.google.drive import files

STEM: Final = "https://www.googleapis.com/drive/v2"
ETAG: Final = '"fake-etag"'


class Newer(Ask):
    """A v2 call as v3 sees it: everything is asked for, parameters have their newer names."""

    def __init__(self, ask: Ask, body: Row | None = None, **given: str) -> None:
        super().__init__(ask.exchange)
        self.sent = body
        self.given: Mapping[str, str] = {"fields": "*", **given}

    @override
    def arg(self, name: str, default: str = "") -> str:
        if name in self.given:
            return self.given[name]
        return super().arg("maxResults" if name == "pageSize" else name, default)

    @override
    def body(self) -> Row:
        return super().body() if self.sent is None else self.sent

    @override
    def masked(self, value: Any, default: str | None = None) -> Any:
        return value


def shown(ask: Ask, value: Row) -> Any:
    """Render an answer, cut down by the caller's mask."""
    return files.masked(ask, value, "*")


def listed(ask: Ask, kind: str, items: list[Row], path: str, **more: Any) -> Any:
    """Render a list."""
    head = {"kind": kind, "etag": ETAG, "selfLink": STEM + path}
    return shown(ask, {**head, **more, "items": items})
