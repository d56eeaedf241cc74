"""GitHub: issues, pull requests with their checks, releases (REST 2022-11-28).

Needs a token that may read the repository; for writing `issues: write`, and for pull requests
and releases `pull_requests: write` and `contents: write`. A pull request is made with the kind
`pull` and its branch as parent; a release with the kind `release` and its tag as parent.
Source: docs.github.com/rest (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api
from unlit.context.changes import Assign, Change, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import facts, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_NUMBER: Final = re.compile(r"#?(\d+)\Z")
_URL: Final = re.compile(r"https?://[^/]+/([^/]+/[^/]+)/(issues|pull)/(\d+)")
_RELEASE: Final = re.compile(r"https?://[^/]+/([^/]+/[^/]+)/releases/tag/([^/?#]+)")
_TRUSTED: Final = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


class GitHub:
    """One repository.

    Args:
        api: Base URL ``https://api.github.com``, or an enterprise server's.
        clock: Says when something was read.
        name: Name of this instance.
        project: ``owner/name``.
    """

    kind: ClassVar[str] = "issue"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "github", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    @property
    def _root(self) -> str:
        return f"/repos/{self._project}"

    def search(self, query: str) -> Iterator[Ref]:
        """Yield open issues and pull requests; with words, those that have them."""
        if not query:
            for raw in self._api.pages(f"{self._root}/issues", state="open", per_page=100):
                yield self._ref(raw)
            return
        for raw in self._api.pages(
            "/search/issues",
            within="items",
            q=f"{query} repo:{self._project}",
            per_page=100,
            advanced_search="true",
        ):
            yield self._ref(raw)

    def _ref(self, raw: dict[str, Any]) -> Ref:
        return Ref(self.name, "pull" if "pull_request" in raw else "issue", str(raw["number"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read an issue, a pull request (with its checks) or a release."""
        if ref.kind == "release":
            return self._release(ref)
        raw = self._api.get(f"{self._root}/issues/{ref.key}")
        if raw is None:
            return None
        if "title" not in raw:
            raise self._api.unexpected("an issue", raw)
        body = str(raw.get("body") or "")
        status = str(raw.get("state") or "")
        if "pull_request" in raw:
            status, more = self._pull(ref.key, status)
            body = f"{body}\n\n{more}".strip()
        return Item(
            ref=self._ref(raw),
            revision=str(raw.get("updated_at") or ""),
            title=str(raw["title"]),
            body=body,
            trust=_trust(raw),
            fetched_at=self._clock.now(),
            status=status,
            people=_people(raw),
            url=named(raw, "html_url") or None,
            time=moment(raw.get("updated_at")),
            facts=facts(
                labels=[named(one, "name") for one in raw.get("labels") or []],
                milestone=named(raw.get("milestone"), "title"),
            ),
        )

    def _pull(self, key: str, status: str) -> tuple[str, str]:
        pull = self._api.get(f"{self._root}/pulls/{key}") or {}
        head = (pull.get("head") or {}).get("sha")
        if pull.get("merged"):
            status = "merged"
        if not head:
            return status, ""
        runs = self._api.get(f"{self._root}/commits/{head}/check-runs", per_page=100) or {}
        lines = [
            f"- {run.get('name')}: {run.get('conclusion') or run.get('status')}"
            for run in runs.get("check_runs") or []
        ]
        return status, "Checks:\n" + "\n".join(lines) if lines else ""

    def _release(self, ref: Ref) -> Item | None:
        raw = self._api.get(f"{self._root}/releases/tags/{ref.key}")
        if raw is None:
            return None
        return Item(
            ref=ref,
            revision=str(raw.get("id") or ""),
            title=named(raw, "name", "tag_name"),
            body=str(raw.get("body") or ""),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            url=named(raw, "html_url") or None,
            time=moment(raw.get("published_at")),
        )

    def releases(self) -> Iterator[Ref]:
        """Yield the releases, newest first."""
        for raw in self._api.pages(f"{self._root}/releases", per_page=100):
            yield Ref(self.name, "release", str(raw["tag_name"]))

    def owns(self, text: str) -> Ref | None:
        """Recognise a URL of this repository, or a number such as ``#12``."""
        if found := _URL.match(text.strip()):
            kind = "pull" if found[2] == "pull" else "issue"
            return Ref(self.name, kind, found[3]) if found[1] == self._project else None
        if found := _RELEASE.match(text.strip()):
            return Ref(self.name, "release", found[2]) if found[1] == self._project else None
        short = text.strip().removeprefix(self._project)
        found = _NUMBER.match(short) if short.startswith("#") else None
        return Ref(self.name, "issue", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments, oldest first."""
        for raw in self._api.pages(f"{self._root}/issues/{ref.key}/comments", per_page=100):
            author = named(raw.get("user"), "login") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("updated_at") or ""),
                title=f"Comment by {author}",
                body=str(raw.get("body") or ""),
                trust=_trust(raw),
                fetched_at=self._clock.now(),
                people=(author,),
                url=named(raw, "html_url") or None,
                time=moment(raw.get("created_at")),
                account=_account(raw),
            )

    def places(self) -> Iterator[Named]:
        """Yield the repositories that the account can see, as ``owner/name``."""
        for raw in self._api.pages("/user/repos", per_page=100):
            yield Named("repository", str(raw["full_name"]), named(raw, "description"))

    def people(self) -> Iterator[Named]:
        """Yield who can be given an issue."""
        for raw in self._api.pages(f"{self._root}/assignees", per_page=100):
            yield Named("user", str(raw["login"]), str(raw["login"]))

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states of an issue, or of a pull request."""
        return ("open", "closed", "merged") if ref.kind == "pull" else ("open", "closed")

    def apply(self, change: Change) -> Ref:
        """Write one change; `delete` closes, since GitHub's REST API cannot delete an issue."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                fields = {"title": change.title, "body": change.body}
                self._patch(change.ref, **{k: v for k, v in fields.items() if v is not None})
            case Transition():
                self._move(change.ref, change.state)
            case Start():
                self._assign(change.ref, "me")
            case Assign():
                self._assign(change.ref, change.person)
            case Comment():
                path = f"{self._root}/issues/{change.ref.key}/comments"
                self._api.send("POST", path, {"body": change.body})
            case Delete():
                self._patch(change.ref, state="closed", state_reason="not_planned")
        return change.ref

    def _create(self, change: Create) -> Ref:
        root = f"/repos/{change.project or self._project}"
        if change.kind == "pull":
            base = named(self._api.send("GET", root), "default_branch") or "main"
            body = {"title": change.title, "body": change.body, "head": change.parent, "base": base}
            made = self._api.send("POST", f"{root}/pulls", body)
            return Ref(self.name, "pull", str(made["number"]))
        if change.kind == "release":
            tag = change.parent or change.title.split()[0]
            body = {"tag_name": tag, "name": change.title, "body": change.body}
            made = self._api.send("POST", f"{root}/releases", body)
            return Ref(self.name, "release", str(made["tag_name"]))
        issue = {"title": change.title, "body": change.body, "labels": list(change.labels)}
        made = self._api.send("POST", f"{root}/issues", issue)
        return Ref(self.name, "issue", str(made["number"]))

    def _patch(self, ref: Ref, **fields: str) -> None:
        self._api.send("PATCH", f"{self._root}/issues/{ref.key}", fields)

    def _move(self, ref: Ref, state: str) -> None:
        if state not in self.statuses(ref):
            raise InvalidInput(
                "CTX-211",
                f"#{ref.key} cannot move to {state!r} in {self.name}.",
                "an issue is open or closed; a pull request can also be merged.",
                f"choose one of: {', '.join(self.statuses(ref))}.",
            )
        if state == "merged":
            self._api.send("PUT", f"{self._root}/pulls/{ref.key}/merge", {})
            return
        self._patch(ref, state=state)

    def _assign(self, ref: Ref, person: str) -> None:
        login = self._api.get("/user")["login"] if person == "me" else person
        path = f"{self._root}/issues/{ref.key}/assignees"
        self._api.send("POST", path, {"assignees": [login]})


def _trust(raw: dict[str, Any]) -> Trust:
    return Trust.INTERNAL if raw.get("author_association") in _TRUSTED else Trust.PUBLIC


def _people(raw: dict[str, Any]) -> tuple[str, ...]:
    people = [raw.get("user"), *(raw.get("assignees") or [])]
    return tuple(dict.fromkeys(login for one in people if (login := named(one, "login"))))


def _account(raw: dict[str, Any]) -> str | None:
    """Who wrote a comment, unless it was edited: others may edit what one wrote."""
    if raw.get("updated_at") not in (None, raw.get("created_at")):
        return None
    return named(raw.get("user"), "login") or None
