"""A program asks for more than it may: the wish is recorded for a person, and answered politely.

Inside, ``POST http://gateway.unlit.internal/ask`` with ``{"method", "url", "reason"}``. Nothing is
allowed by asking; a person may grant exactly the request asked for, with an end. ``GET`` of the
same tells how the questions stand.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.fence.gateway.body import Body, read_all
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import RequestHead
from unlit.fence.gateway.model import AccessRequest, Grant
from unlit.fence.gateway.reply import Reply
from unlit.fence.gateway.session import Session
from unlit.policy.model import Policy, Request, Rule
from unlit.policy.rules.table import Table
from unlit.policy.rules.testing import parse_url

MOST_ASKED: Final = 20
LONGEST_GRANT_S: Final = 86_400.0
_LONGEST_QUESTION: Final = 8_192
_LONGEST_REASON: Final = 500
_OPEN: Final = "A person decides. Go on without it, or try later."


async def take_question(session: Session, head: RequestHead, body: Body, reply: Reply) -> None:
    """Record what a program asks for and say that a person decides; or tell how it stands.

    Raises:
        Denial: It is no question, or there were too many.
        Malformed: The body is too long.
        OutsideFailed: The audit log cannot be written.
    """
    if (head.method, head.path) == ("GET", "/ask"):
        _tell(reply, 200, b"OK", {"asked": _all(session)})
        return
    if (head.method, head.path) != ("POST", "/ask"):
        raise Denial(403, "FEN-501", "gateway", "here one can only POST or GET /ask.")
    asked = _question(session.role, await read_all(body, _LONGEST_QUESTION))
    if not session.is_known(asked):
        if len(session.asked) >= MOST_ASKED:
            raise Denial(429, "FEN-512", "ask", f"only {MOST_ASKED} questions are taken.")
        if not session.is_recorded(asked) and len(session.wishes) < MOST_ASKED:
            _record(session, asked)
        session.asked.append(asked)
    _tell(reply, 202, b"Accepted", _standing(session, asked))


def _record(session: Session, asked: AccessRequest) -> None:
    session.audit.append(
        "access.requested",
        session.identity,
        {"session": session.id, "request": asked.request, "reason": asked.reason},
    )
    session.ended.discard(asked.request)
    session.answers.pop(asked.request, None)
    session.wishes.append(asked)


def _all(session: Session) -> list[dict[str, str]]:
    newest = {one.request: one for one in session.asked}
    return [_standing(session, one) for one in newest.values()]


def _standing(session: Session, asked: AccessRequest) -> dict[str, str]:
    return {"asked": asked.request, "say": session.answers.get(asked.request, _OPEN)}


def _tell(reply: Reply, status: int, words: bytes, told: Mapping[str, Any]) -> None:
    data = json.dumps(told).encode("ascii") + b"\n"
    reply.start(status, words, [(b"content-type", b"application/json")], len(data))
    reply.send(data)
    reply.finish([])


def _question(role: str, data: bytes) -> AccessRequest:
    bad = Denial(
        400, "FEN-502", "ask", 'write {"method": "GET", "url": "https://…", "reason": "…"}.'
    )
    try:
        value: dict[str, Any] = json.loads(data)
        request = parse_url(role, str(value["method"]), str(value["url"]))
        reason = str(value.get("reason", ""))
        reason = reason.encode("utf-8", "replace").decode()  # JSON may hold half a character
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidInput):
        raise bad from None
    if not str(request).isascii() or not str(request).isprintable():
        raise bad
    return AccessRequest(role, str(request)[:2000], reason[:_LONGEST_REASON])


def grant_of(asked: AccessRequest, person: str, for_s: float, now: datetime) -> Grant:
    """Turn a wish into the narrowest rule that fulfils it, with an end.

    Raises:
        InvalidInput: It would last longer than a day, or names no request.
    """
    if not 0 < for_s <= LONGEST_GRANT_S:
        raise InvalidInput(
            "FEN-514",
            f"A grant of {for_s:g} seconds is not possible.",
            "a grant ends within a day; what is needed for longer belongs into the policy",
            "Give between 1 second and 24 hours.",
        )
    method, _, url = asked.request.partition(" ")
    request = parse_url(asked.role, method, url)
    rule = Rule(
        name=f"grant by {person}",
        effect="allow",
        roles=(asked.role,),
        host=request.host,
        ports=(request.port,),
        schemes=("https",) if request.scheme == "https" else ("http",),
        methods=(request.method,),
        paths=(_literal(request),),
        because=asked.reason,
    )
    return Grant(rule, person, now + timedelta(seconds=for_s))


def with_grants(policy: Policy, grants: tuple[Grant, ...]) -> Policy:
    """Return the policy with some rules more; its forbids still win."""
    rules = (*policy.rules, *(grant.rule for grant in grants))
    return replace(policy, rules=rules, table=Table(rules))


def _literal(request: Request) -> str:
    # a star in a real path would be a pattern; one letter is matched in its place
    return request.path.replace("*", "%2A")
