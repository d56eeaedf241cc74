"""Repositories: branches, commits and files as plain trees of text."""

import base64
import binascii
import hashlib
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import World

HEX: Final = "0123456789abcdef"
SETTINGS: Final = frozenset(
    ("description", "homepage", "private", "visibility", "has_issues", "has_projects", "has_wiki",
     "has_discussions", "is_template", "default_branch", "allow_squash_merge", "archived",
     "allow_merge_commit", "allow_rebase_merge", "allow_auto_merge", "delete_branch_on_merge")
)  # fmt: skip


def missing() -> VendorError:
    """404, as for everything one may not see."""
    return VendorError(404, "Not Found", "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", text: str = "") -> VendorError:
    """422 with the field that does not fit."""
    entry = {"resource": resource, "code": code, "field": field}
    return VendorError(422, "Validation Failed", "Validation Failed",
                       errors=[{**entry, **({"message": text} if text else {})}])  # fmt: skip


def stamp(world: World) -> str:
    """Return the next instant as GitHub writes it."""
    return (iso(world.clock.tick()) or "")[:19] + "Z"


def owner(call: Exchange, login: str) -> dict[str, Any]:
    """Render a user."""
    base = call.request.origin
    number = int(hashlib.sha256(login.encode()).hexdigest()[:7], 16)
    return {
        "login": login, "id": number, "node_id": f"U_{number}", "avatar_url": "", "type": "User",
        "gravatar_id": "", "url": f"{base}/users/{login}", "html_url": f"https://github.com/{login}",
        "site_admin": False,
        **{f"{name}_url": f"{base}/users/{login}/{name}" for name in
           ("followers", "following", "gists", "starred", "subscriptions", "organizations",
            "repos", "events", "received_events")},
    }  # fmt: skip


def add(world: World, name: str, files: dict[str, str] | None = None) -> dict[str, Any]:
    """Put a repository ``owner/name`` into the world, with one commit on ``main``."""
    at = stamp(world)
    row = {
        "full_name": name,
        "id": world.number("github.repo", 1000),
        "created_at": at,
        "default_branch": "main",
        "private": False,
    }
    world.table("github.repos").put(name, row)
    sha = commit(world, name, "Initial commit", files or {"README.md": f"# {name}\n"}, [])
    world.table(f"github.refs:{name}").put("heads/main", sha)
    return row


def commit(world: World, name: str, message: str, tree: dict[str, str], parents: list[str]) -> str:
    """Keep a commit and return its sha."""
    sha = world.text("github.sha", 40, HEX)
    world.table(f"github.commits:{name}").put(
        sha, {"sha": sha, "message": message, "tree": tree, "parents": parents, "at": stamp(world)}
    )
    return sha


def name_of(call: Exchange) -> str:
    """Return the full name of the repository that the path names."""
    name = f"{call.params['owner']}/{call.params['repo']}"
    if name not in call.table("repos"):
        raise missing()
    return name


def refs(call: Exchange, name: str) -> Any:
    """Return the table of a repository's references."""
    return call.world.table(f"github.refs:{name}")


def resolve(call: Exchange, name: str, ref: str) -> str:
    """Return the sha of a branch, tag or commit."""
    found = refs(call, name).get(f"heads/{ref.removeprefix('refs/heads/')}")
    found = found or refs(call, name).get(ref.removeprefix("refs/"))
    if found is None and ref in call.world.table(f"github.commits:{name}"):
        found = ref
    if found is None:
        raise missing()
    return str(found)


def commit_of(call: Exchange, name: str, sha: str) -> dict[str, Any]:
    """Return a commit."""
    row = call.world.table(f"github.commits:{name}").get(sha)
    if row is None:
        raise missing()
    return row  # type: ignore[no-any-return] # JSON


def shown(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Render a repository."""
    name = row["full_name"]
    login, short = name.split("/")
    base = f"{call.request.origin}/repos/{name}"
    urls = {
        key: f"{base}/{path}" for key, path in (
            ("archive_url", "{archive_format}{/ref}"), ("assignees_url", "assignees{/user}"),
            ("blobs_url", "git/blobs{/sha}"), ("branches_url", "branches{/branch}"),
            ("collaborators_url", "collaborators{/collaborator}"),
            ("comments_url", "comments{/number}"), ("commits_url", "commits{/sha}"),
            ("compare_url", "compare/{base}...{head}"), ("contents_url", "contents/{+path}"),
            ("contributors_url", "contributors"), ("deployments_url", "deployments"),
            ("downloads_url", "downloads"), ("events_url", "events"), ("forks_url", "forks"),
            ("git_commits_url", "git/commits{/sha}"), ("git_refs_url", "git/refs{/sha}"),
            ("git_tags_url", "git/tags{/sha}"), ("hooks_url", "hooks"),
            ("issue_comment_url", "issues/comments{/number}"),
            ("issue_events_url", "issues/events{/number}"), ("issues_url", "issues{/number}"),
            ("keys_url", "keys{/key_id}"), ("labels_url", "labels{/name}"),
            ("languages_url", "languages"), ("merges_url", "merges"),
            ("milestones_url", "milestones{/number}"),
            ("notifications_url", "notifications{?since,all,participating}"),
            ("pulls_url", "pulls{/number}"), ("releases_url", "releases{/id}"),
            ("stargazers_url", "stargazers"), ("statuses_url", "statuses/{sha}"),
            ("subscribers_url", "subscribers"), ("subscription_url", "subscription"),
            ("tags_url", "tags"), ("teams_url", "teams"), ("trees_url", "git/trees{/sha}"),
        )
    }  # fmt: skip
    issues = [i for i in call.world.table(f"github.issues:{name}").values() if i["state"] == "open"]
    stars = sum(starred == name for _, starred in call.table("stars"))
    kept = {key: row[key] for key in SETTINGS if key in row}
    return {
        "id": row["id"], "node_id": f"R_{row['id']}", "name": short, "full_name": name,
        "owner": owner(call, login), "private": row["private"], "fork": False,
        "html_url": f"https://github.com/{name}", "description": row.get("description"),
        "url": base, **urls, "created_at": row["created_at"], "updated_at": row["created_at"],
        "pushed_at": row["created_at"], "default_branch": row["default_branch"],
        "clone_url": f"https://github.com/{name}.git", "git_url": f"git://github.com/{name}.git",
        "ssh_url": f"git@github.com:{name}.git", "svn_url": f"https://github.com/{name}",
        "mirror_url": None, "homepage": None, "language": None, "forks": 0, "forks_count": 0,
        "stargazers_count": stars, "watchers": stars, "watchers_count": stars, "size": 1,
        "open_issues": len(issues), "open_issues_count": len(issues), "has_issues": True,
        "has_projects": True, "has_wiki": True, "has_pages": False, "has_downloads": True,
        "has_discussions": False, "archived": False, "disabled": False, "visibility": "public",
        "license": None, "network_count": 0, "subscribers_count": 0,
        "permissions": {"admin": True, "push": True, "pull": True}, **kept,
    }  # fmt: skip


def get(call: Exchange) -> Reply:
    """``GET /repos/{owner}/{repo}``."""
    return Reply(200, shown(call, call.table("repos")[name_of(call)]))


def create(call: Exchange) -> Reply:
    """``POST /user/repos``."""
    short = call.fields().get("name")
    if not isinstance(short, str) or not short:
        raise invalid("Repository", "name", "missing_field")
    name = f"{call.actor.id}/{short}"
    if name in call.table("repos"):
        raise invalid("Repository", "name", "custom", "name already exists on this account")
    return Reply(201, shown(call, add(call.world, name)))


def user(call: Exchange) -> Reply:
    """``GET /user``."""
    return Reply(
        200,
        {
            **owner(call, call.actor.id),
            "name": call.actor.id,
            "public_repos": len(call.table("repos")),
            "created_at": "2026-01-01T00:00:00Z",
            **(call.table("profiles").get(call.actor.id) or {}),
        },
    )


def content(call: Exchange, name: str, path: str, text: str, ref: str) -> dict[str, Any]:
    """Render a file with what is in it."""
    base = f"{call.request.origin}/repos/{name}"
    sha = blob_sha(text)
    return {
        "type": "file", "name": path.rsplit("/", 1)[-1], "path": path, "sha": sha,
        "size": len(text.encode()), "encoding": "base64",
        "content": base64.encodebytes(text.encode()).decode(),
        "url": f"{base}/contents/{path}?ref={ref}", "git_url": f"{base}/git/blobs/{sha}",
        "html_url": f"https://github.com/{name}/blob/{ref}/{path}",
        "download_url": f"https://raw.githubusercontent.com/{name}/{ref}/{path}",
        "_links": {"self": f"{base}/contents/{path}?ref={ref}",
                   "git": f"{base}/git/blobs/{sha}",
                   "html": f"https://github.com/{name}/blob/{ref}/{path}"},
    }  # fmt: skip


def blob_sha(text: str) -> str:
    """Return git's own name of a file's content."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324 # git's own


def read(call: Exchange) -> Reply:
    """``GET …/contents/{path}``: a file, or the entries of a folder."""
    name, path = name_of(call), call.params.get("path", "").strip("/")
    ref = call.request.arg("ref") or call.table("repos")[name]["default_branch"]
    tree = commit_of(call, name, resolve(call, name, ref))["tree"]
    if path in tree:
        return Reply(200, content(call, name, path, tree[path], ref))
    prefix = f"{path}/" if path else ""
    inside = [key for key in sorted(tree) if key.startswith(prefix)]
    if not inside:
        raise missing()
    entries = []
    for key in dict.fromkeys(prefix + item[len(prefix) :].split("/")[0] for item in inside):
        if key in tree:
            entry = content(call, name, key, tree[key], ref)
            entry.pop("content")
            entry.pop("encoding")
        else:
            entry = {**content(call, name, key, "", ref), "type": "dir", "size": 0}
        entries.append(entry)
    return Reply(200, entries)


def write(call: Exchange) -> Reply:
    """``PUT``/``DELETE …/contents/{path}``: a commit on a branch."""
    name, path, body = name_of(call), call.params["path"], call.fields()
    branch = str(body.get("branch") or call.table("repos")[name]["default_branch"])
    head = refs(call, name).get(f"heads/{branch}")
    if head is None:
        raise VendorError(404, "Not Found", f"Branch {branch} not found")
    tree = dict(commit_of(call, name, head)["tree"])
    known = blob_sha(tree[path]) if path in tree else None
    if known is not None and body.get("sha") != known:
        text = (
            f"{path} does not match {body.get('sha')}"
            if body.get("sha")
            else ('Invalid request.\n\n"sha" wasn\'t supplied.')
        )
        raise VendorError(409 if body.get("sha") else 422, "Conflict", text)
    if call.request.method == "DELETE":
        if known is None:
            raise missing()
        tree.pop(path)
    else:
        try:
            tree[path] = base64.b64decode(str(body.get("content", ""))).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise VendorError(422, "Invalid", "content is not valid Base64") from error
    message = str(body.get("message") or "")
    sha = commit(call.world, name, message, tree, [head])
    refs(call, name).put(f"heads/{branch}", sha)
    found = None
    if call.request.method == "PUT":
        found = content(call, name, path, tree[path], branch)
    return Reply(
        200 if known else 201,
        {
            "content": found,
            "commit": {
                **git_commit(call, name, sha),
                "parents": [{"sha": head, "url": "", "html_url": ""}],
            },
        },
    )


def git_commit(call: Exchange, name: str, sha: str) -> dict[str, Any]:
    """Render a commit as git has it."""
    row = commit_of(call, name, sha)
    person = {"name": call.actor.id, "email": f"{call.actor.id}@example.com", "date": row["at"]}
    base = f"{call.request.origin}/repos/{name}"
    return {
        "sha": sha, "node_id": f"C_{sha[:12]}", "url": f"{base}/git/commits/{sha}",
        "html_url": f"https://github.com/{name}/commit/{sha}", "author": person,
        "committer": person, "message": row["message"],
        "tree": {"sha": sha, "url": f"{base}/git/trees/{sha}"},
        "verification": {"verified": False, "reason": "unsigned", "signature": None,
                         "payload": None, "verified_at": None},
    }  # fmt: skip


def shown_commit(call: Exchange, name: str, sha: str) -> dict[str, Any]:
    """Render a commit as lists have it."""
    base = f"{call.request.origin}/repos/{name}/commits"
    parents = [
        {"sha": p, "url": f"{base}/{p}", "html_url": f"https://github.com/{name}/commit/{p}"}
        for p in commit_of(call, name, sha)["parents"]
    ]
    git = git_commit(call, name, sha)
    return {
        "sha": sha, "node_id": git["node_id"], "url": f"{base}/{sha}", "commit": git,
        "html_url": git["html_url"], "comments_url": f"{base}/{sha}/comments",
        "author": owner(call, call.actor.id), "committer": owner(call, call.actor.id),
        "parents": parents,
    }  # fmt: skip


def get_ref(call: Exchange) -> Reply:
    """``GET …/git/ref/{ref}`` and ``GET …/branches/{branch}``."""
    name = name_of(call)
    if "branch" in call.params:
        branch = call.params["branch"]
        sha = refs(call, name).get(f"heads/{branch}")
        if sha is None:
            raise VendorError(404, "Branch not found", "Branch not found")
        base = f"{call.request.origin}/repos/{name}"
        return Reply(200, {
            "name": branch, "protected": False, "protection": {"enabled": False},
            "protection_url": f"{base}/branches/{branch}/protection",
            "commit": {"sha": sha, "url": f"{base}/commits/{sha}", "node_id": "",
                       "commit": git_commit(call, name, sha), "parents": []},
            "_links": {"self": f"{base}/branches/{branch}",
                       "html": f"https://github.com/{name}/tree/{branch}"},
        })  # fmt: skip
    ref = call.params["ref"]
    sha = refs(call, name).get(ref)
    if sha is None:
        raise missing()
    return Reply(200, shown_ref(call, name, ref, sha))


def shown_ref(call: Exchange, name: str, ref: str, sha: str) -> dict[str, Any]:
    """Render a reference."""
    base = f"{call.request.origin}/repos/{name}/git"
    return {
        "ref": f"refs/{ref}",
        "node_id": f"REF_{sha[:12]}",
        "url": f"{base}/refs/{ref}",
        "object": {"type": "commit", "sha": sha, "url": f"{base}/commits/{sha}"},
    }


def create_ref(call: Exchange) -> Reply:
    """``POST …/git/refs``."""
    name, body = name_of(call), call.fields()
    ref, sha = str(body.get("ref") or ""), str(body.get("sha") or "")
    if not ref.startswith("refs/") or ref.count("/") < 2:
        raise VendorError(422, "Invalid", "Reference name must start with 'refs/'.")
    if sha not in call.world.table(f"github.commits:{name}"):
        raise VendorError(422, "Invalid", "Object does not exist")
    short = ref.removeprefix("refs/")
    if short in refs(call, name):
        raise VendorError(422, "Invalid", "Reference already exists")
    refs(call, name).put(short, sha)
    return Reply(201, shown_ref(call, name, short, sha))


_R: Final = "/repos/{owner}/{repo}"
ROUTES: Final = (
    Route("GET", "/user", user, "users/get-authenticated"),
    Route("POST", "/user/repos", create, "repos/create-for-authenticated-user"),
    Route("GET", _R, get, "repos/get"),
    Route("GET", _R + "/contents", read, "repos/get-content-root"),
    *(
        Route(method, f"{_R}/contents/{path}", handler, op)
        for path in ("{path}", "{path+}")  # the contract's one segment, and what GitHub takes
        for method, handler, op in (
            ("GET", read, "repos/get-content"),
            ("PUT", write, "repos/create-or-update-file-contents"),
            ("DELETE", write, "repos/delete-file"),
        )
    ),
    Route("GET", _R + "/branches/{branch}", get_ref, "repos/get-branch"),
    Route("GET", _R + "/git/ref/{ref}", get_ref, "git/get-ref"),
    Route("GET", _R + "/git/ref/{ref+}", get_ref, "git/get-ref"),
    Route("POST", _R + "/git/refs", create_ref, "git/create-ref"),
)  # fmt: skip
