"""A site that tests call in process."""

import json
from typing import Any
from urllib.parse import urlencode

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe


class Site:
    """A site with one project that has everything the functions look at."""

    def __init__(self) -> None:
        self.universe = Universe(["jira"])
        self.world = self.universe.create_world({"jira": {
            "projects": [{"key": "SEC", "name": "Security"}, {"key": "OPS", "name": "Operations"}],
            "users": [{"displayName": "Ada Person", "emailAddress": "ada@example.com"}],
        }})  # fmt: skip
        self.token = self.universe.tokens(self.world)["jira"]
        self.me = self.ask("GET", "myself")["accountId"]

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Return the body of an answer that must be good."""
        headers = {"authorization": f"Bearer {self.token}", "x-twin-world": self.world,
                   "content-type": "application/json"}  # fmt: skip
        data = b"" if body is None else json.dumps(body).encode()
        request = Request(method, f"/rest/api/3/{path}", urlencode(query), headers, data)
        status, found = self.answered(request)
        assert status < 400, found
        return found

    def answered(self, request: Request) -> tuple[int, Any]:
        """Return status and body of an answer."""
        reply = self.universe.answer("jira", request).reply
        raw = reply.encoded()
        return reply.status, json.loads(raw) if raw[:1] in (b"{", b"[", b'"') else raw.decode()

    def status(self, method: str, path: str, body: Any = None, **query: str) -> int:
        """Return only the status of an answer."""
        headers = {"authorization": f"Bearer {self.token}", "x-twin-world": self.world,
                   "content-type": "application/json"}  # fmt: skip
        data = b"" if body is None else json.dumps(body).encode()
        sent = Request(method, f"/rest/api/3/{path}", urlencode(query), headers, data)
        return self.answered(sent)[0]

    def issue(self, summary: str, project: str = "SEC", **fields: Any) -> str:
        """Make an issue and return its key."""
        given = {"project": {"key": project}, "summary": summary, "issuetype": {"name": "Task"}}
        return str(self.ask("POST", "issue", {"fields": {**given, **fields}})["key"])

    def found(self, jql: str) -> list[str]:
        """Return the summaries of what a query finds."""
        rows = self.ask("GET", "search/jql", jql=jql + " order by key", fields="summary")["issues"]
        return [row["fields"]["summary"] for row in rows]
