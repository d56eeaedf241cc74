"""What providers tell Jira of software: commits, builds, deployments, flags, links."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira.call import Answer, Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import refuse

routes = Routes()


@dataclass(frozen=True, slots=True)
class Kind:
    """One family of entities.

    Attributes:
        stem: Where its routes are.
        name: Key of the list in a submission.
        place: Template of one entity.
        keys: Parameters of the place, as the entity itself has them (``a.b`` is inside ``a``).
        accepted: Key of what was taken, in the answer.
        rejected: Key of what was not.
        order: What says which of two submissions is newer.
        unknown: Key of issue keys that name nothing.
    """

    stem: str
    name: str
    place: str
    keys: tuple[tuple[str, str], ...]
    accepted: str
    rejected: str
    order: str = "updateSequenceNumber"
    unknown: str = "unknownIssueKeys"


KINDS: Final = (
    Kind("builds/0.1", "builds", "pipelines/{pipelineId}/builds/{buildNumber}",
         (("pipelineId", "pipelineId"), ("buildNumber", "buildNumber")),
         "acceptedBuilds", "rejectedBuilds"),
    Kind("deployments/0.1", "deployments",
         "pipelines/{pipelineId}/environments/{environmentId}/deployments/"
         "{deploymentSequenceNumber}",
         (("pipelineId", "pipeline.id"), ("environmentId", "environment.id"),
          ("deploymentSequenceNumber", "deploymentSequenceNumber")),
         "acceptedDeployments", "rejectedDeployments"),
    Kind("featureflags/0.1", "flags", "flag/{featureFlagId}", (("featureFlagId", "id"),),
         "acceptedFeatureFlags", "failedFeatureFlags", "updateSequenceId"),
    Kind("remotelinks/1.0", "remoteLinks", "remotelink/{remoteLinkId}", (("remoteLinkId", "id"),),
         "acceptedRemoteLinks", "rejectedRemoteLinks", unknown="unknownAssociations"),
)  # fmt: skip


def _add(method: str, path: str, op: str, stem: str) -> Callable[[Answer], Answer]:
    return routes.add(method, path, op, stem="/" + stem)


def _inside(row: Row, path: str) -> str:
    found: Any = row
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return "" if found is None else str(found)


def _issue_keys(row: Row) -> list[str]:
    found = list(row.get("issueKeys") or ())
    for one in row.get("associations") or ():
        if one.get("associationType") in ("issueKeys", "issueIdOrKeys"):
            found += one.get("values") or ()
    return [str(key) for key in found]


def _unknown(ask: Ask, keys: list[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if ask.site.find_issue(key) is None]


def _submitted(ask: Ask, name: str) -> list[Row]:
    given = ask.body().get(name)
    if not isinstance(given, list) or not given:
        raise refuse(400, f"{name} must not be empty.")
    return [one for one in given if isinstance(one, dict)]


def _spot(kind: Kind, row: Row) -> tuple[str, ...]:
    return tuple(_inside(row, path) for _, path in kind.keys)


def _named(kind: Kind, row: Row) -> Any:
    if len(kind.keys) == 1:
        return row["id"]
    return {name: row.get(name, _inside(row, path)) for name, path in kind.keys}


def _keep(ask: Ask, kind: Kind, row: Row) -> str:
    """Keep an entity unless a newer one is there; return why it cannot be taken, or nothing."""
    at, keys, table = _spot(kind, row), _issue_keys(row), ask.site.table(f"provided:{kind.name}")
    if not all(at):
        return "The entity has no key."
    if len(_unknown(ask, keys)) == len(keys):
        return "The entity names no issue of this site."
    old = table.get(at)
    if old is None or int(row.get(kind.order) or 0) >= int(old["row"].get(kind.order) or 0):
        table.put(at, {"row": row, "properties": ask.body().get("properties") or {}})
    return ""


def _submit(ask: Ask, kind: Kind) -> Reply:
    good: list[Any] = []
    bad: list[Row] = []
    strange: list[str] = []
    for row in _submitted(ask, kind.name):
        strange += _unknown(ask, _issue_keys(row))
        why = _keep(ask, kind, row)
        if why:
            key = _named(kind, row) if all(_spot(kind, row)) else ""
            bad.append({"key": key, "errors": [{"message": why}]})
        else:
            good.append(_named(kind, row))
    wrong: Any = bad
    if len(kind.keys) == 1:
        wrong = {str(one["key"]): one["errors"] for one in bad}
    return Reply(202, {
        kind.accepted: good, kind.rejected: wrong, kind.unknown: list(dict.fromkeys(strange)),
    })  # fmt: skip


def _family(kind: Kind) -> None:
    table = f"provided:{kind.name}"

    @_add("POST", "bulk", f"submit {kind.name}", kind.stem)
    def submit(ask: Ask) -> Any:
        return _submit(ask, kind)

    @_add("GET", kind.place, f"get {kind.name}", kind.stem)
    def read(ask: Ask) -> Any:
        found = ask.site.table(table).get(tuple(ask.params[name] for name, _ in kind.keys))
        if found is None:
            raise refuse(404, "No data was found for the given id.")
        return found["row"]

    @_add("DELETE", kind.place, f"delete {kind.name}", kind.stem)
    def drop(ask: Ask) -> Any:
        ask.site.table(table).drop(tuple(ask.params[name] for name, _ in kind.keys))
        return Reply(202)

    @_add("DELETE", "bulkByProperties", f"deleteByProperty {kind.name}", kind.stem)
    def drop_some(ask: Ask) -> Any:
        _dropped(ask, table)
        return Reply(202)


def _wanted(ask: Ask) -> dict[str, str]:
    found = {k: v for k, v in ask.request.query if not k.startswith("_")}
    if not found:
        raise refuse(400, "At least one property must be given.")
    return found


def _has(row: Row, wanted: dict[str, str]) -> bool:
    return all(str(row["properties"].get(name)) == value for name, value in wanted.items())


def _dropped(ask: Ask, table: str) -> None:
    wanted, rows = _wanted(ask), ask.site.table(table)
    for key in [key for key, row in rows.items() if _has(row, wanted)]:
        rows.drop(key)


for _kind in KINDS:
    _family(_kind)


@_add("GET", KINDS[1].place + "/gating-status", "getDeploymentGatingStatusByKey", KINDS[1].stem)
def gating(ask: Ask) -> Any:
    """Say that a deployment may go on: nothing in a twin stops one."""
    at = tuple(ask.params[name] for name, _ in KINDS[1].keys)
    found = ask.site.table("provided:deployments").get(at)
    if found is None:
        raise refuse(404, "No data was found for the given id.")
    return {
        "deploymentSequenceNumber": found["row"]["deploymentSequenceNumber"],
        "pipelineId": at[0], "environmentId": at[1],
        "updatedTimestamp": found["row"].get("lastUpdated"), "gatingStatus": "allowed",
        "details": [],
    }  # fmt: skip


# --- repositories
_DEV: Final = "devinfo/0.10"
_PARTS: Final = {"commit": "commits", "branch": "branches", "pull_request": "pullRequests"}


@_add("POST", "bulk", "storeDevelopmentInformation", _DEV)
def store(ask: Ask) -> Any:
    """Take repositories with commits, branches and pull requests that name issues."""
    table, properties = ask.site.table("repositories"), ask.body().get("properties") or {}
    good: Row = {}
    bad: Row = {}
    strange: list[str] = []
    for given in _submitted(ask, "repositories"):
        key = str(given.get("id") or "")
        if not key or not given.get("name") or not given.get("url"):
            bad[key] = {"errorMessages": [{"message": "id, name and url must be given."}]}
            continue
        old = (table.get(key) or {}).get("row") or {}
        kept = {name: value for name, value in given.items() if name not in _PARTS.values()}
        took: Row = {}
        for name in _PARTS.values():
            rows = {str(one.get("id")): one for one in old.get(name) or ()}
            for one in given.get(name) or ():
                missing = _unknown(ask, _issue_keys(one))
                strange += missing
                if len(missing) < len(_issue_keys(one)):
                    rows[str(one.get("id"))] = one
                    took.setdefault(name, []).append(str(one.get("id")))
            kept[name] = list(rows.values())
        table.put(key, {"row": kept, "properties": properties})
        good[key] = took
    return Reply(202, {
        "acceptedDevinfoEntities": good, "failedDevinfoEntities": bad,
        "unknownIssueKeys": list(dict.fromkeys(strange)),
    })  # fmt: skip


def _repository(ask: Ask) -> Row:
    found = ask.site.table("repositories").get(ask.params["repositoryId"])
    if found is None:
        raise refuse(404, "No data was found for the given id.")
    return dict(found)


@_add("GET", "repository/{repositoryId}", "getRepository", _DEV)
def repository(ask: Ask) -> Any:
    """Return a repository with what it has of issues."""
    return _repository(ask)["row"]


@_add("DELETE", "repository/{repositoryId}", "deleteRepository", _DEV)
def drop_repository(ask: Ask) -> Any:
    """Forget a repository."""
    ask.site.table("repositories").drop(ask.params["repositoryId"])
    return Reply(202)


@_add("DELETE", "repository/{repositoryId}/{entityType}/{entityId}", "deleteEntity", _DEV)
def drop_entity(ask: Ask) -> Any:
    """Forget a commit, a branch or a pull request."""
    name = _PARTS.get(ask.params["entityType"])
    if name is None:
        raise refuse(400, "The entity type is not valid.")
    found, gone = _repository(ask), ask.params["entityId"]
    left = [one for one in found["row"].get(name) or () if str(one.get("id")) != gone]
    row = {**found["row"], name: left}
    ask.site.table("repositories").put(ask.params["repositoryId"], {**found, "row": row})
    return Reply(202)


@_add("GET", "existsByProperties", "existsByProperties", _DEV)
def exists(ask: Ask) -> Any:
    """Say whether a provider has told anything with these properties."""
    wanted, rows = _wanted(ask), ask.site.table("repositories").values()
    return {"hasDataMatchingProperties": any(_has(row, wanted) for row in rows)}


@_add("DELETE", "bulkByProperties", "deleteByProperties", _DEV)
def drop_by_properties(ask: Ask) -> Any:
    """Forget what was told with these properties."""
    _dropped(ask, "repositories")
    return Reply(202)
