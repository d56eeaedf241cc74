"""Figma files: pages, frames, components and comments.

Needs `file_content:read`, `file_comments:read`, `projects:read`; to comment `file_comments:write`.
Source: the vendor's @figma/rest-api-spec 0.43.0 (read 2026-11).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api
from unlit.context.changes import Change, Comment
from unlit.context.model import Item, Link, Named, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock
from unlit.core.errors import UsageError

_URL: Final = re.compile(r"https://(?:www\.)?figma\.com/(?:file|design)/(\w+)")
_NODE: Final = re.compile(r"[?&]node-id=(\d+)(?:-|:|%3A)(\d+)")
_DEEPEST: Final = 6


class Figma:
    """The files of one team project; a pasted link to a frame reads that frame and its picture.

    Args:
        api: Base URL ``https://api.figma.com``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The project's id; ``team:ID`` for all projects of a team.
    """

    kind: ClassVar[str] = "file"

    writes: ClassVar[frozenset[type]] = frozenset({Comment})

    def __init__(self, api: Api, clock: Clock, name: str = "figma", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the project's files whose name has every word."""
        for project in self._projects():
            page = self._api.send("GET", f"/v1/projects/{project}/files")
            if not isinstance(page, dict) or "files" not in page:
                raise self._api.unexpected("the files of a project", page)
            for raw in page["files"]:
                if all(word in str(raw["name"]).lower() for word in query.lower().split()):
                    yield Ref(self.name, "file", str(raw["key"]))

    def _projects(self) -> list[str]:
        if not self._project.startswith("team:"):
            return [self._project]
        return [one.key for one in self.places()]

    def places(self) -> Iterator[Named]:
        """Yield the projects of the team, when `project` says ``team:ID``."""
        team = self._project.removeprefix("team:")
        if team != self._project:
            page = self._api.send("GET", f"/v1/teams/{team}/projects")
            for raw in page.get("projects") or []:
                yield Named("project", str(raw["id"]), named(raw, "name"))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one file: its frames with their texts, its components; or one frame of it."""
        if ref.kind == "node":
            return self._node(ref)
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

    def _node(self, ref: Ref) -> Item | None:
        file, _, number = ref.key.partition("/")
        raw = self._api.get(f"/v1/files/{file}/nodes", ids=number)
        node = ((raw or {}).get("nodes") or {}).get(number)
        if raw is None or node is None:
            return None
        drawn = self._api.get(f"/v1/images/{file}", ids=number, format="png") or {}
        picture = (drawn.get("images") or {}).get(number)
        return Item(
            ref=ref,
            revision=str(raw.get("version") or ""),
            title=f"{raw.get('name')}: {node['document'].get('name')}",
            body="\n".join(_outline(node["document"], 0)),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            links=(Link("picture", str(picture)),) if picture else (),
            url=f"https://www.figma.com/design/{file}?node-id={number.replace(':', '-')}",
            time=moment(raw.get("lastModified")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise the URL of a file, or of a frame in it."""
        found = _URL.match(text.strip())
        if found and (node := _NODE.search(text)):
            return Ref(self.name, "node", f"{found[1]}/{node[1]}:{node[2]}")
        return Ref(self.name, "file", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments on a file, oldest first."""
        page = self._api.get(f"/v1/files/{ref.key.split('/')[0]}/comments", as_md="true") or {}
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

    def apply(self, change: Change) -> Ref:
        """Comment on a file, or on a frame of it."""
        if not isinstance(change, Comment):
            raise UsageError(
                "CTX-213",
                f"{self.name} cannot do that.",
                "the API writes comments, nothing else.",
                "comment on a file or a frame.",
            )
        file, _, node = change.ref.key.partition("/")
        body: dict[str, Any] = {"message": change.body}
        if node:
            body["client_meta"] = {"node_id": node, "node_offset": {"x": 0, "y": 0}}
        self._api.send("POST", f"/v1/files/{file}/comments", body)
        return change.ref


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
