"""Stateful properties: what a write answered, later reads, lists and searches reflect.

A plain dictionary is the model. A twin that only echoes, or answers constants, fails: reads come
from other routes than writes, ids are the twin's own, and what was deleted must be gone.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from unlit.twins.kit.http import Request
from unlit.twins.kit.router import Route
from unlit.twins.universe import Universe

NAMES = st.text(st.characters(codec="ascii", categories=("Ll", "Nd")), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1,
                max_size=40).filter(lambda text: text.strip() == text)  # fmt: skip


class Caller:
    """Calls one service of one world."""

    def __init__(self, service: str) -> None:
        self.universe = Universe([service])
        self.service = service
        self.world = self.universe.create_world()

    def ask(self, method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
        scheme = "SSWS" if self.service == "okta" else "Bearer"
        token = self.universe.tokens(self.world)[self.service]
        headers = {"authorization": f"{scheme} {token}", "x-twin-world": self.world}
        data = b""
        if body is not None:
            headers["content-type"] = "application/json; charset=utf-8"
            data = json.dumps(body).encode()
        answered = self.universe.answer(self.service, Request(method, path, query, headers, data))
        raw = answered.reply.encoded()
        return answered.reply.status, json.loads(raw) if raw else None


class OktaMachine(RuleBasedStateMachine):
    """Groups, users and memberships against a dictionary."""

    groups = Bundle("groups")
    users = Bundle("users")

    def __init__(self) -> None:
        super().__init__()
        self.call = Caller("okta")
        self.names: dict[str, str] = {}
        self.logins: dict[str, str] = {}
        self.status: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}

    @rule(target=groups, name=NAMES)
    def make_group(self, name: str) -> Any:
        status, body = self.call.ask("POST", "/api/v1/groups", {"profile": {"name": name}})
        if name in self.names.values() or name == "Everyone":
            assert (status, body["errorCode"]) == (400, "E0000001")
            return multiple()
        assert status == 200
        assert body["id"] not in self.names
        self.names[body["id"]], self.members[body["id"]] = name, set()
        return body["id"]

    @rule(target=users, name=NAMES, activate=st.booleans())
    def make_user(self, name: str, activate: bool) -> Any:
        login = f"{name}@example.com"
        profile = {"login": login, "email": login, "firstName": name, "lastName": "X"}
        query = "activate=true" if activate else "activate=false"
        status, body = self.call.ask("POST", "/api/v1/users", {"profile": profile}, query)
        if login in self.logins.values():
            assert (status, body["errorCode"]) == (400, "E0000001")
            return multiple()
        assert status == 200
        self.logins[body["id"]] = login
        self.status[body["id"]] = "PROVISIONED" if activate else "STAGED"
        return body["id"]

    @rule(group=groups, user=users)
    def join(self, group: str, user: str) -> None:
        status, _ = self.call.ask("PUT", f"/api/v1/groups/{group}/users/{user}")
        known = group in self.names and user in self.logins
        assert status == (204 if known else 404)
        if known:
            self.members[group].add(user)

    @rule(group=groups, user=users)
    def leave(self, group: str, user: str) -> None:
        if group in self.names and user in self.logins:
            assert self.call.ask("DELETE", f"/api/v1/groups/{group}/users/{user}")[0] == 204
            self.members[group].discard(user)

    @rule(group=groups, name=NAMES)
    def rename(self, group: str, name: str) -> None:
        status, body = self.call.ask("PUT", f"/api/v1/groups/{group}", {"profile": {"name": name}})
        if group not in self.names:
            assert status == 404
        elif name in [n for g, n in self.names.items() if g != group]:
            assert status == 400
        else:
            assert (status, body["id"]) == (200, group)
            self.names[group] = name

    @rule(group=consumes(groups))
    def drop_group(self, group: str) -> None:
        assert self.call.ask("DELETE", f"/api/v1/groups/{group}")[0] == 204
        self.names.pop(group)
        self.members.pop(group)
        assert self.call.ask("GET", f"/api/v1/groups/{group}")[0] == 404

    @rule(user=users)
    def suspend_or_not(self, user: str) -> None:
        if user not in self.logins:
            return
        status, _ = self.call.ask("POST", f"/api/v1/users/{user}/lifecycle/suspend")
        if self.status[user] == "PROVISIONED":
            assert status == 200
            self.status[user] = "SUSPENDED"
        else:
            assert status == 400

    @rule(user=users)
    def delete_user(self, user: str) -> None:
        status, _ = self.call.ask("DELETE", f"/api/v1/users/{user}")
        if user not in self.logins:
            assert status == 404
            return
        assert status == 204
        for people in self.members.values():
            people.discard(user)
        if self.status[user] == "DEPROVISIONED":
            self.logins.pop(user)
        else:
            self.status[user] = "DEPROVISIONED"

    @precondition(lambda self: self.names)
    @invariant()
    def lists_and_searches_agree_with_the_model(self) -> None:
        _, rows = self.call.ask("GET", "/api/v1/groups")
        found = {row["id"]: row["profile"]["name"] for row in rows if row["type"] == "OKTA_GROUP"}
        assert found == self.names
        group, name = next(iter(self.names.items()))
        query = f'search=profile.name+eq+"{name}"'
        assert [row["id"] for row in self.call.ask("GET", "/api/v1/groups", query=query)[1]] == [
            group
        ]
        _, people = self.call.ask("GET", f"/api/v1/groups/{group}/users")
        assert {row["id"] for row in people} == self.members[group]

    @invariant()
    def every_user_is_as_the_model_says(self) -> None:
        for user, login in list(self.logins.items())[:3]:
            status, body = self.call.ask("GET", f"/api/v1/users/{login}")
            assert (status, body["id"], body["status"]) == (200, user, self.status[user])


class SlackMachine(RuleBasedStateMachine):
    """Messages and threads of one channel against a list."""

    messages = Bundle("messages")

    @initialize()
    def start(self) -> None:
        self.call = Caller("slack")
        ok = self.call.ask("POST", "/api/conversations.create", {"name": "model"})[1]
        self.channel = ok["channel"]["id"]
        self.kept: dict[str, dict[str, Any]] = {}

    def api(self, method: str, **args: Any) -> Any:
        status, body = self.call.ask("POST", f"/api/{method}", {"channel": self.channel, **args})
        assert status == 200
        return body

    @rule(target=messages, text=TEXTS)
    def post(self, text: str) -> str:
        body = self.api("chat.postMessage", text=text)
        assert body["ok"]
        assert body["ts"] not in self.kept
        assert not self.kept or body["ts"] > max(self.kept)
        self.kept[body["ts"]] = {"text": text, "thread": None, "marks": set()}
        return str(body["ts"])

    @rule(target=messages, text=TEXTS, parent=messages)
    def reply(self, text: str, parent: str) -> Any:
        body = self.api("chat.postMessage", text=text, thread_ts=parent)
        if parent not in self.kept:
            assert body["error"] == "message_not_found"
            return multiple()
        root = self.kept[parent]["thread"] or parent
        assert body["message"]["thread_ts"] == root
        self.kept[body["ts"]] = {"text": text, "thread": root, "marks": set()}
        return str(body["ts"])

    @rule(ts=messages, text=TEXTS)
    def edit(self, ts: str, text: str) -> None:
        body = self.api("chat.update", ts=ts, text=text)
        assert body["ok"] is (ts in self.kept)
        if ts in self.kept:
            self.kept[ts]["text"] = text

    @rule(ts=messages, name=st.sampled_from(["eyes", "wave", "+1"]))
    def react(self, ts: str, name: str) -> None:
        body = self.api("reactions.add", timestamp=ts, name=name)
        if ts not in self.kept:
            assert body["error"] == "message_not_found"
        elif name in self.kept[ts]["marks"]:
            assert body["error"] == "already_reacted"
        else:
            assert body["ok"]
            self.kept[ts]["marks"].add(name)

    @rule(ts=consumes(messages))
    def delete(self, ts: str) -> None:
        if any(row["thread"] == ts for row in self.kept.values()):
            return  # a thread's first message leaves a tombstone; tested by itself
        body = self.api("chat.delete", ts=ts)
        assert body["ok"] is (ts in self.kept)
        self.kept.pop(ts, None)

    @invariant()
    def history_is_newest_first_and_complete(self) -> None:
        if not hasattr(self, "kept"):
            return
        seen: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.api("conversations.history", limit=3, cursor=cursor)
            seen += page["messages"]
            cursor = page.get("response_metadata", {}).get("next_cursor", "")
            if not cursor:
                break
        own = [m for m in seen if "subtype" not in m]
        roots = sorted((ts for ts, row in self.kept.items() if not row["thread"]), reverse=True)
        assert [m["ts"] for m in own] == roots
        for message in own:
            row = self.kept[message["ts"]]
            assert message["text"] == row["text"]
            assert {mark["name"] for mark in message.get("reactions", [])} == row["marks"]
            replies = [ts for ts, other in self.kept.items() if other["thread"] == message["ts"]]
            assert message.get("reply_count", 0) == len(replies)

    @invariant()
    def a_thread_holds_its_replies_in_order(self) -> None:
        threads = {row["thread"] for row in getattr(self, "kept", {}).values() if row["thread"]}
        for root in threads & set(getattr(self, "kept", {})):
            body = self.api("conversations.replies", ts=root)
            want = [root, *sorted(ts for ts, row in self.kept.items() if row["thread"] == root)]
            assert [m["ts"] for m in body["messages"]] == want


LIMITS = settings(max_examples=25, stateful_step_count=25, deadline=None, derandomize=True,
                  suppress_health_check=list(HealthCheck))  # fmt: skip


def test_oktas_directory_agrees_with_a_dictionary() -> None:
    run_state_machine_as_test(OktaMachine, settings=LIMITS)


def test_slacks_conversation_agrees_with_a_list() -> None:
    run_state_machine_as_test(SlackMachine, settings=LIMITS)


@pytest.mark.parametrize("broken", ["echo", "constant", "forget"])
def test_the_properties_catch_a_twin_that_pretends(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: an echo, a constant answer and a write that is not kept are all found."""
    from unlit.twins.kit.http import Reply
    from unlit.twins.registry import load_twin

    twin = load_twin("okta")
    old = twin.router.match("POST", "/api/v1/groups")
    route: Route = old.route  # type: ignore[union-attr] # the route is there
    row = {"id": "00gConstant000000005d7", "type": "OKTA_GROUP", "profile": {"name": "constant"}}

    def pretend(call: Any) -> Reply:
        if broken == "constant":
            return Reply(200, row)
        if broken == "echo":
            return Reply(200, {**row, **call.json(), "id": call.world.text("x", 20)})
        reply = route.handler(call)
        call.table("groups").drop(reply.body.get("id"))
        return reply

    twin.router.add(Route("POST", route.template, pretend, route.op))
    try:
        with pytest.raises((AssertionError, ExceptionGroup)):
            run_state_machine_as_test(OktaMachine, settings=settings(LIMITS, print_blob=False))
    finally:
        twin.router.add(route)
