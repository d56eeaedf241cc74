"""An organisation that tests call in process."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe


@dataclass(frozen=True, slots=True)
class Said:
    """What came back; `links` are the targets of ``Link`` headers by their ``rel``."""

    status: int
    body: Any
    headers: dict[str, str]
    links: dict[str, str]

    @property
    def code(self) -> str:
        """Okta's code of a refusal."""
        return str(self.body["errorCode"])


class Org:
    """An organisation, its administrator's token, and a way to call it."""

    def __init__(self, seeds: Any = None, **options: Any) -> None:
        self.universe = Universe(["okta"])
        self.world = self.universe.create_world({"okta": seeds} if seeds else {}, **options)
        self.token = self.universe.tokens(self.world)["okta"]

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        form: dict[str, str] | None = None,
        **query: Any,
    ) -> Said:
        """Send a request; ``_`` in names of the query stands for nothing else."""
        path, _, asked = path.partition("?")
        scheme = "Bearer" if token and token.count(".") == 2 else "SSWS"
        headers = {"x-twin-world": self.world, "host": "fake.okta.com",
                   "authorization": f"{scheme} {token or self.token}"}  # fmt: skip
        data = b""
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            data = urlencode(form).encode()
        elif body is not None:
            headers["content-type"] = "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method, path, asked or urlencode(query), headers, data)
        request.origin = "https://fake.okta.com"
        reply = self.universe.answer("okta", request).reply
        raw = reply.encoded()
        links = {}
        for name, value in reply.headers:
            if name == "link":
                target, _, rel = value.partition(">; ")
                links[rel.removeprefix('rel="').rstrip('"')] = target.lstrip("<")
        shown = json.loads(raw) if raw[:1] in (b"{", b"[") else raw.decode()
        return Said(reply.status, shown, dict(reply.headers), links)

    def follow(self, link: str) -> Said:
        """Ask for the target of a link."""
        return self("GET", link.removeprefix("https://fake.okta.com"))

    def user(self, login: str = "ada@example.com", *, activate: bool = True, **more: Any) -> Any:
        """Make a person and return it."""
        profile = {"firstName": "Ada", "lastName": "Person", "login": login, "email": login}
        said = self("POST", "/api/v1/users", {"profile": profile, **more}, activate=activate)
        assert said.status == 200, said.body
        return said.body
