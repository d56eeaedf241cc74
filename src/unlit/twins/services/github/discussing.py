"""What is said about issues and pull requests: labels, milestones, comments, reviews, statuses."""

from collections.abc import Iterable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import Table, World
from unlit.twins.services.github import hooks, labelling, pulls
from unlit.twins.services.github.repos import invalid, missing, name_of, owner, resolve, stamp

_STATES: Final = ("error", "failure", "pending", "success")


def _issues(world: World, name: str) -> Table:
    return world.table(f"github.issues:{name}")


# --- labels
def _one_label(call: Exchange, name: str) -> dict[str, Any]:
    row = labelling.labels_of(call.world, name).get(call.params["name"].lower())
    if row is None:
        raise missing()
    return row  # type: ignore[no-any-return] # JSON


def labels(call: Exchange) -> Reply:
    """``GET``/``POST …/labels``."""
    name = name_of(call)
    table = labelling.labels_of(call.world, name)
    if call.request.method == "GET":
        return pulls.paged(call, [labelling.shown(call, name, row) for row in table.values()])
    body = call.fields()
    word = body.get("name")
    if not isinstance(word, str) or not word:
        raise invalid("Label", "name", "missing_field")
    if word.lower() in table:
        raise invalid("Label", "name", "already_exists")
    row = labelling.made(call.world, name, word, body.get("color"), body.get("description"))
    return Reply(201, labelling.shown(call, name, row))


def label(call: Exchange) -> Reply:
    """``GET``/``PATCH``/``DELETE …/labels/{name}``: renames and removals reach the issues."""
    name = name_of(call)
    old, table = _one_label(call, name), labelling.labels_of(call.world, name)
    if call.request.method == "GET":
        return Reply(200, labelling.shown(call, name, old))
    if call.request.method == "DELETE":
        table.drop(old["name"].lower())
        _rename(call.world, name, old["name"], None)
        return Reply(204)
    body = call.fields()
    word = str(body.get("new_name") or old["name"])
    if word.lower() != old["name"].lower() and word.lower() in table:
        raise invalid("Label", "name", "already_exists")
    changes: dict[str, Any] = {k: body[k] for k in ("color", "description") if k in body}
    row = {**old, **changes, "name": word}
    table.drop(old["name"].lower())
    table.put(word.lower(), row)
    _rename(call.world, name, old["name"], word)
    return Reply(200, labelling.shown(call, name, row))


def _rename(world: World, name: str, old: str, new: str | None) -> None:
    table = _issues(world, name)
    for row in list(table.values()):
        if old in row["labels"]:
            left = [new if word == old else word for word in row["labels"]]
            table.patch(row["number"], labels=[word for word in left if word is not None])


def issue_labels(call: Exchange) -> Reply:
    """``GET``/``POST``/``PUT``/``DELETE …/issues/{issue_number}/labels``."""
    name = name_of(call)
    row, method = pulls.issue_of(call, name), call.request.method
    if method == "GET":
        shown = [labelling.named(call, name, word) for word in row["labels"]]
        return pulls.paged(call, shown)
    given = [] if method == "DELETE" else _words(call)
    have = row["labels"] if method == "POST" else []
    every = [*have, *(labelling.known(call.world, name, word) for word in given)]
    words: list[str] = list(dict.fromkeys(every))
    _label(call, name, row, words)
    if method == "DELETE":
        return Reply(204)
    return Reply(200, [labelling.named(call, name, word) for word in words])


def _words(call: Exchange) -> list[str]:
    sent = call.json()
    found = sent.get("labels") if isinstance(sent, dict) else sent
    rows = found if isinstance(found, list) else []
    words = [row.get("name") if isinstance(row, dict) else row for row in rows]
    if not isinstance(found, list) or not all(isinstance(word, str) and word for word in words):
        raise invalid("Label", "labels")
    return [str(word) for word in words]


def _label(call: Exchange, name: str, row: dict[str, Any], words: Iterable[str]) -> None:
    at = stamp(call.world)
    new = _issues(call.world, name).patch(row["number"], labels=list(words), updated_at=at)
    for action, some in (
        ("labeled", [w for w in new["labels"] if w not in row["labels"]]),
        ("unlabeled", [w for w in row["labels"] if w not in new["labels"]]),
    ):
        for word in some:
            shown = pulls.shown_issue(call, name, new)
            told = {"action": action, "issue": shown, "label": labelling.named(call, name, word)}
            hooks.tell(call, name, "issues", told)


def unlabel(call: Exchange) -> Reply:
    """``DELETE …/issues/{issue_number}/labels/{name}``."""
    name = name_of(call)
    row, word = pulls.issue_of(call, name), call.params["name"].lower()
    left = [one for one in row["labels"] if one.lower() != word]
    if len(left) == len(row["labels"]):
        raise VendorError(404, "Label does not exist", "Label does not exist")
    _label(call, name, row, left)
    return Reply(200, [labelling.named(call, name, one) for one in left])


# --- comments
def comments(call: Exchange) -> Reply:
    """``GET …/issues/comments``: of all issues, oldest first."""
    name = name_of(call)
    rows = [
        row
        for number in _issues(call.world, name)
        for row in call.world.table(f"github.comments:{name}#{number}").values()
    ]
    return pulls.paged(call, sorted(rows, key=lambda row: int(row["id"])))


def comment(call: Exchange) -> Reply:
    """``GET``/``PATCH``/``DELETE …/issues/comments/{comment_id}``."""
    name, wanted = name_of(call), call.params["comment_id"]
    for number in _issues(call.world, name):
        table = call.world.table(f"github.comments:{name}#{number}")
        row = table.get(int(wanted) if wanted.isdigit() else 0)
        if row is None:
            continue
        if call.request.method == "GET":
            return Reply(200, row)
        issue = pulls.shown_issue(call, name, _issues(call.world, name)[number])
        if call.request.method == "DELETE":
            table.drop(row["id"])
            told = {"action": "deleted", "issue": issue, "comment": row}
            hooks.tell(call, name, "issue_comment", told)
            return Reply(204)
        text = call.fields().get("body")
        if not isinstance(text, str) or not text:
            raise invalid("IssueComment", "body", "missing_field")
        row = table.patch(row["id"], body=text, updated_at=stamp(call.world))
        told = {"action": "edited", "issue": issue, "comment": row}
        hooks.tell(call, name, "issue_comment", told)
        return Reply(200, row)
    raise missing()


def lock(call: Exchange) -> Reply:
    """``PUT``/``DELETE …/issues/{issue_number}/lock``."""
    name = name_of(call)
    row, locked = pulls.issue_of(call, name), call.request.method == "PUT"
    _issues(call.world, name).patch(row["number"], locked=locked)
    return Reply(204)


# --- milestones
def shown_milestone(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render a milestone with how many of its issues are open."""
    held = [one for one in _issues(call.world, name).values()
            if one.get("milestone") == row["number"]]  # fmt: skip
    opened = sum(one["state"] == "open" for one in held)
    url = f"{call.request.origin}/repos/{name}/milestones/{row['number']}"
    return {
        **row, "url": url, "labels_url": f"{url}/labels", "node_id": f"MI_{row['id']}",
        "html_url": f"https://github.com/{name}/milestone/{row['number']}",
        "creator": owner(call, row["creator"]), "open_issues": opened,
        "closed_issues": len(held) - opened,
    }  # fmt: skip


def milestones(call: Exchange) -> Reply:
    """``GET``/``POST …/milestones``."""
    name = name_of(call)
    table = call.world.table(f"github.milestones:{name}")
    if call.request.method == "GET":
        state = call.request.arg("state") or "open"
        rows = [row for row in table.values() if state in ("all", row["state"])]
        return pulls.paged(call, [shown_milestone(call, name, row) for row in rows])
    body, at = call.fields(), stamp(call.world)
    title = body.get("title")
    if not isinstance(title, str) or not title:
        raise invalid("Milestone", "title", "missing_field")
    if any(row["title"] == title for row in table.values()):
        raise invalid("Milestone", "title", "already_exists")
    number = call.world.number(f"github.milestone:{name}")
    row = {
        "number": number, "id": call.world.number("github.milestone", 3000), "title": title,
        "description": body.get("description"), "due_on": body.get("due_on"),
        "state": body.get("state") or "open", "creator": call.actor.id, "created_at": at,
        "updated_at": at, "closed_at": None,
    }  # fmt: skip
    return Reply(201, shown_milestone(call, name, table.put(number, row)))


def milestone(call: Exchange) -> Reply:
    """``GET``/``PATCH``/``DELETE …/milestones/{milestone_number}``."""
    name, wanted = name_of(call), call.params["milestone_number"]
    table = call.world.table(f"github.milestones:{name}")
    row = table.get(int(wanted) if wanted.isdigit() else 0)
    if row is None:
        raise missing()
    if call.request.method == "DELETE":
        table.drop(row["number"])
        for one in list(_issues(call.world, name).values()):
            if one.get("milestone") == row["number"]:
                _issues(call.world, name).patch(one["number"], milestone=None)
        return Reply(204)
    if call.request.method == "PATCH":
        body, at = call.fields(), stamp(call.world)
        kept = ("title", "description", "due_on", "state")
        changes = {key: body[key] for key in kept if key in body}
        if changes.get("state") == "closed":
            changes["closed_at"] = at
        row = table.patch(row["number"], **changes, updated_at=at)
    return Reply(200, shown_milestone(call, name, row))


# --- reviews
_EVENTS: Final = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED",
                  "COMMENT": "COMMENTED"}  # fmt: skip


def _review(call: Exchange, name: str, pull: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    url = f"{call.request.origin}/repos/{name}/pulls/{pull['number']}"
    page = f"https://github.com/{name}/pull/{pull['number']}#pullrequestreview-{row['id']}"
    return {
        **row, "node_id": f"PRR_{row['id']}", "user": owner(call, row["user"]), "html_url": page,
        "pull_request_url": url, "author_association": "OWNER",
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
    }  # fmt: skip


def reviews(call: Exchange) -> Reply:
    """``GET``/``POST …/pulls/{pull_number}/reviews``."""
    name = name_of(call)
    pull = pulls.issue_of(call, name)
    table = call.world.table(f"github.reviews:{name}#{pull['number']}")
    if call.request.method == "GET":
        return pulls.paged(call, [_review(call, name, pull, row) for row in table.values()])
    body = call.fields()
    event = body.get("event")
    if event is not None and event not in _EVENTS:
        raise invalid("PullRequestReview", "event")
    if event in ("REQUEST_CHANGES", "COMMENT") and not body.get("body"):
        raise invalid("PullRequestReview", "body", "missing_field")
    if event in ("APPROVE", "REQUEST_CHANGES") and pull["user"] == call.actor.id:
        word = "approve" if event == "APPROVE" else "request changes on"
        text = f"Can not {word} your own pull request"
        raise VendorError(422, "Unprocessable Entity", "Unprocessable Entity", errors=[text])
    row = {
        "id": call.world.number("github.review", 8000), "user": call.actor.id,
        "body": body.get("body") or "", "commit_id": body.get("commit_id") or pull["head_sha"],
        "state": _EVENTS.get(str(event), "PENDING"), "submitted_at": stamp(call.world),
    }  # fmt: skip
    if row["state"] == "PENDING":
        row.pop("submitted_at")
    shown = _review(call, name, pull, table.put(row["id"], row))
    _tell_review(call, name, pull, shown)
    return Reply(200, shown)


def _tell_review(call: Exchange, name: str, pull: dict[str, Any], shown: dict[str, Any]) -> None:
    if shown["state"] != "PENDING":
        told = {"action": "submitted", "review": shown,
                "pull_request": pulls.shown_pull(call, name, pull)}  # fmt: skip
        hooks.tell(call, name, "pull_request_review", told)


def review(call: Exchange) -> Reply:
    """``GET``/``DELETE …/reviews/{review_id}``, ``POST …/events``, ``PUT …/dismissals``."""
    name = name_of(call)
    pull, wanted = pulls.issue_of(call, name), call.params["review_id"]
    table = call.world.table(f"github.reviews:{name}#{pull['number']}")
    row = table.get(int(wanted) if wanted.isdigit() else 0)
    if row is None:
        raise missing()
    if call.request.method == "DELETE":
        if row["state"] != "PENDING":
            text = "Can not delete a non-pending pull request review"
            raise VendorError(422, "Unprocessable Entity", "Unprocessable Entity", errors=[text])
        table.drop(row["id"])
    elif call.request.method == "POST":
        event = call.fields().get("event")
        if event not in _EVENTS or row["state"] != "PENDING":
            raise invalid("PullRequestReview", "event")
        at = stamp(call.world)
        row = table.patch(row["id"], state=_EVENTS[event], submitted_at=at)
        _tell_review(call, name, pull, _review(call, name, pull, row))
    elif call.request.method == "PUT":
        row = table.patch(row["id"], state="DISMISSED")
    return Reply(200, _review(call, name, pull, row))


# --- commit statuses
def _status(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    url = f"{call.request.origin}/repos/{name}/statuses/{row['sha']}"
    shown = {key: value for key, value in row.items() if key != "sha"}
    return {**shown, "url": url, "avatar_url": "", "node_id": f"SC_{row['id']}",
            "creator": owner(call, row["creator"])}  # fmt: skip


def set_status(call: Exchange) -> Reply:
    """``POST …/statuses/{sha}``."""
    name, body = name_of(call), call.fields()
    sha = resolve(call, name, call.params["sha"])
    if body.get("state") not in _STATES:
        raise invalid("Status", "state")
    at = stamp(call.world)
    row = {
        "id": call.world.number("github.status", 6000), "sha": sha, "state": body["state"],
        "target_url": body.get("target_url"), "description": body.get("description"),
        "context": body.get("context") or "default", "creator": call.actor.id,
        "created_at": at, "updated_at": at,
    }  # fmt: skip
    call.world.table(f"github.statuses:{name}").put(row["id"], row)
    shown = _status(call, name, row)
    told = {**shown, "sha": sha, "name": name, "branches": []}
    hooks.tell(call, name, "status", told)
    return Reply(201, shown)


def statuses(call: Exchange) -> Reply:
    """``GET …/commits/{ref}/statuses`` (newest first) and the combined ``…/status``."""
    name = name_of(call)
    sha = resolve(call, name, call.params["ref"])
    table = call.world.table(f"github.statuses:{name}")
    rows = [row for row in reversed(list(table.values())) if row["sha"] == sha]
    if call.request.raw_path.endswith("/statuses"):
        return pulls.paged(call, [_status(call, name, row) for row in rows])
    newest: dict[str, dict[str, Any]] = {}
    for row in rows:
        newest.setdefault(row["context"], row)
    states = {row["state"] for row in newest.values()}
    state = "pending" if not states or "pending" in states else "success"
    state = "failure" if states & {"error", "failure"} else state
    return Reply(200, {
        "state": state, "sha": sha, "total_count": len(newest),
        "statuses": [_status(call, name, row) for row in newest.values()],
        "url": f"{call.request.origin}/repos/{name}/commits/{sha}/status",
        "commit_url": f"{call.request.origin}/repos/{name}/commits/{sha}",
    })  # fmt: skip


def _routes() -> tuple[Route, ...]:
    base = "/repos/{owner}/{repo}"
    issue, pull = base + "/issues/{issue_number}", base + "/pulls/{pull_number}"
    one = pull + "/reviews/{review_id}"
    rows = (
        (("GET", "POST"), base + "/labels", labels),
        (("GET", "PATCH", "DELETE"), base + "/labels/{name}", label),
        (("GET", "POST", "PUT", "DELETE"), issue + "/labels", issue_labels),
        (("DELETE",), issue + "/labels/{name}", unlabel),
        (("GET",), base + "/issues/comments", comments),
        (("GET", "PATCH", "DELETE"), base + "/issues/comments/{comment_id}", comment),
        (("PUT", "DELETE"), issue + "/lock", lock),
        (("GET", "POST"), base + "/milestones", milestones),
        (("GET", "PATCH", "DELETE"), base + "/milestones/{milestone_number}", milestone),
        (("GET", "POST"), pull + "/reviews", reviews),
        (("GET", "DELETE"), one, review),
        (("POST",), one + "/events", review),
        (("PUT",), one + "/dismissals", review),
        (("POST",), base + "/statuses/{sha}", set_status),
        (("GET",), base + "/commits/{ref}/statuses", statuses),
        (("GET",), base + "/commits/{ref}/status", statuses),
    )
    return tuple(
        Route(method, path, rule, f"{rule.__name__} {method}")
        for methods, path, rule in rows
        for method in methods
    )


ROUTES: Final = _routes()
