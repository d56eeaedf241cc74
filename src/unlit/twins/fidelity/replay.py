"""Replaying recordings against twins in process, and what came of it by service and route."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from unlit.twins.fidelity.compare import Comparison, compare
from unlit.twins.fidelity.mapping import Mapping
from unlit.twins.fidelity.recording import Cassette, Interaction, as_fact, prior_reads
from unlit.twins.fidelity.told import untold
from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.router import Match
from unlit.twins.universe import Universe

_TOKEN: Final = re.compile(
    r"<(?:SLACK_API_TOKEN|SLACK_TOKEN|TOKEN|ACCESS_TOKEN|GOOGLE_TOKEN|SECRET)>|fake-token"
)
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="next"')


@dataclass(frozen=True, slots=True)
class Graded:
    """One replayed interaction.

    Attributes:
        given: It was answered from a fact that the twin was told before.
        untold: It shows a person of whom neither a fact nor a request told.
    """

    service: str
    route: str
    cassette: str
    given: bool
    recorded: int
    answered: int
    comparison: Comparison
    untold: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Shares in [0, 1] of `n` interactions; `None` of nothing is unknown, never zero."""

    n: int
    status: float | None
    error: float | None
    at_least: float | None
    exact: float | None
    values: float | None


def score(rows: Iterable[Graded]) -> Score:
    """Return the shares of interactions that agree."""
    found = [row.comparison for row in rows]
    errors = [item.error for item in found if item.error is not None]

    def share(flags: Sequence[bool]) -> float | None:
        return sum(flags) / len(flags) if flags else None

    return Score(
        len(found),
        share([item.status for item in found]),
        share(errors),
        share([item.at_least for item in found]),
        share([item.exact for item in found]),
        share([item.values for item in found]),
    )


def by_route(rows: Iterable[Graded]) -> dict[tuple[str, str], list[Graded]]:
    """Group by service and route."""
    groups: dict[tuple[str, str], list[Graded]] = defaultdict(list)
    for row in rows:
        groups[(row.service, row.route)].append(row)
    return dict(sorted(groups.items()))


def replay(cassettes: Sequence[Cassette], services: Sequence[str]) -> list[Graded]:
    """Replay cassettes, each from a fresh world, and grade every answer of `services`."""
    universe = Universe(services, any_token=True)  # as people replay: worlds of quick starts
    out: list[Graded] = []
    for cassette in cassettes:
        out += _cassette(universe, cassette)
    return out


def _cassette(universe: Universe, cassette: Cassette) -> list[Graded]:
    rows = [row for row in cassette.interactions if row.service in universe.by_service]
    routers = {name: twin.router for name, twin in universe.by_service.items()}
    given = prior_reads(rows, routers)
    hidden = untold(rows, given)
    world = universe.create_world()
    mapping = Mapping()
    mapping.texts.update(universe.believe(world, [as_fact(rows[at]) for at in sorted(given)]))
    tokens = universe.tokens(world)
    out = []
    for at, row in enumerate(rows):
        request = request_of(row, mapping, tokens[row.service])
        request.headers["x-twin-world"] = world
        reply = universe.answer(row.service, request).reply
        body = decoded(reply)
        mapping.learn(row.response, body)
        _learn_headers(row, reply, mapping)
        match = routers[row.service].match(row.method, row.path)
        route = match.route.op if isinstance(match, Match) else f"{row.method} (unknown)"
        graded = compare(row, reply.status, body, mapping)
        out.append(
            Graded(
                row.service, route, cassette.name, at in given, row.status, reply.status, graded,
                at in hidden,
            )
        )  # fmt: skip
    universe.drop(world)
    return out


def _learn_headers(row: Interaction, reply: Reply, mapping: Mapping) -> None:
    recorded = _NEXT.search(row.response_headers.get("link", ""))
    own = next((m for k, v in reply.headers if k == "link" and (m := _NEXT.search(v))), None)
    if recorded and own:
        mapping.learn_url(recorded[1], own[1])
    place, mine = row.response_headers.get("location"), reply.header("location")
    if place and mine:
        mapping.learn_url(place, mine)


def request_of(row: Interaction, mapping: Mapping, token: str) -> Request:
    """Return a recorded request with our own ids and a token of ours."""

    def own(text: str) -> str:
        return _TOKEN.sub(token, mapping.text(text))

    path = "/".join(
        quote(mapping.text(unquote(part)), safe="!:$@,;=+~*'()") for part in row.path.split("/")
    )
    query = urlencode([(key, own(value)) for key, value in row.query])
    headers = {key.lower(): value for key, value in row.request_headers.items()}
    headers["host"] = "127.0.0.1"
    body = _body(row.request, mapping, own, headers)
    if row.has_auth or row.service != "slack":
        headers["authorization"] = _authorization(row.service, token)
    return Request(row.method, path, query, headers, body)


def _authorization(service: str, token: str) -> str:
    if service == "okta":
        return f"SSWS {token}"
    return token if " " in token else f"Bearer {token}"


def _body(value: Any, mapping: Mapping, own: Any, headers: dict[str, str]) -> bytes:
    if isinstance(value, dict) and "$form" in value:
        headers["content-type"] = "application/x-www-form-urlencoded"
        return urlencode({key: own(item) for key, item in value["$form"].items()}).encode()
    if isinstance(value, dict) and "$binary" in value:
        return b"\0" * min(int(value.get("bytes", 1)), 65_536)
    if isinstance(value, dict) and "$text" in value:
        return str(value["$text"]).encode()
    if isinstance(value, str):
        return str(own(value)).encode()
    if value is None:
        return b""
    headers.setdefault("content-type", "application/json")
    return json.dumps(mapping.body(value)).encode()


def decoded(reply: Reply) -> Any:
    """Return the JSON or text of a reply; `None` for an empty one."""
    data = reply.encoded()
    if not data:
        return None
    if reply.header("content-encoding") == "gzip":
        data = gzip.decompress(data)
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
