"""Issues, pull requests, checks: numbered together, merged when nothing stands against it."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.github import hooks, labelling, repos
from unlit.twins.services.github.repos import invalid, missing, name_of, owner, resolve, stamp


def _issues(call: Exchange, name: str) -> Any:
    return call.world.table(f"github.issues:{name}")


def issue_of(call: Exchange, name: str) -> dict[str, Any]:
    """Return the issue or pull request that the path names, or 404."""
    text = call.params.get("issue_number") or call.params.get("pull_number") or ""
    row = _issues(call, name).get(int(text) if text.isdigit() else 0)
    if row is None or ("pull_number" in call.params and "head" not in row):
        raise missing()
    return row  # type: ignore[no-any-return] # JSON


def _new(call: Exchange, name: str, title: Any, body: Any) -> dict[str, Any]:
    if not isinstance(title, str) or not title:
        raise invalid("Issue", "title", "missing_field")
    at = stamp(call.world)
    row = {
        "number": call.world.number(f"github.number:{name}"), "title": title, "body": body,
        "id": call.world.number("github.issue", 5000), "state": "open", "user": call.actor.id,
        "created_at": at, "updated_at": at, "closed_at": None, "labels": [],
    }  # fmt: skip
    _issues(call, name).put(row["number"], row)
    return row


def shown_issue(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render an issue."""
    base = f"{call.request.origin}/repos/{name}"
    url = f"{base}/issues/{row['number']}"
    comments = call.world.table(f"github.comments:{name}#{row['number']}")
    people = [owner(call, login) for login in row.get("assignees", ())]
    out = {
        "id": row["id"], "node_id": f"I_{row['id']}", "url": url, "repository_url": base,
        "labels_url": url + "/labels{/name}", "comments_url": url + "/comments",
        "events_url": url + "/events",
        "html_url": f"https://github.com/{name}/issues/{row['number']}",
        "number": row["number"], "state": row["state"], "state_reason": None,
        "title": row["title"], "body": row["body"], "user": owner(call, row["user"]),
        "labels": [labelling.named(call, name, word) for word in row["labels"]],
        "assignee": next(iter(people), None), "assignees": people,
        "milestone": _milestone(call, name, row), "locked": bool(row.get("locked")),
        "active_lock_reason": None, "comments": len(comments), "created_at": row["created_at"],
        "updated_at": row["updated_at"], "closed_at": row["closed_at"],
        "author_association": "OWNER", "closed_by": None,
    }  # fmt: skip
    if "head" in row:
        out["pull_request"] = {"url": f"{base}/pulls/{row['number']}"}
    return out


def _milestone(call: Exchange, name: str, row: dict[str, Any]) -> Any:
    number = row.get("milestone")
    found = call.world.table(f"github.milestones:{name}").get(number) if number else None
    if found is None:
        return None
    url = f"{call.request.origin}/repos/{name}/milestones/{number}"
    return {**found, "creator": owner(call, found["creator"]), "url": url}


def create_issue(call: Exchange) -> Reply:
    """``POST …/issues``."""
    name, body = name_of(call), call.fields()
    row = _new(call, name, body.get("title"), body.get("body"))
    row = _issues(call, name).put(row["number"], {**row, **_marks(call, name, body)})
    out = shown_issue(call, name, row)
    hooks.tell(call, name, "issues", {"action": "opened", "issue": out})
    return Reply(201, out)


def _marks(call: Exchange, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return labels, assignees and milestone of a body, those that it names."""
    out: dict[str, Any] = {}
    if isinstance(body.get("labels"), list):
        words = [w.get("name") if isinstance(w, dict) else w for w in body["labels"]]
        out["labels"] = list(
            dict.fromkeys(labelling.known(call.world, name, str(w)) for w in words if w)
        )
    if isinstance(body.get("assignees"), list):
        out["assignees"] = tuple(str(login) for login in body["assignees"])
    if "milestone" in body:
        number = body["milestone"]
        if number is not None and number not in call.world.table(f"github.milestones:{name}"):
            raise invalid("Issue", "milestone")
        out["milestone"] = number
    return out


def list_issues(call: Exchange) -> Reply:
    """``GET …/issues``: newest first, open ones unless `state` says else."""
    name = name_of(call)
    rows = [row for row in _issues(call, name).values() if _wanted(call, row)]
    order = call.request.arg("sort") or "created"
    if order in ("created", "updated"):
        rows.sort(key=lambda row: (str(row[f"{order}_at"]), int(row["number"])))
    if call.request.arg("direction") != "asc":
        rows.reverse()
    return paged(call, [shown_issue(call, name, row) for row in rows])


def _wanted(call: Exchange, row: dict[str, Any]) -> bool:
    """Whether an issue is one that the query asks for."""
    ask = call.request.arg
    who, made, goal = ask("assignee"), ask("creator"), ask("milestone")
    people = row.get("assignees", ())
    words = {one.lower() for one in (ask("labels") or "").split(",") if one}
    tests = (
        (ask("state") or "open") in ("all", row["state"]),
        words <= {one.lower() for one in row["labels"]},
        not made or row["user"] == made,
        who in (None, "") or who in people or (who == "*" and bool(people))
        or (who == "none" and not people),
        goal in (None, "", str(row.get("milestone")))
        or (goal == "*" and bool(row.get("milestone")))
        or (goal == "none" and not row.get("milestone")),
        not ask("since") or row["updated_at"] >= str(ask("since")),
    )  # fmt: skip
    return all(tests)


def paged(call: Exchange, rows: list[Any]) -> Reply:
    """Return one page of `rows`, with GitHub's `link` to the next."""

    def number(key: str, usual: int) -> int:
        text = call.request.arg(key) or ""
        return int(text) if text.isdigit() and int(text) > 0 else usual

    size, page = min(number("per_page", 30), 100), number("page", 1)
    reply = Reply(200, rows[(page - 1) * size : page * size])
    if len(rows) > page * size:
        url = f"{call.request.origin}{call.request.raw_path}?per_page={size}&page="
        last = -(-len(rows) // size)
        links = f'<{url}{page + 1}>; rel="next", <{url}{last}>; rel="last"'
        reply.headers.append(("link", links))
    return reply


def get_issue(call: Exchange) -> Reply:
    """``GET …/issues/{issue_number}``."""
    name = name_of(call)
    return Reply(200, shown_issue(call, name, issue_of(call, name)))


def edit(call: Exchange) -> Reply:
    """``PATCH`` of an issue or a pull request."""
    name, body = name_of(call), call.fields()
    row = issue_of(call, name)
    changes: dict[str, Any] = {key: body[key] for key in ("title", "body", "state") if key in body}
    if changes.get("state") not in (None, "open", "closed"):
        raise invalid("Issue", "state")
    changes |= _marks(call, name, body)
    at = stamp(call.world)
    if changes.get("state") == "closed":
        changes["closed_at"] = at
    elif changes.get("state") == "open":
        changes["closed_at"] = None
    row = _issues(call, name).put(row["number"], {**row, **changes, "updated_at": at})
    is_pull = "pull_number" in call.params
    out = shown_pull(call, name, row) if is_pull else shown_issue(call, name, row)
    action = {"closed": "closed", "open": "reopened"}.get(str(changes.get("state")), "edited")
    event, key = ("pull_request", "pull_request") if is_pull else ("issues", "issue")
    hooks.tell(call, name, event, {"action": action, "number": row["number"], key: out})
    return Reply(200, out)


def comment(call: Exchange) -> Reply:
    """``POST``/``GET …/issues/{issue_number}/comments``."""
    name = name_of(call)
    row = issue_of(call, name)
    table = call.world.table(f"github.comments:{name}#{row['number']}")
    if call.request.method == "GET":
        return paged(call, list(table.values()))
    text = call.fields().get("body")
    if not isinstance(text, str) or not text:
        raise invalid("IssueComment", "body", "missing_field")
    key, at = call.world.number("github.comment", 9000), stamp(call.world)
    base = f"{call.request.origin}/repos/{name}/issues"
    made = {
        "id": key, "node_id": f"IC_{key}", "url": f"{base}/comments/{key}", "body": text,
        "html_url": f"https://github.com/{name}/issues/{row['number']}#issuecomment-{key}",
        "issue_url": f"{base}/{row['number']}", "user": owner(call, call.actor.id),
        "created_at": at, "updated_at": at, "author_association": "OWNER",
    }  # fmt: skip
    table.put(key, made)
    hooks.tell(
        call,
        name,
        "issue_comment",
        {"action": "created", "issue": shown_issue(call, name, row), "comment": made},
    )
    return Reply(201, made)


# --- pull requests
def shown_pull(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render a pull request."""
    base = f"{call.request.origin}/repos/{name}"
    url = f"{base}/pulls/{row['number']}"
    repo = repos.shown(call, call.table("repos")[name])
    login = name.split("/")[0]

    def side(ref: str, sha: str) -> dict[str, Any]:
        return {
            "label": f"{login}:{ref}",
            "ref": ref,
            "sha": sha,
            "repo": repo,
            "user": owner(call, login),
        }

    head = repos.refs(call, name).get(f"heads/{row['head']}", row["head_sha"])
    if row["merged"]:
        head = row["head_sha"]
    issue = shown_issue(call, name, row)
    kept = ("id", "number", "state", "title", "body", "user", "labels", "assignee", "assignees",
            "milestone", "locked", "active_lock_reason", "comments", "created_at", "updated_at",
            "closed_at", "author_association", "comments_url")  # fmt: skip
    return {
        **{key: issue[key] for key in kept}, "node_id": f"PR_{row['id']}", "url": url,
        "html_url": f"https://github.com/{name}/pull/{row['number']}",
        "diff_url": f"https://github.com/{name}/pull/{row['number']}.diff",
        "patch_url": f"https://github.com/{name}/pull/{row['number']}.patch",
        "issue_url": issue["url"], "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{base}/pulls/comments{{/number}}",
        "statuses_url": f"{base}/statuses/{head}", "head": side(row["head"], head),
        "base": side(row["base"], row["base_sha"]), "draft": row["draft"], "auto_merge": None,
        "merged": row["merged"], "merged_at": row["merged_at"], "merge_commit_sha": row["merge"],
        "merged_by": owner(call, row["user"]) if row["merged"] else None,
        "mergeable": None if row["merged"] else True, "rebaseable": None,
        "mergeable_state": "unknown" if row["merged"] else "clean", "review_comments": 0,
        "maintainer_can_modify": False, "commits": 1, "additions": 1, "deletions": 0,
        "changed_files": 1, "requested_reviewers": [], "requested_teams": [],
        "_links": {key: {"href": f"{url}{tail}"} for key, tail in
                   (("self", ""), ("commits", "/commits"), ("review_comments", "/comments"))},
    }  # fmt: skip


def create_pull(call: Exchange) -> Reply:
    """``POST …/pulls``."""
    name, body = name_of(call), call.fields()
    head, base = str(body.get("head") or "").split(":")[-1], str(body.get("base") or "")
    table = repos.refs(call, name)
    for field, ref in (("head", head), ("base", base)):
        if f"heads/{ref}" not in table:
            raise invalid("PullRequest", field)
    if table[f"heads/{head}"] == table[f"heads/{base}"]:
        text = f"No commits between {base} and {head}"
        raise invalid("PullRequest", "base", "custom", text)
    for other in _issues(call, name).values():
        if other.get("head") == head and other["base"] == base and other["state"] == "open":
            text = f"A pull request already exists for {name.split('/')[0]}:{head}."
            raise invalid("PullRequest", "head", "custom", text)
    row = _new(call, name, body.get("title"), body.get("body"))
    row = _issues(call, name).put(row["number"], {
        **row, "head": head, "base": base, "head_sha": table[f"heads/{head}"],
        "base_sha": table[f"heads/{base}"], "draft": bool(body.get("draft")), "merged": False,
        "merged_at": None, "merge": None,
    })  # fmt: skip
    out = shown_pull(call, name, row)
    hooks.tell(
        call,
        name,
        "pull_request",
        {"action": "opened", "number": row["number"], "pull_request": out},
    )
    return Reply(201, out)


def list_pulls(call: Exchange) -> Reply:
    """``GET …/pulls``."""
    name, ask = name_of(call), call.request.arg
    head = (ask("head") or "").split(":")[-1]
    rows = [
        row
        for row in _issues(call, name).values()
        if "head" in row
        and (ask("state") or "open") in ("all", row["state"])
        and head in ("", row["head"])
        and ask("base") in (None, "", row["base"])
    ]
    return paged(call, [shown_pull(call, name, row) for row in reversed(rows)])


def get_pull(call: Exchange) -> Reply:
    """``GET …/pulls/{pull_number}``."""
    name = name_of(call)
    return Reply(200, shown_pull(call, name, issue_of(call, name)))


def merged_tree(
    ours: dict[str, str], was: dict[str, str], theirs: dict[str, str]
) -> dict[str, str] | None:
    """Merge files three ways; nothing where both sides changed one."""
    tree = dict(ours)
    for path in {*was, *theirs}:
        if theirs.get(path) == was.get(path):
            continue
        if ours.get(path) not in (was.get(path), theirs.get(path)):
            return None
        if path in theirs:
            tree[path] = theirs[path]
        else:
            tree.pop(path, None)
    return tree


def merge(call: Exchange) -> Reply:
    """``PUT …/pulls/{pull_number}/merge``."""
    name, body = name_of(call), call.fields()
    row = issue_of(call, name)
    if row["merged"] or row["state"] != "open" or row["draft"]:
        raise VendorError(405, "Method Not Allowed", "Pull Request is not mergeable")
    table = repos.refs(call, name)
    head = table[f"heads/{row['head']}"]
    if body.get("sha") not in (None, head):
        raise VendorError(
            409, "Conflict", "Head branch was modified. Review and try the merge again."
        )
    onto = table[f"heads/{row['base']}"]
    ours = repos.commit_of(call, name, onto)["tree"]
    was = repos.commit_of(call, name, row["base_sha"])["tree"]
    theirs = repos.commit_of(call, name, head)["tree"]
    tree = merged_tree(ours, was, theirs)
    if tree is None:
        raise VendorError(405, "Method Not Allowed", "Pull Request is not mergeable")
    title = str(body.get("commit_title") or f"Merge pull request #{row['number']}")
    sha = repos.commit(call.world, name, title, tree, [onto, head])
    table.put(f"heads/{row['base']}", sha)
    at = stamp(call.world)
    row = _issues(call, name).put(row["number"], {
        **row, "merged": True, "merged_at": at, "closed_at": at, "updated_at": at,
        "state": "closed", "merge": sha, "head_sha": head,
    })  # fmt: skip
    hooks.tell(
        call,
        name,
        "pull_request",
        {"action": "closed", "number": row["number"], "pull_request": shown_pull(call, name, row)},
    )
    return Reply(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


# --- checks
def shown_check(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render a check run."""
    base = f"{call.request.origin}/repos/{name}"
    output = row.get("output") or {}
    return {
        "id": row["id"], "node_id": f"CR_{row['id']}", "head_sha": row["head_sha"],
        "name": row["name"], "external_id": row.get("external_id", ""),
        "url": f"{base}/check-runs/{row['id']}", "details_url": row.get("details_url"),
        "html_url": f"https://github.com/{name}/runs/{row['id']}", "status": row["status"],
        "conclusion": row.get("conclusion"), "started_at": row["started_at"],
        "completed_at": row.get("completed_at"),
        "output": {"title": output.get("title"), "summary": output.get("summary"),
                   "text": output.get("text"), "annotations_count": 0,
                   "annotations_url": f"{base}/check-runs/{row['id']}/annotations"},
        "check_suite": {"id": row["id"]}, "app": None, "pull_requests": [],
    }  # fmt: skip


def check(call: Exchange) -> Reply:
    """``POST …/check-runs`` and ``PATCH``/``GET …/check-runs/{check_run_id}``."""
    name = name_of(call)
    table = call.world.table(f"github.checks:{name}")
    if call.request.method == "POST":
        body = call.fields()
        if not body.get("name"):
            raise invalid("CheckRun", "name", "missing_field")
        sha = resolve(call, name, str(body.get("head_sha") or ""))
        row: dict[str, Any] = {
            "id": call.world.number("github.check", 7000),
            "status": "queued",
            "started_at": stamp(call.world),
        }
        row |= {**body, "head_sha": sha}
    else:
        text = call.params["check_run_id"]
        found = table.get(int(text) if text.isdigit() else 0)
        if found is None:
            raise missing()
        if call.request.method == "GET":
            return Reply(200, shown_check(call, name, found))
        row = {**found, **call.fields()}
    if row.get("conclusion"):
        row |= {"status": "completed", "completed_at": row.get("completed_at") or stamp(call.world)}
    table.put(row["id"], row)
    out = shown_check(call, name, row)
    action = "completed" if row["status"] == "completed" else "created"
    hooks.tell(call, name, "check_run", {"action": action, "check_run": out})
    return Reply(201 if call.request.method == "POST" else 200, out)


def checks_of(call: Exchange) -> Reply:
    """``GET …/commits/{ref}/check-runs``."""
    name = name_of(call)
    sha = resolve(call, name, call.params["ref"])
    rows = [
        shown_check(call, name, row)
        for row in call.world.table(f"github.checks:{name}").values()
        if row["head_sha"] == sha
    ]
    return Reply(200, {"total_count": len(rows), "check_runs": rows})


_R: Final = "/repos/{owner}/{repo}"
_I: Final = _R + "/issues/{issue_number}"
_P: Final = _R + "/pulls/{pull_number}"
_C: Final = _R + "/check-runs/{check_run_id}"
ROUTES: Final = (
    Route("POST", _R + "/issues", create_issue, "issues/create"),
    Route("GET", _R + "/issues", list_issues, "issues/list-for-repo"),
    Route("GET", _I, get_issue, "issues/get"),
    Route("PATCH", _I, edit, "issues/update"),
    Route("POST", _I + "/comments", comment, "issues/create-comment"),
    Route("GET", _I + "/comments", comment, "issues/list-comments"),
    Route("POST", _R + "/pulls", create_pull, "pulls/create"),
    Route("GET", _R + "/pulls", list_pulls, "pulls/list"),
    Route("GET", _P, get_pull, "pulls/get"),
    Route("PATCH", _P, edit, "pulls/update"),
    Route("PUT", _P + "/merge", merge, "pulls/merge"),
    Route("POST", _R + "/check-runs", check, "checks/create"),
    Route("GET", _C, check, "checks/get"),
    Route("PATCH", _C, check, "checks/update"),
    Route("GET", _R + "/commits/{ref}/check-runs", checks_of, "checks/list-for-ref"),
)  # fmt: skip
