"""Group rules at work: who matches an active rule's expression is a member of its groups.

Expressions are the part of Okta Expression Language that group rules take: attributes of ``user``,
comparisons, ``AND OR NOT``, membership and the ``String`` functions. Another one is refused loudly.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import groups
from unlit.twins.services.okta.errors import failure
from unlit.twins.services.okta.org import stamp

KIND: Final = "/api/v1/groups/rules"
TABLE: Final = "okta.at:" + KIND
REASONS: Final = "okta.rule_members"  # (group, user) → ids of the rules that made it so
_TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"[^"]*"|\'[^\']*\')|(?P<number>-?\d+(?:\.\d+)?)'
    r"|(?P<word>[A-Za-z_][\w.]*)|(?P<sign>==|!=|&&|\|\||[!(),{}]))"
)
_WORDS: Final = {"and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!="}


class Unsupported(ValueError):
    """The twin does not know this expression."""


Person = dict[str, Any]
Ask = Callable[[World, Person], Any]


def compiled(text: str) -> Ask:
    """Return the test of an expression.

    Raises:
        Unsupported: It is none, or uses what the twin does not do.
    """
    parser = _Parser(text)
    ask = parser.either()
    if parser.tokens:
        raise Unsupported(text)
    return ask


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise Unsupported(text)
            kind = str(found.lastgroup)
            value = found[kind]
            if kind == "word" and value.casefold() in _WORDS:
                kind, value = "sign", _WORDS[value.casefold()]
            self.tokens.append((kind, value))
            at = found.end()

    def _next(self, *signs: str) -> str | None:
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return None

    def either(self) -> Ask:
        left = self.both()
        while self._next("||"):
            left = _or(left, self.both())
        return left

    def both(self) -> Ask:
        left = self.single()
        while self._next("&&"):
            left = _and(left, self.single())
        return left

    def single(self) -> Ask:
        if self._next("!"):
            inner = self.single()
            return lambda world, person: not inner(world, person)
        left = self.value()
        sign = self._next("==", "!=")
        if sign is None:
            return left
        right = self.value()
        if sign == "==":
            return lambda world, person: left(world, person) == right(world, person)
        return lambda world, person: left(world, person) != right(world, person)

    def value(self) -> Ask:
        if self._next("("):
            inner = self.either()
            self._must(")")
            return inner
        if not self.tokens or self.tokens[0][0] == "sign":
            raise Unsupported("a value is missing")
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return _constant(text[1:-1])
        if kind == "number":
            return _constant(float(text))
        if text.casefold() in ("true", "false", "null"):
            return _constant({"true": True, "false": False}.get(text.casefold()))
        if self._next("("):
            return self._call(text)
        if text.startswith("user."):
            return _attribute(text.removeprefix("user."))
        raise Unsupported(text)

    def _call(self, name: str) -> Ask:
        args = []
        while not self._next(")"):
            args.append(self.either())
            if not self._next(","):
                self._must(")")
                break
        function = _FUNCTIONS.get(name.casefold())
        if function is None:
            raise Unsupported(name)
        return lambda world, person: function(
            world, person, *[str(arg(world, person) or "") for arg in args]
        )

    def _must(self, sign: str) -> None:
        if self._next(sign) is None:
            raise Unsupported(f"{sign} is missing")


def _or(left: Ask, right: Ask) -> Ask:
    return lambda world, person: bool(left(world, person) or right(world, person))


def _and(left: Ask, right: Ask) -> Ask:
    return lambda world, person: bool(left(world, person) and right(world, person))


def _constant(value: Any) -> Ask:
    return lambda world, person: value


def _attribute(name: str) -> Ask:
    def ask(world: World, person: Person) -> Any:
        value = person["profile"].get(name, person.get(name))
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return ask


def _names(world: World, person: Person) -> list[str]:
    return [row["profile"]["name"] for row in groups.of_user(world, person["id"])]


def _in_any(world: World, person: Person, *ids: str) -> bool:
    return any(row["id"] in ids for row in groups.of_user(world, person["id"]))


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "ismemberofanygroup": _in_any,
    "ismemberofgroup": _in_any,
    "ismemberofgroupname": lambda w, p, name: name in _names(w, p),
    "ismemberofgroupnamestartswith": lambda w, p, s: any(n.startswith(s) for n in _names(w, p)),
    "ismemberofgroupnamecontains": lambda w, p, s: any(s in n for n in _names(w, p)),
    "string.startswith": lambda w, p, text, start: text.startswith(start),
    "string.stringcontains": lambda w, p, text, part: part in text,
    "string.touppercase": lambda w, p, text: text.upper(),
    "string.tolowercase": lambda w, p, text: text.lower(),
    "string.len": lambda w, p, text: float(len(text)),
}


# --- what follows from rules
def _expression(rule: dict[str, Any]) -> str:
    return str(_inside(rule, "conditions", "expression", "value") or "")


def _inside(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _targets(rule: dict[str, Any]) -> list[str]:
    found = _inside(rule, "actions", "assignUserToGroups", "groupIds")
    return [str(gid) for gid in found] if isinstance(found, list) else []


def _excluded(rule: dict[str, Any]) -> list[str]:
    found = _inside(rule, "conditions", "people", "users", "exclude")
    return [str(uid) for uid in found] if isinstance(found, list) else []


def apply(world: World, rule: dict[str, Any], people: Iterable[Person]) -> None:
    """Let people join the groups of an active rule, or leave them when it made them join."""
    ask, out = compiled(_expression(rule)), _excluded(rule)
    for person in people:
        fits = bool(ask(world, person)) and person["id"] not in out
        for gid in _targets(rule):
            if gid not in world.table("okta.groups"):
                continue
            if fits:
                _join(world, rule["id"], gid, person["id"])
            else:
                _leave(world, rule["id"], gid, person["id"])


def _join(world: World, rule: str, gid: str, uid: str) -> None:
    reasons, key = world.table(REASONS), (gid, uid)
    have = reasons.get(key, ())
    if rule in have or (not have and uid in world.table(f"okta.members:{gid}")):
        return  # a person put them there: the rule is not why they are members
    reasons.put(key, (*have, rule))
    groups.enroll(world, gid, uid)


def _leave(world: World, rule: str, gid: str, uid: str) -> None:
    reasons, key = world.table(REASONS), (gid, uid)
    have = reasons.get(key, ())
    if rule not in have:
        return
    left = tuple(other for other in have if other != rule)
    if left:
        reasons.put(key, left)
        return
    reasons.drop(key)
    if world.table(f"okta.members:{gid}").drop(uid) is not None:
        world.table("okta.groups").patch(gid, lastMembershipUpdated=stamp(world))


def follow(call: Exchange, reply: Reply) -> None:
    """Apply active rules to the person whom a call has made or changed."""
    rules = call.world.tables.get(TABLE)
    if not rules or call.request.method == "GET" or reply.status >= 300:
        return
    body = reply.body if isinstance(reply.body, dict) else {}
    params, people = call.params, call.table("users")
    named = {params.get("id"), params.get("userId"), body.get("id")}
    found = [people[uid] for uid in named if uid is not None and uid in people]
    for rule in list(rules.values()) if found else ():
        if rule.get("status") == "ACTIVE":
            try:
                apply(call.world, rule, found)
            except Unsupported:  # changed, while it was active, to what is no rule
                rules.put(rule["id"], {**rule, "status": "INVALID"})


def _activated(handler: Handler) -> Handler:
    def activate(call: Exchange) -> Reply:
        rule = call.world.table(TABLE).get(call.params["groupRuleId"])
        if rule is not None:
            try:
                compiled(_expression(rule))
            except Unsupported as error:
                message = f"The twin does not do the expression of this rule: {error}."
                raise failure("E0000060", message) from error
        reply = handler(call)
        if rule is not None and reply.status < 300:
            apply(call.world, rule, list(call.table("users").values()))
        return reply

    return activate


def _deleted(handler: Handler) -> Handler:
    def delete(call: Exchange) -> Reply:
        key = call.params["groupRuleId"]
        reply = handler(call)
        if reply.status < 300:
            stays = (call.request.arg("removeUsers") or "").lower() != "true"
            for (gid, uid), have in list(call.world.table(REASONS).items()):
                if key in have and stays:
                    call.world.table(REASONS).drop((gid, uid))
                elif key in have:
                    _leave(call.world, key, gid, uid)
        return reply

    return delete


_WRAPS: Final = {"activateGroupRule": _activated, "deleteGroupRule": _deleted}


def routes(generic: Iterable[Route]) -> tuple[Route, ...]:
    """Return the contract's routes of group rules, with their effects."""
    return tuple(
        replace(route, handler=_WRAPS[route.op](route.handler), tier="hand")
        for route in generic
        if route.op in _WRAPS
    )
