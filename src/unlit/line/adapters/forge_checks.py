"""The repository's own checks as GitHub and GitLab show them, with what a red one says.

Source: docs.github.com/rest/checks/runs and /rest/commits/statuses, docs.gitlab.com/api/commits and
/api/jobs (read 2026-03). Policy grants the calls and their credential to the role `deploy`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from typing_extensions import override

from unlit.context.api import Api
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.line.model import CiPlan
from unlit.line.ports import Checks, CheckState

_GREEN: Final = frozenset({"success", "neutral", "skipped", "manual"})
_LOG: Final = 20_000
_ANNOTATIONS: Final = 50

OpenApi = Callable[[str], AbstractContextManager[Api]]


class ForgeChecks(Checks):
    """Asks the forge.

    Args:
        open_api: Opens the way to a kind of forge, ``github`` or ``gitlab``.
    """

    def __init__(self, open_api: OpenApi) -> None:
        self._open_api = open_api

    @override
    async def look(self, ci: CiPlan, commit: str, repository: Path) -> CheckState:
        kind = ci.source or ""
        if kind not in _READERS or not ci.repository:
            raise InvalidInput(
                "LIN-117",
                f"Checks of {ci.repository or 'no project'} on {kind or 'no forge'} are not read.",
                "checks are watched on github or gitlab, of a project that is named.",
                "set `watch` and `project` in `[ci]` of unlit.toml.",
            )

        def read() -> CheckState:
            with self._open_api(kind) as api:
                return _READERS[kind](api, str(ci.repository), commit)

        return await asyncio.to_thread(read)


def read_github(api: Api, project: str, commit: str) -> CheckState:
    """Read check runs and commit statuses of a commit on GitHub."""
    root = f"/repos/{project}"
    runs = (api.get(f"{root}/commits/{commit}/check-runs", per_page=100) or {}).get("check_runs")
    statuses = (api.get(f"{root}/commits/{commit}/status") or {}).get("statuses")
    states = [*(_run_state(row) for row in runs or ()), *(_old_state(s) for s in statuses or ())]
    for row in runs or ():
        if _run_state(row) == "red":
            log = _github_log(api, root, row)
            return CheckState("red", len(states), str(row["name"]), log, str(row["html_url"] or ""))
    for row in statuses or ():
        if _old_state(row) == "red":
            url = str(row.get("target_url") or "")
            said = str(row.get("description") or "")
            return CheckState("red", len(states), str(row["context"]), said, url)
    return CheckState(_together(states), len(states))


def _run_state(row: Mapping[str, Any]) -> str:
    if row.get("status") != "completed":
        return "running"
    return "green" if row.get("conclusion") in _GREEN else "red"


def _old_state(row: Mapping[str, Any]) -> str:
    return {"success": "green", "pending": "running"}.get(str(row.get("state")), "red")


def _github_log(api: Api, root: str, row: Mapping[str, Any]) -> str:
    output = row.get("output") or {}
    parts = [str(output[name]) for name in ("title", "summary", "text") if output.get(name)]
    notes = api.get(f"{root}/check-runs/{row['id']}/annotations", per_page=_ANNOTATIONS) or ()
    parts += [
        f"{note.get('path')}:{note.get('start_line')}: {note.get('message')}" for note in notes
    ]
    return "\n".join(parts)[-_LOG:] or f"conclusion: {row.get('conclusion')}"


def read_gitlab(api: Api, project: str, commit: str) -> CheckState:
    """Read the newest statuses of a commit on GitLab."""
    root = f"/projects/{quote(project, safe='')}"
    rows = api.get(f"{root}/repository/commits/{commit}/statuses", per_page=100) or ()
    states = [_gitlab_state(row) for row in rows]
    for row in rows:
        if _gitlab_state(row) == "red":
            log = _gitlab_log(api, root, row)
            url = str(row.get("target_url") or "")
            return CheckState("red", len(states), str(row["name"]), log, url)
    return CheckState(_together(states), len(states))


def _gitlab_state(row: Mapping[str, Any]) -> str:
    state = str(row.get("status"))
    if state in _GREEN or (state == "failed" and row.get("allow_failure")):
        return "green"
    return "red" if state in ("failed", "canceled") else "running"


def _gitlab_log(api: Api, root: str, row: Mapping[str, Any]) -> str:
    said = str(row.get("description") or "")
    try:
        reply = api.reply("GET", f"{root}/jobs/{row['id']}/trace", accepted=(404, 403))
    except OutsideFailed as error:
        return f"{said}\n(its log could not be read: {error.what})"
    trace = reply.body.decode(errors="replace") if reply.status == 200 else ""
    return f"{said}\n{trace[-_LOG:]}".strip() or f"status: {row.get('status')}"


def _together(states: Sequence[str]) -> str:
    if not states:
        return "none"
    return "running" if "running" in states else "green"


_READERS: Final[Mapping[str, Callable[[Api, str, str], CheckState]]] = {
    "github": read_github,
    "gitlab": read_gitlab,
}
