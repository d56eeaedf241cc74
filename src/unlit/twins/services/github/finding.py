"""Search, lists of repositories, assignees and releases: what a reader of a repository asks for."""

import re
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.github import repos
from unlit.twins.services.github.pulls import issue_of, paged, shown_issue
from unlit.twins.services.github.repos import invalid, missing, name_of, owner, shown, stamp

_QUALIFIER: Final = re.compile(r'(-?\w+):("[^"]*"|\S+)')


def search_issues(call: Exchange) -> Reply:
    """``GET /search/issues``: words in title and body, and the qualifiers that narrow them."""
    query = call.request.arg("q") or ""
    if not query.strip():
        raise invalid("Search", "q", "missing")
    wanted = [(key, value.strip('"')) for key, value in _QUALIFIER.findall(query)]
    words = _QUALIFIER.sub(" ", query).lower().split()
    found = []
    for name in call.world.table("github.repos"):
        for row in call.world.table(f"github.issues:{name}").values():
            text = f"{row['title']} {row['body'] or ''}".lower()
            if all(word in text for word in words) and all(
                _fits(name, row, key, value) for key, value in wanted
            ):
                found.append({**shown_issue(call, name, row), "score": 1.0})
    page = paged(call, list(reversed(found)))
    body = {"total_count": len(found), "incomplete_results": False, "items": page.body}
    return Reply(200, body, list(page.headers))


def _fits(name: str, row: dict[str, Any], key: str, value: str) -> bool:
    is_pull = "head" in row
    match key, value:
        case "repo", _:
            return name == value
        case ("is" | "type", "issue"):
            return not is_pull
        case ("is" | "type", "pr" | "pull-request"):
            return is_pull
        case ("is" | "state", "open" | "closed"):
            return bool(row["state"] == value)
        case "author", _:
            return bool(row["user"] == value)
        case "label", _:
            return value in row["labels"]
        case "assignee", _:
            return value in row.get("assignees", ())
        case _:
            return True


def list_repos(call: Exchange) -> Reply:
    """``GET /user/repos``."""
    return paged(call, [shown(call, row) for row in call.world.table("github.repos").values()])


def list_assignees(call: Exchange) -> Reply:
    """``GET …/assignees``: the owner of the repository and who calls."""
    login = name_of(call).split("/")[0]
    return paged(call, [owner(call, one) for one in dict.fromkeys((login, call.actor.id))])


def assignees(call: Exchange) -> Reply:
    """``POST`` and ``DELETE …/issues/{issue_number}/assignees``."""
    name, row = name_of(call), issue_of(call, name_of(call))
    given = [str(one) for one in call.fields().get("assignees") or ()]
    held = list(row.get("assignees", ()))
    adds = call.request.method == "POST"
    after = [*held, *(one for one in given if one not in held)] if adds else [
        one for one in held if one not in given
    ]  # fmt: skip
    row = {**row, "assignees": after, "updated_at": stamp(call.world)}
    call.world.table(f"github.issues:{name}").put(row["number"], row)
    return Reply(201 if adds else 200, shown_issue(call, name, row))


def releases(call: Exchange) -> Reply:
    """``GET`` and ``POST …/releases``."""
    name = name_of(call)
    table = call.world.table(f"github.releases:{name}")
    if call.request.method == "GET":
        return paged(call, [_shown_release(call, name, row) for row in reversed(table.values())])
    body = call.fields()
    tag = body.get("tag_name")
    if not isinstance(tag, str) or not tag:
        raise invalid("Release", "tag_name", "missing_field")
    if tag in table:
        raise invalid("Release", "tag_name", "already_exists")
    row = {
        "id": call.world.number("github.release", 7000), "tag_name": tag,
        "name": body.get("name"), "body": body.get("body"), "created_at": stamp(call.world),
        "draft": bool(body.get("draft")), "prerelease": bool(body.get("prerelease")),
        "target_commitish": body.get("target_commitish") or "main", "user": call.actor.id,
    }  # fmt: skip
    table.put(tag, row)
    if f"tags/{tag}" not in repos.refs(call, name):
        repos.refs(call, name).put(f"tags/{tag}", repos.resolve(call, name, "main"))
    return Reply(201, _shown_release(call, name, row))


def release_by_tag(call: Exchange) -> Reply:
    """``GET …/releases/tags/{tag}``."""
    name = name_of(call)
    row = call.world.table(f"github.releases:{name}").get(call.params["tag"])
    if row is None:
        raise missing()
    return Reply(200, _shown_release(call, name, row))


def _shown_release(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    base = f"{call.request.origin}/repos/{name}/releases/{row['id']}"
    home = f"https://github.com/{name}/releases"
    return {
        "url": base, "assets_url": f"{base}/assets", "id": row["id"],
        "html_url": f"{home}/tag/{row['tag_name']}", "node_id": f"RE_{row['id']}",
        "upload_url": f"https://uploads.github.com/repos/{name}/releases/{row['id']}/assets",
        "tag_name": row["tag_name"], "target_commitish": row["target_commitish"],
        "name": row["name"], "body": row["body"], "draft": row["draft"],
        "prerelease": row["prerelease"], "created_at": row["created_at"],
        "published_at": None if row["draft"] else row["created_at"],
        "author": owner(call, row["user"]), "assets": [],
        "tarball_url": f"{call.request.origin}/repos/{name}/tarball/{row['tag_name']}",
        "zipball_url": f"{call.request.origin}/repos/{name}/zipball/{row['tag_name']}",
    }  # fmt: skip


_R: Final = "/repos/{owner}/{repo}"
_A: Final = _R + "/issues/{issue_number}/assignees"
ROUTES: Final = (
    Route("GET", "/search/issues", search_issues, "search/issues-and-pull-requests"),
    Route("GET", "/user/repos", list_repos, "repos/list-for-authenticated-user"),
    Route("GET", _R + "/assignees", list_assignees, "issues/list-assignees"),
    Route("POST", _A, assignees, "issues/add-assignees"),
    Route("DELETE", _A, assignees, "issues/remove-assignees"),
    Route("GET", _R + "/releases", releases, "repos/list-releases"),
    Route("POST", _R + "/releases", releases, "repos/create-release"),
    Route("GET", _R + "/releases/tags/{tag}", release_by_tag, "repos/get-release-by-tag"),
)
