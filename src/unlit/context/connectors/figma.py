"""Figma files: pages, frames, components and comments.

Needs `file_content:read` and `file_comments:read`.
Source: developers.figma.com/docs/rest-api (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock

_URL: Final = re.compile(r"https://(?:www\.)?figma\.com/(?:file|design)/(\w+)")
_DEEPEST: Final = 6


class Figma:
    """The files of one team project.

    Args:
        api: Base URL ``https://api.figma.com``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The project's id.
    """

    kind: ClassVar[str] = "file"

    def __init__(self, api: Api, clock: Clock, name: str = "figma", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the project's files whose name has every word."""
        page = self._api.get(f"/v1/projects/{self._project}/files")
        if not isinstance(page, dict) or "files" not in page:
            raise self._api.unexpected("the files of a project", page)
        for raw in page["files"]:
            if all(word in str(raw["name"]).lower() for word in query.lower().split()):
                yield Ref(self.name, "file", str(raw["key"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one file: its frames with their texts, its components."""
        raw = self._api.get(f"/v1/files/{ref.key}", depth=_DEEPEST)
        if raw is None:
            return None
        if "document" not in raw:
            raise self._api.unexpected("a file with its document", raw)
        lines = list(_outline(raw["document"], 0))
        components = raw.get("components") or {}
        if components:
            lines.append("\nComponents:")
            lines += [
                f"- {one.get('name')}: {one.get('description') or 'no description'}"
                for one in components.values()
            ]
        return Item(
            ref=ref,
            revision=str(raw.get("version") or ""),
            title=str(raw.get("name") or ref.key),
            body="\n".join(lines),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            url=f"https://www.figma.com/design/{ref.key}",
            time=moment(raw.get("lastModified")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a file's URL."""
        found = _URL.match(text.strip())
        return Ref(self.name, "file", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments on a file, oldest first."""
        page = self._api.get(f"/v1/files/{ref.key}/comments", as_md="true") or {}
        for raw in sorted(page.get("comments") or [], key=lambda one: str(one["created_at"])):
            author = named(raw.get("user"), "handle") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw["created_at"]),
                title=f"Comment by {author}",
                body=str(raw.get("message") or ""),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                status="resolved" if raw.get("resolved_at") else "open",
                time=moment(raw["created_at"]),
            )


def _outline(node: dict[str, Any], depth: int) -> Iterator[str]:
    kind, name = node.get("type"), node.get("name")
    if kind == "TEXT":
        yield f"{'  ' * depth}- “{node.get('characters') or name}”"
    elif kind in ("CANVAS", "FRAME", "SECTION", "COMPONENT", "COMPONENT_SET", "INSTANCE"):
        box = node.get("absoluteBoundingBox") or {}
        size = f" {box['width']:g}×{box['height']:g}" if "width" in box and "height" in box else ""
        yield f"{'  ' * depth}- {str(kind).lower()} {name}{size}"
    for child in node.get("children") or []:
        yield from _outline(child, depth + (kind not in ("DOCUMENT", None)))
