"""Priorities never have a gap, and what belongs to the system stays."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

AT = "/api/v1/policies"


class Org:
    def __init__(self) -> None:
        self.universe = Universe(["okta"])
        self.world = self.universe.create_world()
        self.token = self.universe.tokens(self.world)["okta"]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": f"SSWS {self.token}"}
        reply = self.universe.answer("okta", Request(method, path, "", headers, data)).reply
        raw = reply.encoded()
        return reply.status, json.loads(raw) if raw else None


def listed(org: Org) -> list[dict[str, Any]]:
    return [row for row in org.ask("GET", AT)[1] if row["type"] == "OKTA_SIGN_ON"]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=12))
def test_priorities_are_always_one_to_n(steps: list[tuple[bool, int]]) -> None:
    org = Org()
    for number, (add, place) in enumerate(steps):
        rows = [row for row in listed(org) if not row["system"]]
        if add or not rows:
            policy = {"type": "OKTA_SIGN_ON", "name": f"policy {number}", "priority": place}
            status, made = org.ask("POST", AT, policy)
            assert status == 200
            assert made["priority"] == min(place, len(rows) + 1)
        else:
            victim = rows[place % len(rows)]["id"]
            assert org.ask("DELETE", f"{AT}/{victim}")[0] == 204
        found = listed(org)
        assert sorted(row["priority"] for row in found) == list(range(1, len(found) + 1))
        assert max(found, key=lambda row: row["priority"])["system"]


def test_a_copy_has_its_own_rules() -> None:
    org = Org()
    policy = org.ask("POST", AT, {"type": "OKTA_SIGN_ON", "name": "first"})[1]
    rule = {"name": "one", "type": "SIGN_ON"}
    assert org.ask("POST", f"{AT}/{policy['id']}/rules", rule)[0] == 200
    status, copy = org.ask("POST", f"{AT}/{policy['id']}/clone")
    assert (status, copy["name"]) == (200, "[cloned] first")
    (own,) = org.ask("GET", f"{AT}/{copy['id']}/rules")[1]
    assert org.ask("DELETE", f"{AT}/{copy['id']}/rules/{own['id']}")[0] == 204
    assert len(org.ask("GET", f"{AT}/{policy['id']}/rules")[1]) == 1
    assert org.ask("DELETE", f"{AT}/{copy['id']}/rules/{own['id']}")[0] == 404
