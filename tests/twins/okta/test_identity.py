"""Identity sources: a session collects, its import takes over, and people and groups are there."""

from tests.twins.okta.calling import Org

AT = "/api/v1/identity-sources/0oafake"


def test_an_import_takes_over_what_its_session_collected() -> None:
    org = Org()
    session = org("POST", f"{AT}/sessions").body
    assert session["status"] == "CREATED"
    assert org("POST", f"{AT}/sessions").status == 400, "one at a time"
    at = f"{AT}/sessions/{session['id']}"
    people = [{"externalId": f"E{n}", "profile": {"userName": f"e{n}@example.com"}} for n in (1, 2)]
    upsert = {"entityType": "USERS", "profiles": people}
    assert org("POST", f"{at}/bulk-upsert", upsert).status == 202
    assert org("POST", f"{at}/bulk-upsert", {"entityType": "USERS", "profiles": []}).status == 400
    groups = {"profiles": [{"externalId": "G1", "profile": {"displayName": "Staff"}}]}
    assert org("POST", f"{at}/bulk-groups-upsert", groups).status == 202
    members = {"memberships": [{"groupExternalId": "G1", "memberExternalIds": ["E1", "E2"]}]}
    assert org("POST", f"{at}/bulk-group-memberships-upsert", members).status == 202
    assert org("GET", f"{AT}/users/E1").status == 404, "not before the import"
    assert org("POST", f"{at}/start-import").body["status"] == "TRIGGERED"
    assert org("GET", at).body["status"] == "COMPLETED"
    assert org("GET", f"{AT}/users/E1").body["profile"]["userName"] == "e1@example.com"
    assert org("GET", f"{AT}/groups/G1/membership").body == {"memberExternalIds": ["E1", "E2"]}
    assert org("POST", f"{at}/bulk-upsert", upsert).status == 400
    assert org("POST", f"{at}/start-import").status == 400


def test_people_and_groups_are_changed_one_by_one() -> None:
    org = Org()
    person = {"externalId": "E1", "profile": {"userName": "e1@example.com", "firstName": "Eve"}}
    made = org("POST", f"{AT}/users", person)
    assert made.status == 200
    assert org("POST", f"{AT}/users", person).status == 400
    changed = org("PATCH", f"{AT}/users/E1", {"profile": {"lastName": "Example"}}).body
    assert (changed["profile"]["firstName"], changed["id"]) == ("Eve", made.body["id"])
    replaced = org("PUT", f"{AT}/users/E1", {"profile": {"userName": "new@example.com"}}).body
    assert replaced["profile"]["firstName"] is None
    group = org("POST", f"{AT}/groups", {"externalId": "G1", "profile": {"displayName": "G"}}).body
    at = f"{AT}/groups/{group['id']}/membership"
    assert org("POST", at, {"memberExternalId": "nobody"}).status == 404
    assert org("POST", at, {"memberExternalId": "E1"}).status == 204
    assert org("DELETE", f"{at}/E1").status == 204
    assert org("GET", at).body == {"memberExternalIds": []}
    assert org("DELETE", f"{AT}/users/E1").status == 204
    assert org("GET", f"{AT}/users/E1").status == 404
