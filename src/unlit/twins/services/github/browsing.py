"""What one reads of a repository: branches, commits, trees, differences, a pull request's files."""

import base64
import binascii
import difflib
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.github import pulls, repos
from unlit.twins.services.github.repos import missing, name_of, stamp

_LANGUAGES: Final = {
    "py": "Python", "js": "JavaScript", "ts": "TypeScript", "rb": "Ruby", "go": "Go",
    "rs": "Rust", "java": "Java", "c": "C", "sh": "Shell", "html": "HTML", "css": "CSS",
}  # fmt: skip
Tree = dict[str, str]


def history(call: Exchange, name: str, sha: str) -> list[str]:
    """Return a commit and those before it, newest first."""
    table = call.world.table(f"github.commits:{name}")
    seen, waiting = {}, [sha]
    while waiting:
        one = waiting.pop()
        if one in seen or one not in table:
            continue
        seen[one] = table[one]["at"]
        waiting += table[one]["parents"]
    order = {key: at for at, key in enumerate(table)}
    return sorted(seen, key=lambda key: -order[key])


def changes(call: Exchange, name: str, before: Tree, after: Tree, ref: str) -> list[dict[str, Any]]:
    """Return the files in which two trees differ, with patches."""
    out = []
    base = f"{call.request.origin}/repos/{name}"
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        lines = list(difflib.unified_diff(
            (old or "").splitlines(), (new or "").splitlines(), lineterm="", n=3))[2:]  # fmt: skip
        added = sum(line.startswith("+") for line in lines)
        removed = sum(line.startswith("-") for line in lines)
        status = "added" if old is None else "removed" if new is None else "modified"
        out.append({
            "sha": repos.blob_sha(new if new is not None else old or ""), "filename": path,
            "status": status, "additions": added, "deletions": removed,
            "changes": added + removed,
            "blob_url": f"https://github.com/{name}/blob/{ref}/{path}",
            "raw_url": f"https://github.com/{name}/raw/{ref}/{path}",
            "contents_url": f"{base}/contents/{path}?ref={ref}", "patch": "\n".join(lines),
        })  # fmt: skip
    return out


def get_commit(call: Exchange) -> Reply:
    """``GET …/commits/{ref}``, with the files that it changed."""
    name = name_of(call)
    sha = repos.resolve(call, name, call.params["ref"])
    row = repos.commit_of(call, name, sha)
    before = repos.commit_of(call, name, row["parents"][0])["tree"] if row["parents"] else {}
    files = changes(call, name, before, row["tree"], sha)
    added, removed = (sum(one[key] for one in files) for key in ("additions", "deletions"))
    stats = {"total": added + removed, "additions": added, "deletions": removed}
    return Reply(200, {**repos.shown_commit(call, name, sha), "files": files, "stats": stats})


def tree_at(call: Exchange, name: str, sha: str) -> Tree:
    """Return the files of a commit, or of a tree that was made by itself."""
    own = call.world.table(f"github.trees:{name}").get(sha)
    return dict(own if own is not None else repos.commit_of(call, name, sha)["tree"])


# --- lists
def branches(call: Exchange) -> Reply:
    """``GET …/branches`` and ``GET …/tags``."""
    name = name_of(call)
    base, kind = f"{call.request.origin}/repos/{name}", call.route.template.rsplit("/", 1)[-1]
    prefix, out = ("heads/" if kind == "branches" else "tags/"), []
    for ref, sha in repos.refs(call, name).items():
        if not ref.startswith(prefix):
            continue
        short = ref.removeprefix(prefix)
        row: dict[str, Any] = {
            "name": short, "commit": {"sha": sha, "url": f"{base}/commits/{sha}"}}  # fmt: skip
        if kind == "branches":
            row["protected"] = False
        else:
            row |= {"zipball_url": f"{base}/zipball/refs/tags/{short}",
                    "tarball_url": f"{base}/tarball/refs/tags/{short}",
                    "node_id": f"REF_{sha[:12]}"}  # fmt: skip
        out.append(row)
    return pulls.paged(call, sorted(out, key=lambda row: str(row["name"])))


def commits(call: Exchange) -> Reply:
    """``GET …/commits``: of a branch, of a path."""
    name = name_of(call)
    start = call.request.arg("sha") or call.table("repos")[name]["default_branch"]
    path, table = call.request.arg("path"), call.world.table(f"github.commits:{name}")
    found = []
    for sha in history(call, name, repos.resolve(call, name, start)):
        row = table[sha]
        above = table[row["parents"][0]]["tree"] if row["parents"] else {}
        if path and row["tree"].get(path) == above.get(path):
            continue
        found.append(sha)
    return pulls.paged(call, [repos.shown_commit(call, name, sha) for sha in found])


def readme(call: Exchange) -> Reply:
    """``GET …/readme``."""
    name = name_of(call)
    ref = call.request.arg("ref") or call.table("repos")[name]["default_branch"]
    tree = repos.commit_of(call, name, repos.resolve(call, name, ref))["tree"]
    path = next((key for key in tree if key.lower().startswith("readme")), None)
    if path is None:
        raise missing()
    return Reply(200, repos.content(call, name, path, tree[path], ref))


def languages(call: Exchange) -> Reply:
    """``GET …/languages``: bytes of each, by the ends of names."""
    name = name_of(call)
    branch = call.table("repos")[name]["default_branch"]
    out: dict[str, int] = {}
    for path, text in repos.commit_of(call, name, repos.resolve(call, name, branch))[
        "tree"
    ].items():
        word = _LANGUAGES.get(path.rpartition(".")[2])
        if word is not None:
            out[word] = out.get(word, 0) + len(text.encode())
    return Reply(200, out)


# --- git's own objects
def tree(call: Exchange) -> Reply:
    """``GET …/git/trees/{tree_sha}``, of a branch or commit too; ``recursive``."""
    name, wanted = name_of(call), call.params["tree_sha"]
    trees = call.world.table(f"github.trees:{name}")
    sha = wanted if wanted in trees else repos.resolve(call, name, wanted)
    files, base = tree_at(call, name, sha), f"{call.request.origin}/repos/{name}/git"
    deep, seen, out = bool(call.request.arg("recursive")), set(), []
    for path in sorted(files):
        parts = path.split("/")
        for at in range(1, len(parts)):
            folder = "/".join(parts[:at])
            if folder not in seen and (deep or at == 1):
                seen.add(folder)
                key = repos.blob_sha(folder)
                out.append({"path": folder, "mode": "040000", "type": "tree", "sha": key,
                            "url": f"{base}/trees/{key}"})  # fmt: skip
        if deep or len(parts) == 1:
            key = repos.blob_sha(files[path])
            blob: dict[str, Any] = {
                "path": path, "mode": "100644", "type": "blob", "sha": key,
                "size": len(files[path].encode()), "url": f"{base}/blobs/{key}",
            }  # fmt: skip
            out.append(blob)
    return Reply(200, {"sha": sha, "url": f"{base}/trees/{sha}", "tree": out, "truncated": False})


def make_tree(call: Exchange) -> Reply:
    """``POST …/git/trees``: files over those of another tree."""
    name, body = name_of(call), call.fields()
    given = body.get("tree")
    if not isinstance(given, list) or not given:
        raise repos.invalid("Tree", "tree", "missing_field")
    files = tree_at(call, name, str(body["base_tree"])) if body.get("base_tree") else {}
    blobs = call.world.table(f"github.blobs:{name}")
    for entry in given:
        path = str(entry.get("path") or "")
        if "sha" in entry and entry["sha"] is None:
            files.pop(path, None)
        elif "content" in entry:
            files[path] = str(entry["content"])
        elif entry.get("sha") in blobs:
            files[path] = blobs[entry["sha"]]
        else:
            raise VendorError(422, "Invalid", "tree.sha is not a valid blob")
    sha = call.world.text("github.sha", 40, repos.HEX)
    call.world.table(f"github.trees:{name}").put(sha, files)
    call.params["tree_sha"] = sha
    return Reply(201, tree(call).body)


def make_blob(call: Exchange) -> Reply:
    """``POST …/git/blobs``."""
    name, body = name_of(call), call.fields()
    text = str(body.get("content") or "")
    if body.get("encoding") == "base64":
        try:
            text = base64.b64decode(text).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise VendorError(422, "Invalid", "content is not valid Base64") from error
    sha = repos.blob_sha(text)
    call.world.table(f"github.blobs:{name}").put(sha, text)
    url = f"{call.request.origin}/repos/{name}/git/blobs/{sha}"
    return Reply(201, {"sha": sha, "url": url})


def make_commit(call: Exchange) -> Reply:
    """``POST …/git/commits``."""
    name, body = name_of(call), call.fields()
    if not body.get("message") or not body.get("tree"):
        raise repos.invalid("Commit", "message" if body.get("tree") else "tree", "missing_field")
    parents = [str(one) for one in body.get("parents") or []]
    for one in parents:
        repos.commit_of(call, name, one)
    files = tree_at(call, name, str(body["tree"]))
    sha = repos.commit(call.world, name, str(body["message"]), files, parents)
    return Reply(201, {**repos.git_commit(call, name, sha), "parents": [
        {"sha": one, "url": "", "html_url": ""} for one in parents]})  # fmt: skip


def move_ref(call: Exchange) -> Reply:
    """``PATCH`` and ``DELETE …/git/refs/{ref}``."""
    name, ref = name_of(call), call.params["ref"]
    table = repos.refs(call, name)
    if ref not in table:
        raise VendorError(422, "Invalid", "Reference does not exist")
    if call.request.method == "DELETE":
        table.drop(ref)
        return Reply(204)
    sha = str(call.fields().get("sha") or "")
    if sha not in call.world.table(f"github.commits:{name}"):
        raise VendorError(422, "Invalid", "Object does not exist")
    if not call.fields().get("force") and table[ref] not in history(call, name, sha):
        raise VendorError(422, "Invalid", "Update is not a fast forward")
    table.put(ref, sha)
    return Reply(200, repos.shown_ref(call, name, ref, sha))


# --- differences
def compare(call: Exchange) -> Reply:
    """``GET …/compare/{base}...{head}``."""
    name = name_of(call)
    base_name, found, head_name = call.params["basehead"].partition("...")
    if not found:
        raise missing()
    base, head = repos.resolve(call, name, base_name), repos.resolve(call, name, head_name)
    before, after = history(call, name, base), history(call, name, head)
    ahead = [sha for sha in after if sha not in before]
    behind = [sha for sha in before if sha not in after]
    common = next((sha for sha in after if sha in before), base)
    status = (
        "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else
        "identical"
    )  # fmt: skip
    table = call.world.table(f"github.commits:{name}")
    place = f"{call.request.origin}/repos/{name}/compare/{call.params['basehead']}"
    web = f"https://github.com/{name}/compare/{call.params['basehead']}"
    return Reply(200, {
        "url": place, "html_url": web, "permalink_url": web, "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch", "base_commit": repos.shown_commit(call, name, base),
        "merge_base_commit": repos.shown_commit(call, name, common), "status": status,
        "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
        "commits": [repos.shown_commit(call, name, sha) for sha in reversed(ahead)],
        "files": changes(call, name, table[common]["tree"], table[head]["tree"], head),
    })  # fmt: skip


def _pull(call: Exchange) -> tuple[str, dict[str, Any], str]:
    name = name_of(call)
    row = pulls.issue_of(call, name)
    head = row.get("head_sha") or repos.refs(call, name).get(f"heads/{row['head']}")
    if head is None:
        raise missing()
    return name, row, str(head)


def pull_files(call: Exchange) -> Reply:
    """``GET …/pulls/{pull_number}/files``."""
    name, row, head = _pull(call)
    was = repos.commit_of(call, name, row["base_sha"])["tree"]
    now = repos.commit_of(call, name, head)["tree"]
    return pulls.paged(call, changes(call, name, was, now, head))


def pull_commits(call: Exchange) -> Reply:
    """``GET …/pulls/{pull_number}/commits``."""
    name, row, head = _pull(call)
    before = history(call, name, row["base_sha"])
    found = [sha for sha in reversed(history(call, name, head)) if sha not in before]
    return pulls.paged(call, [repos.shown_commit(call, name, sha) for sha in found])


# --- comments on lines
def _shown_comment(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    at = f"{call.request.origin}/repos/{name}/pulls"
    web = f"https://github.com/{name}/pull/{row['pull']}#discussion_r{row['id']}"
    shown = {key: value for key, value in row.items() if key not in ("pull", "login")}
    return {
        **shown, "url": f"{at}/comments/{row['id']}", "html_url": web,
        "user": repos.owner(call, row["login"]), "pull_request_url": f"{at}/{row['pull']}",
        "node_id": f"PRRC_{row['id']}", "author_association": "OWNER",
        "_links": {"self": {"href": f"{at}/comments/{row['id']}"}, "html": {"href": web},
                   "pull_request": {"href": f"{at}/{row['pull']}"}},
    }  # fmt: skip


def line_comments(call: Exchange) -> Reply:
    """``GET`` and ``POST …/pulls/{pull_number}/comments``, and replies."""
    name, pull, head = _pull(call)
    table = call.world.table(f"github.line_comments:{name}")
    if call.request.method == "GET":
        rows = [row for row in table.values() if row["pull"] == pull["number"]]
        return pulls.paged(call, [_shown_comment(call, name, row) for row in rows])
    body = call.fields()
    answered = call.params.get("comment_id") or body.get("in_reply_to")
    above = table.get(int(answered)) if answered and str(answered).isdigit() else None
    if answered and (above is None or above["pull"] != pull["number"]):
        raise missing()
    if not body.get("body"):
        raise repos.invalid("PullRequestReviewComment", "body", "missing_field")
    path = above["path"] if above else str(body.get("path") or "")
    if path not in repos.commit_of(call, name, head)["tree"]:
        raise repos.invalid("PullRequestReviewComment", "path")
    at, number = stamp(call.world), call.world.number("github.line_comment", 100)
    row = {
        "id": number, "pull": pull["number"], "login": call.actor.id, "body": str(body["body"]),
        "path": path, "commit_id": head, "original_commit_id": head, "created_at": at,
        "updated_at": at, "diff_hunk": "", "side": body.get("side") or "RIGHT",
        "line": above["line"] if above else body.get("line"),
        "position": above["position"] if above else body.get("position") or 1,
        "original_position": 1, "subject_type": body.get("subject_type") or "line",
        "pull_request_review_id": None,
    }  # fmt: skip
    if above:
        row["in_reply_to_id"] = above["id"]
    return Reply(201, _shown_comment(call, name, table.put(number, row)))


_R: Final = "/repos/{owner}/{repo}"
_P: Final = _R + "/pulls/{pull_number}"
ROUTES: Final = (
    Route("GET", _R + "/branches", branches, "repos/list-branches"),
    Route("GET", _R + "/tags", branches, "repos/list-tags"),
    Route("GET", _R + "/commits", commits, "repos/list-commits"),
    Route("GET", _R + "/commits/{ref}", get_commit, "repos/get-commit"),
    Route("GET", _R + "/readme", readme, "repos/get-readme"),
    Route("GET", _R + "/languages", languages, "repos/list-languages"),
    Route("GET", _R + "/git/trees/{tree_sha}", tree, "git/get-tree"),
    Route("POST", _R + "/git/trees", make_tree, "git/create-tree"),
    Route("POST", _R + "/git/blobs", make_blob, "git/create-blob"),
    Route("POST", _R + "/git/commits", make_commit, "git/create-commit"),
    *(
        Route(method, f"{_R}/git/refs/{ref}", move_ref, op)
        for method, op in (("PATCH", "git/update-ref"), ("DELETE", "git/delete-ref"))
        for ref in ("{ref}", "{ref+}")
    ),
    Route("GET", _R + "/compare/{basehead}", compare, "repos/compare-commits-with-basehead"),
    Route("GET", _P + "/files", pull_files, "pulls/list-files"),
    Route("GET", _P + "/commits", pull_commits, "pulls/list-commits"),
    Route("GET", _P + "/comments", line_comments, "pulls/list-review-comments"),
    Route("POST", _P + "/comments", line_comments, "pulls/create-review-comment"),
    Route("POST", _P + "/comments/{comment_id}/replies", line_comments,
          "pulls/create-reply-for-review-comment"),
)  # fmt: skip
