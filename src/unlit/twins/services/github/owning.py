"""What one does with a repository as its owner: settings, stars, merges, branches, dispatches."""

from html import escape
from typing import Any, Final

from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.github import browsing, hooks, pulls, repos
from unlit.twins.services.github.repos import invalid, missing, name_of, stamp

_PERSON: Final = frozenset(
    ("name", "email", "blog", "twitter_username", "company", "location", "hireable", "bio")
)


# --- the repository
def change(call: Exchange) -> Reply:
    """``PATCH /repos/{owner}/{repo}``; a new name takes everything along."""
    name, body = name_of(call), call.fields()
    table = call.table("repos")
    changes = {key: value for key, value in body.items() if key in repos.SETTINGS}
    branch = changes.get("default_branch")
    if branch is not None and f"heads/{branch}" not in repos.refs(call, name):
        raise invalid("Repository", "default_branch", "custom", "The branch was not found")
    if "visibility" in changes:
        changes["private"] = changes["visibility"] == "private"
    row = {**table[name], **changes, "updated_at": stamp(call.world)}
    wanted = body.get("name")
    if wanted and str(wanted) != name.split("/")[1]:
        moved = f"{name.split('/')[0]}/{wanted}"
        if moved in table:
            raise invalid("Repository", "name", "custom", "name already exists on this account")
        _move(call, name, moved)
        row, name = {**row, "full_name": moved}, moved
    return Reply(200, repos.shown(call, table.put(name, row)))


def _move(call: Exchange, old: str, new: str) -> None:
    tables = call.world.tables
    for key in list(tables):
        head, colon, rest = key.partition(":")
        if colon and (rest == old or rest.startswith(f"{old}#")):
            tables[f"{head}:{new}{rest.removeprefix(old)}"] = tables.pop(key)
    call.table("repos").drop(old)


def delete(call: Exchange) -> Reply:
    """``DELETE /repos/{owner}/{repo}``."""
    name = name_of(call)
    for key in list(call.world.tables):
        rest = key.partition(":")[2]
        if rest == name or rest.startswith(f"{name}#"):
            call.world.tables.pop(key)
    call.table("repos").drop(name)
    return Reply(204)


def rename_branch(call: Exchange) -> Reply:
    """``POST …/branches/{branch}/rename``."""
    name, old, new = name_of(call), call.params["branch"], call.fields().get("new_name")
    table = repos.refs(call, name)
    if f"heads/{old}" not in table:
        raise missing()
    if not new or f"heads/{new}" in table:
        raise invalid("Branch", "new_name")
    table.put(f"heads/{new}", table.drop(f"heads/{old}"))
    row = call.table("repos")[name]
    if row["default_branch"] == old:
        call.table("repos").patch(name, default_branch=str(new))
    issues = call.world.table(f"github.issues:{name}")
    for number, one in list(issues.items()):
        moved = {side: str(new) for side in ("head", "base") if one.get(side) == old}
        if moved:
            issues.put(number, {**one, **moved})
    call.params["branch"] = str(new)
    return Reply(201, repos.get_ref(call).body)


# --- merging
def merge(call: Exchange) -> Reply:
    """``POST …/merges``: one branch into another."""
    name, body = name_of(call), call.fields()
    base, head = str(body.get("base") or ""), str(body.get("head") or "")
    table = repos.refs(call, name)
    if f"heads/{base}" not in table:
        raise VendorError(404, "Not Found", "Base does not exist")
    onto = str(table[f"heads/{base}"])
    try:
        sha = repos.resolve(call, name, head)
    except VendorError as error:
        raise VendorError(404, "Not Found", "Head does not exist") from error
    before = browsing.history(call, name, onto)
    if sha in before:
        return Reply(204)
    text = str(body.get("commit_message") or f"Merge {head} into {base}")
    made = joined(call, name, onto, sha, text)
    if made is None:
        raise VendorError(409, "Conflict", "Merge conflict")
    table.put(f"heads/{base}", made)
    return Reply(201, repos.shown_commit(call, name, made))


def joined(call: Exchange, name: str, onto: str, sha: str, text: str) -> str | None:
    """Merge a commit into another; return the new one, or nothing where they conflict."""
    before = browsing.history(call, name, onto)
    common = next((one for one in browsing.history(call, name, sha) if one in before), None)
    was = repos.commit_of(call, name, common)["tree"] if common else {}
    theirs = repos.commit_of(call, name, sha)["tree"]
    tree = pulls.merged_tree(repos.commit_of(call, name, onto)["tree"], was, theirs)
    return None if tree is None else repos.commit(call.world, name, text, tree, [onto, sha])


def update_branch(call: Exchange) -> Reply:
    """``PUT …/pulls/{pull_number}/update-branch``: the base goes into the head."""
    name = name_of(call)
    row = pulls.issue_of(call, name)
    table = repos.refs(call, name)
    head = str(table[f"heads/{row['head']}"])
    if call.fields().get("expected_head_sha") not in (None, head):
        raise VendorError(422, "Invalid", "expected head sha didn't match current head ref.")
    base = str(table[f"heads/{row['base']}"])
    if base not in browsing.history(call, name, head):
        text = f"Merge branch '{row['base']}' into {row['head']}"
        made = joined(call, name, head, base, text)
        if made is None:
            raise VendorError(422, "Invalid", "merge conflict between base and head")
        table.put(f"heads/{row['head']}", made)
        call.world.table(f"github.issues:{name}").put(row["number"], {**row, "base_sha": base})
    url = f"https://github.com/{name}/pull/{row['number']}"
    return Reply(202, {"message": "Updating pull request branch.", "url": url})


# --- people
def profile(call: Exchange) -> Reply:
    """``PATCH /user``."""
    kept = call.table("profiles").get(call.actor.id) or {}
    changes = {key: value for key, value in call.fields().items() if key in _PERSON}
    call.table("profiles").put(call.actor.id, {**kept, **changes})
    return repos.user(call)


def star(call: Exchange) -> Reply:
    """``GET``, ``PUT`` and ``DELETE /user/starred/{owner}/{repo}``."""
    key, table = (call.actor.id, name_of(call)), call.table("stars")
    if call.request.method == "PUT":
        table.put(key, stamp(call.world))
    elif call.request.method == "DELETE":
        table.drop(key)
    elif key not in table:
        raise missing()
    return Reply(204)


def starred(call: Exchange) -> Reply:
    """``GET /user/starred``."""
    rows, who = call.table("repos"), call.actor.id
    found = [name for login, name in call.table("stars") if login == who and name in rows]
    return pulls.paged(call, [repos.shown(call, rows[name]) for name in found])


def stargazers(call: Exchange) -> Reply:
    """``GET …/stargazers``."""
    wanted = name_of(call)
    people = [login for login, name in call.table("stars") if name == wanted]
    return pulls.paged(call, [repos.owner(call, login) for login in people])


def repos_of(call: Exchange) -> Reply:
    """``GET /users/{username}/repos`` and ``GET /orgs/{org}/repos``."""
    login = call.params.get("username") or call.params["org"]
    rows = [row for name, row in call.table("repos").items() if name.split("/")[0] == login]
    if not rows and login != call.actor.id:
        raise missing()
    return pulls.paged(call, [repos.shown(call, row) for row in rows])


# --- telling others
def tell_hook(call: Exchange) -> Reply:
    """``POST …/hooks/{hook_id}/pings`` and ``tests``."""
    name, text = name_of(call), call.params["hook_id"]
    row = call.world.table(f"github.hooks:{name}").get(int(text) if text.isdigit() else 0)
    if row is None:
        raise missing()
    if call.route.template.endswith("/pings"):
        hooks.ping(call, name, row)
    elif "push" in row["events"] or "*" in row["events"]:
        branch = call.table("repos")[name]["default_branch"]
        sha = repos.resolve(call, name, branch)
        hooks.send(call, name, row, "push", {
            "ref": f"refs/heads/{branch}", "before": sha, "after": sha, "commits": [],
            "head_commit": repos.git_commit(call, name, sha)})  # fmt: skip
    return Reply(204)


def dispatch(call: Exchange) -> Reply:
    """``POST …/dispatches``: an event of one's own for webhooks that listen."""
    name, body = name_of(call), call.fields()
    kind = body.get("event_type")
    if not kind or len(str(kind)) > 100:
        raise invalid("RepositoryDispatch", "event_type", "missing_field")
    branch = call.table("repos")[name]["default_branch"]
    hooks.tell(
        call,
        name,
        "repository_dispatch",
        {"action": kind, "branch": branch, "client_payload": body.get("client_payload") or {}},
    )
    return Reply(204)


def run_workflow(call: Exchange) -> Reply:
    """``POST …/workflows/{workflow_id}/dispatches``: a file of the branch must be one."""
    name, body = name_of(call), call.fields()
    if not body.get("ref"):
        raise invalid("WorkflowDispatch", "ref", "missing_field")
    tree = repos.commit_of(call, name, repos.resolve(call, name, str(body["ref"])))["tree"]
    path = f".github/workflows/{call.params['workflow_id']}"
    if path not in tree:
        raise missing()
    if "workflow_dispatch" not in tree[path]:
        text = "Workflow does not have 'workflow_dispatch' trigger"
        raise VendorError(422, "Invalid", text)
    hooks.tell(
        call,
        name,
        "workflow_dispatch",
        {"inputs": body.get("inputs") or {}, "ref": body["ref"], "workflow": path},
    )
    return Reply(204)


# --- Markdown
def markdown(call: Exchange) -> Reply:
    """``POST /markdown`` and ``/markdown/raw``: the plain parts of Markdown."""
    raw = call.route.template.endswith("/raw")
    text = call.request.body.decode("utf-8", "replace") if raw else str(
        call.fields().get("text") or "")  # fmt: skip
    out = []
    for block in text.split("\n\n"):
        level = len(block) - len(block.lstrip("#"))
        if 1 <= level <= 6 and block[level : level + 1] == " ":
            out.append(f"<h{level}>{_inline(block[level + 1 :])}</h{level}>")
        elif block.strip():
            out.append(f"<p>{_inline(block.strip())}</p>")
    return Reply(200, Text("\n".join(out)), [("content-type", "text/html;charset=utf-8")])


def _inline(text: str) -> str:
    shown = escape(text, quote=False)
    for mark, tag in (("**", "strong"), ("`", "code"), ("*", "em")):
        parts = shown.split(mark)
        if len(parts) % 2 == 1:
            shown = "".join(
                f"<{tag}>{part}</{tag}>" if at % 2 else part for at, part in enumerate(parts)
            )
    return shown


def graph(call: Exchange) -> Reply:
    """``POST /graphql``: not done, said in the form of GraphQL."""
    text = "The twin does not do GraphQL; its REST interface is the same repositories'."
    return Reply(200, {"data": None, "errors": [{"type": "NOT_IMPLEMENTED", "message": text}]})


def archive(call: Exchange) -> Reply:
    """``GET …/tarball/{ref}`` and ``zipball``: where the archive lies."""
    name, ref = name_of(call), call.params.get("ref") or ""
    sha = repos.resolve(call, name, ref or call.table("repos")[name]["default_branch"])
    kind = "zip" if "/zipball" in call.route.template else "tar.gz"
    place = f"https://codeload.github.com/{name}/legacy.{kind}/{ref or sha}"
    return Reply(302, None, [("location", place)])


def _listed(*rows: tuple[str, str, Any, str]) -> tuple[Route, ...]:
    return tuple(Route(method, path, rule, op) for method, path, rule, op in rows)


_R: Final = "/repos/{owner}/{repo}"
_S: Final = "/user/starred/{owner}/{repo}"
ROUTES: Final = _listed(
    ("PATCH", _R, change, "repos/update"),
    ("DELETE", _R, delete, "repos/delete"),
    ("POST", _R + "/branches/{branch}/rename", rename_branch, "repos/rename-branch"),
    ("POST", _R + "/merges", merge, "repos/merge"),
    ("PUT", _R + "/pulls/{pull_number}/update-branch", update_branch, "pulls/update-branch"),
    ("PATCH", "/user", profile, "users/update-authenticated"),
    ("GET", _S, star, "activity/check-repo-is-starred-by-authenticated-user"),
    ("PUT", _S, star, "activity/star-repo-for-authenticated-user"),
    ("DELETE", _S, star, "activity/unstar-repo-for-authenticated-user"),
    ("GET", "/user/starred", starred, "activity/list-repos-starred-by-authenticated-user"),
    ("GET", _R + "/stargazers", stargazers, "activity/list-stargazers-for-repo"),
    ("GET", "/users/{username}/repos", repos_of, "repos/list-for-user"),
    ("GET", "/orgs/{org}/repos", repos_of, "repos/list-for-org"),
    ("POST", _R + "/hooks/{hook_id}/pings", tell_hook, "repos/ping-webhook"),
    ("POST", _R + "/hooks/{hook_id}/tests", tell_hook, "repos/test-push-webhook"),
    ("POST", _R + "/dispatches", dispatch, "repos/create-dispatch-event"),
    ("POST", _R + "/actions/workflows/{workflow_id}/dispatches", run_workflow,
     "actions/create-workflow-dispatch"),
    ("POST", "/markdown", markdown, "markdown/render"),
    ("POST", "/markdown/raw", markdown, "markdown/render-raw"),
    ("POST", "/graphql", graph, "graphql"),
    *(
        ("GET", f"{_R}/{kind}{ref}", archive, f"repos/download-{kind}-archive")
        for kind in ("tarball", "zipball")
        for ref in ("", "/{ref}")
    ),
)  # fmt: skip
