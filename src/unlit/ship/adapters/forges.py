"""Pull requests on GitHub, GitLab and Gitea: found before they are opened, merged at one commit.

Source: docs.github.com/rest/pulls, docs.gitlab.com/api/merge_requests, Gitea's swagger (read
2026-03). Policy grants the calls and their credential to the role `deploy`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal
from urllib.parse import quote

from typing_extensions import override

from unlit.context.api import Api, own_words
from unlit.context.ports import Reply
from unlit.core.errors import OutcomeNotGoodEnough
from unlit.ship.model import ForgePlan, Pull
from unlit.ship.ports import Forge

HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
    "gitlab": {},
    "gitea": {},
}
USUAL: Final[Mapping[str, str]] = {
    "github": "https://api.github.com",
    "gitlab": "https://gitlab.com/api/v4",
    "gitea": "",
}
_REFUSED: Final = (405, 406, 409, 422)
State = Literal["open", "merged", "closed"]


class GitHubForge(Forge):
    """Pull requests of one GitHub repository."""

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._root = f"/repos/{project}/pulls"
        self._owner = project.split("/", maxsplit=1)[0]

    @override
    def find(self, head: str) -> Pull | None:
        """Return the newest pull request of a branch."""
        pulls = self._api.get(self._root, state="all", head=f"{self._owner}:{head}", per_page=100)
        mine = [raw for raw in pulls or () if raw["head"]["ref"] == head]
        if not mine:
            return None
        newest = max(mine, key=lambda raw: int(raw["number"]))
        return self._shown(self._api.get(f"{self._root}/{newest['number']}") or newest)

    @override
    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request, unless an open one stands."""
        found = self.find(head)
        if found is not None and found.state == "open":
            return found
        sent = {"title": title, "head": head, "base": base, "body": body}
        return self._shown(self._api.send("POST", self._root, sent))

    @override
    def describe(self, pull: Pull, title: str, body: str) -> None:
        """Replace title and body."""
        self._api.send("PATCH", f"{self._root}/{pull.number}", {"title": title, "body": body})

    @override
    def merge(self, pull: Pull, commit: str, method: str, title: str) -> Pull:
        """Merge at one commit."""
        sent = {"sha": commit, "merge_method": method, "commit_title": title}
        path = f"{self._root}/{pull.number}/merge"
        reply = self._api.reply("PUT", path, body=sent, accepted=_REFUSED)
        made = _merged(reply, pull)
        return Pull(pull.number, pull.url, "merged", commit, str(made.get("sha") or ""))

    def _shown(self, raw: Mapping[str, Any]) -> Pull:
        state: State = "merged" if raw.get("merged") or raw.get("merged_at") else "open"
        if state == "open" and raw["state"] == "closed":
            state = "closed"
        merge = str(raw.get("merge_commit_sha") or "") if state == "merged" else ""
        return Pull(int(raw["number"]), str(raw["html_url"]), state, raw["head"]["sha"], merge)


class GiteaForge(GitHubForge):
    """Pull requests of one Gitea or Forgejo repository: GitHub's shapes, but for the merge."""

    @override
    def find(self, head: str) -> Pull | None:
        """Return the newest pull request of a branch; Gitea does not filter by head."""
        pulls = self._api.pages(self._root, state="all", sort="recentupdate", limit=50)
        mine = [raw for raw in pulls if raw["head"]["ref"] == head]
        newest = max(mine, key=lambda raw: int(raw["number"]), default=None)
        return None if newest is None else self._shown(newest)

    @override
    def merge(self, pull: Pull, commit: str, method: str, title: str) -> Pull:
        """Merge at one commit; the answer is empty, so the pull request is read again."""
        sent = {"Do": method, "head_commit_id": commit, "MergeTitleField": title}
        path = f"{self._root}/{pull.number}/merge"
        _merged(self._api.reply("POST", path, body=sent, accepted=_REFUSED), pull)
        raw = self._api.get(f"{self._root}/{pull.number}") or {}
        merge = str(raw.get("merge_commit_sha") or raw.get("merged_commit_id") or "")
        return Pull(pull.number, pull.url, "merged", commit, merge)


class GitLabForge(Forge):
    """Merge requests of one GitLab project."""

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._root = f"/projects/{quote(project, safe='')}/merge_requests"

    @override
    def find(self, head: str) -> Pull | None:
        """Return the newest merge request of a branch."""
        found = self._api.get(
            self._root, source_branch=head, state="all", order_by="created_at", sort="desc"
        )
        return self._shown(found[0]) if found else None

    @override
    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        """Open a merge request, unless an open one stands."""
        found = self.find(head)
        if found is not None and found.state == "open":
            return found
        sent = {"source_branch": head, "target_branch": base, "title": title, "description": body}
        return self._shown(self._api.send("POST", self._root, sent))

    @override
    def describe(self, pull: Pull, title: str, body: str) -> None:
        """Replace title and description."""
        sent = {"title": title, "description": body}
        self._api.send("PUT", f"{self._root}/{pull.number}", sent)

    @override
    def merge(self, pull: Pull, commit: str, method: str, title: str) -> Pull:
        """Merge at one commit."""
        sent: dict[str, Any] = {"sha": commit, "squash": method == "squash"}
        if method == "merge":
            sent["merge_commit_message"] = title
        path = f"{self._root}/{pull.number}/merge"
        reply = self._api.reply("PUT", path, body=sent, accepted=_REFUSED)
        made = _merged(reply, pull)
        merge = made.get("merge_commit_sha") or made.get("squash_commit_sha") or made.get("sha")
        return Pull(pull.number, pull.url, "merged", commit, str(merge or ""))

    def _shown(self, raw: Mapping[str, Any]) -> Pull:
        states: Mapping[str, State] = {"merged": "merged", "closed": "closed"}
        state = states.get(str(raw["state"]), "open")
        merge = raw.get("merge_commit_sha") or raw.get("squash_commit_sha") or ""
        return Pull(int(raw["iid"]), str(raw["web_url"]), state, str(raw.get("sha") or ""), merge)


def _merged(reply: Reply, pull: Pull) -> Mapping[str, Any]:
    if reply.status >= 400:
        raise OutcomeNotGoodEnough(
            "SHP-046",
            f"Pull request {pull.url} cannot be merged: {own_words(reply)}.",
            f"the forge answered {reply.status}: a check is missing, it conflicts, or its head "
            "changed since it was verified.",
            "see what it waits for there; then `unlit ship RUN` goes on.",
        )
    made = json.loads(reply.body) if reply.body.strip() else {}
    return made if isinstance(made, Mapping) else {}


FORGES: Final[Mapping[str, Callable[[Api, str], Forge]]] = {
    "github": GitHubForge,
    "gitlab": GitLabForge,
    "gitea": GiteaForge,
}


def forge_of(plan: ForgePlan, api: Callable[[str, Mapping[str, str]], Api]) -> Forge:
    """Return the forge of a plan.

    Args:
        plan: Which one.
        api: Makes the HTTP side from a base URL and headers.
    """
    return FORGES[plan.kind](
        api(plan.base_url or USUAL[plan.kind], HEADERS[plan.kind]), plan.project
    )
