"""Streams, remote files, calls, canvases, lists, sign-in, datastores, Connect: each is kept."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.twins.slack.test_checklist import Workspace

from unlit.twins.kit.http import Request
from unlit.twins.services.slack.installs import client_of


@pytest.fixture
def slack() -> Workspace:
    seeds = {"slack": {"users": [{"name": "ada"}], "channels": [{"name": "work"}]}}
    return Workspace(seeds, any_token=True)


def error(answer: Any) -> Any:
    assert answer["ok"] is False, answer
    return answer["error"]


def test_a_stream_grows_and_ends(slack: Workspace) -> None:
    cid = slack.id("work")
    parent = slack("chat.postMessage", channel=cid, text="q")["ts"]
    assert error(slack("chat.startStream", channel=cid, thread_ts=parent)) == (
        "missing_recipient_user_id"
    )
    to = {"recipient_user_id": slack.person("ada"), "recipient_team_id": "T1"}
    ts = slack("chat.startStream", channel=cid, thread_ts=parent, markdown_text="a ", **to)["ts"]
    assert slack("chat.appendStream", channel=cid, ts=ts, markdown_text="b")["ts"] == ts
    found = slack("chat.stopStream", channel=cid, ts=ts, chunks=[
        {"type": "markdown_text", "text": " *c*"}])["message"]  # fmt: skip
    assert (found["text"], found["thread_ts"]) == ("a b *c*", parent)
    assert (
        slack("conversations.replies", channel=cid, ts=parent)["messages"][1]["text"] == "a b *c*"
    )
    again = slack("chat.appendStream", channel=cid, ts=ts, markdown_text="d")
    assert error(again) == "message_not_in_streaming_state"
    assert error(slack("chat.stopStream", channel=cid, ts=parent)) == (
        "message_not_in_streaming_state"
    )
    assert error(slack("chat.startStream", channel=cid, chunks=[{"type": "zz"}])) == (
        "invalid_chunks"
    )


def test_a_remote_file_is_added_shared_changed_and_removed(slack: Workspace) -> None:
    about = {"external_id": "x1", "external_url": "https://example.com/d", "title": "Notes"}
    row = slack("files.remote.add", **about)["file"]
    assert (row["external_type"], row["is_external"], row["mode"]) == ("app", True, "external")
    cid = slack.id("work")
    assert slack("files.remote.share", external_id="x1", channels=cid)["file"]["channels"] == [cid]
    newest = slack("conversations.history", channel=cid, limit=1)["messages"][0]
    assert newest["files"][0]["id"] == row["id"]
    slack("files.remote.update", external_id="x1", title="More")
    assert slack("files.remote.info", file=row["id"])["file"]["title"] == "More"
    assert [f["id"] for f in slack("files.remote.list", channel=cid)["files"]] == [row["id"]]
    assert slack("files.remote.remove", external_id="x1")["ok"]
    assert error(slack("files.remote.info", external_id="x1")) == "file_not_found"
    assert error(slack("files.remote.info", external_id="a", file="F1")) == "too_many_ids"


def test_a_call_has_people_until_it_ends(slack: Workspace) -> None:
    who = {"slack_id": slack.person("ada")}
    made = slack("calls.add", external_unique_id="u", join_url="https://example.com/j")["call"]
    key = made["id"]
    assert slack("calls.participants.add", id=key, users=[who, {"external_id": "e"}])["ok"]
    assert error(slack("calls.participants.add", id=key, users=[{"slack_id": "U0"}])) == (
        "user_not_found"
    )
    slack("calls.participants.remove", id=key, users=[{"external_id": "e"}])
    assert slack("calls.update", id=key, title="t")["call"]["title"] == "t"
    assert slack("calls.info", id=key)["call"]["users"] == [who]
    slack("calls.end", id=key, duration=9)
    assert slack("calls.info", id=key)["call"]["date_end"] == made["date_start"] + 9
    assert error(slack("calls.end", id=key)) == "inactive_call"
    assert error(slack("calls.info", id="R0")) == "invalid_call_id"


def test_a_canvas_is_edited_by_sections(slack: Workspace) -> None:
    def page(text: str) -> dict[str, str]:
        return {"type": "markdown", "markdown": text}

    key = slack("canvases.create", title="Plan", document_content=page("# One\ntext"))["canvas_id"]
    head = slack("canvases.sections.lookup", canvas_id=key, criteria={"section_types": ["h1"]})
    at = head["sections"][0]["id"]
    slack("canvases.edit", canvas_id=key, changes=[
        {"operation": "insert_after", "section_id": at, "document_content": page("between")},
        {"operation": "insert_at_end", "document_content": page("end")}])  # fmt: skip
    slack("canvases.edit", canvas_id=key, changes=[{"operation": "delete", "section_id": at}])
    file = slack("files.info", file=key)["file"]
    assert (file["title"], file["filetype"], file["size"]) == ("Plan", "quip", 16)
    wrong = slack("canvases.edit", canvas_id=key, changes=[
        {"operation": "delete", "section_id": at}])  # fmt: skip
    assert error(wrong) == "canvas_editing_failed"
    cid = slack.id("work")
    assert slack("canvases.access.set", canvas_id=key, access_level="read", channel_ids=[cid])["ok"]
    assert slack("files.info", file=key)["file"]["channels"] == [cid]
    slack("canvases.access.delete", canvas_id=key, channel_ids=[cid])
    assert slack("files.info", file=key)["file"]["channels"] == []
    own = slack("conversations.canvases.create", channel_id=cid)["canvas_id"]
    canvas = slack("conversations.info", channel=cid)["channel"]["properties"]["canvas"]
    assert canvas["file_id"] == own
    assert error(slack("conversations.canvases.create", channel_id=cid)) == (
        "channel_canvas_already_exists"
    )
    slack("canvases.delete", canvas_id=key)
    assert error(slack("canvases.edit", canvas_id=key, changes=[])) == "canvas_not_found"


def test_a_list_has_columns_and_items(slack: Workspace) -> None:
    schema = [{"key": "t", "name": "Task", "type": "text", "is_primary_column": True},
              {"key": "d", "name": "Done", "type": "checkbox"}]  # fmt: skip
    made = slack("slackLists.create", name="L", schema=schema)
    key, columns = made["list_id"], [one["id"] for one in made["list_metadata"]["schema"]]
    first = [{"column_id": columns[0], "text": "buy, milk"}]
    item = slack("slackLists.items.create", list_id=key, initial_fields=first)["item"]
    cell = {"row_id": item["id"], "column_id": columns[1], "checkbox": True}
    assert slack("slackLists.items.update", list_id=key, cells=[cell])["ok"]
    read = slack("slackLists.items.info", list_id=key, id=item["id"])
    assert [one["key"] for one in read["record"]["fields"]] == ["t", "d"]
    assert read["list"]["title"] == "L"
    bad = slack("slackLists.items.update", list_id=key, cells=[{**cell, "column_id": "Col0"}])
    assert error(bad) == "invalid_column_id"
    job = slack("slackLists.download.start", list_id=key)["job_id"]
    url = slack("slackLists.download.get", list_id=key, job_id=job)["download_url"]
    data = slack.send(
        Request(
            "GET",
            urlsplit(url).path,
            "",
            {"authorization": f"Bearer {slack.token}", "host": "slack.com"},
        )
    )
    assert data == b'Task,Done\n"buy, milk",True'
    slack("slackLists.items.delete", list_id=key, id=item["id"])
    assert slack("slackLists.items.list", list_id=key)["items"] == []
    assert error(slack("slackLists.items.info", list_id=key, id=item["id"])) == "record_not_found"
    assert error(slack("slackLists.create", name="M", schema=schema[1:])) == (
        "invalid_primary_column"
    )
    assert error(slack("slackLists.update", id="F0")) == "list_not_found"


def test_sign_in_with_slack_gives_a_token_that_the_key_set_verifies(slack: Workspace) -> None:
    world = slack.universe.world(slack.world)
    app = client_of(world)
    asked = (
        f"client_id={app['client_id']}&scope=openid+email&nonce=n1&redirect_uri=https://a.example/"
    )
    head = {"host": "slack.com", "x-twin-world": slack.world}
    slack.send(Request("GET", "/openid/connect/authorize", asked, head))
    code = parse_qs(urlsplit(slack.headers["location"]).query)["code"][0]
    got = slack("openid.connect.token", None, code=code, client_id=app["client_id"],
                client_secret=app["client_secret"])  # fmt: skip
    text, _, signature = got["id_token"].rpartition(".")
    claims = msgspec.json.decode(_raw(text.split(".")[1]))
    assert (claims["aud"], claims["nonce"]) == (app["client_id"], "n1")
    keys = slack.send(Request("GET", "/openid/connect/keys", "", head))["keys"]
    number = rsa.RSAPublicNumbers(
        int.from_bytes(_raw(keys[0]["e"])), int.from_bytes(_raw(keys[0]["n"]))
    )
    number.public_key().verify(_raw(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    shown = slack("openid.connect.userInfo", got["access_token"])
    assert shown["sub"] == claims["sub"]
    assert error(slack("users.identity", got["access_token"])) == "missing_scope"
    again = slack("openid.connect.token", None, code=code, client_id=app["client_id"],
                  client_secret=app["client_secret"])  # fmt: skip
    assert error(again) == "code_already_used"


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_token_in_the_form_of_a_persons_is_a_person(slack: Workspace) -> None:
    person = "xoxp-fake-1"
    assert slack("users.identity", person)["user"]["name"] == "Dev Example"
    assert slack("team.accessLogs", person)["logins"]
    assert slack("team.billableInfo", person)["billable_info"]
    assert slack("team.integrationLogs", person)["logs"][0]["app_type"] == "twin-app"
    assert error(slack("team.accessLogs")) == "not_allowed_token_type"
    before = slack("users.profile.get", person)["profile"]["avatar_hash"]
    slack("users.deletePhoto", person)
    assert slack("users.profile.get", person)["profile"]["avatar_hash"] != before


def test_a_datastore_keeps_items(slack: Workspace) -> None:
    for n in range(3):
        slack("apps.datastore.put", datastore="d", item={"id": f"i{n}", "n": n, "s": f"x{n}"})
    slack("apps.datastore.update", datastore="d", item={"id": "i1", "s": "y"})
    assert slack("apps.datastore.get", datastore="d", id="i1")["item"] == {
        "id": "i1", "n": 1, "s": "y"}  # fmt: skip
    found = slack("apps.datastore.query", datastore="d",
                  expression="#n >= :a and begins_with(#s, :b)",
                  expression_attributes={"#n": "n", "#s": "s"},
                  expression_values={":a": 1, ":b": "x"})  # fmt: skip
    assert [one["id"] for one in found["items"]] == ["i2"]
    between = {"expression": "#n between :a and :b", "expression_attributes": {"#n": "n"},
               "expression_values": {":a": 0, ":b": 1}}  # fmt: skip
    assert slack("apps.datastore.count", datastore="d", **between)["count"] == 2
    bad = slack("apps.datastore.query", datastore="d", expression="drop it")
    assert error(bad) == "datastore_error"
    slack("apps.datastore.bulkDelete", datastore="d", ids=["i0", "i1"])
    assert slack("apps.datastore.get", datastore="d", id="i0")["item"] == {}


def test_a_manifest_is_kept_and_compared(slack: Workspace) -> None:
    manifest: dict[str, Any] = {"display_information": {"name": "A"}}
    assert error(slack("apps.manifest.validate", manifest={})) == "invalid_manifest"
    key = slack("apps.manifest.create", manifest=manifest)["app_id"]
    more = {**manifest, "oauth_config": {"scopes": {"bot": ["chat:write"]}}}
    assert slack("apps.manifest.update", app_id=key, manifest=more)["permissions_updated"]
    assert slack("apps.manifest.export", app_id=key)["manifest"]["oauth_config"]
    assert slack("apps.manifest.delete", app_id=key)["ok"]
    assert error(slack("apps.manifest.export", app_id=key)) == "app_not_found"


def test_a_channel_is_shared_with_another_organisation(slack: Workspace) -> None:
    cid = slack.id("work")
    assert error(slack("conversations.inviteShared", channel=cid)) == "recipients_not_specified"
    key = slack("conversations.inviteShared", channel=cid, emails=["a@else.example"])["invite_id"]
    assert slack("conversations.info", channel=cid)["channel"]["is_pending_ext_shared"]
    assert slack("conversations.listConnectInvites")["invites"][0]["invite"]["id"] == key
    assert slack("conversations.approveSharedInvite", invite_id=key)["ok"]
    assert slack("conversations.info", channel=cid)["channel"]["is_ext_shared"]
    other = slack("team.externalTeams.list")["organizations"][0]
    assert other["team_name"] == "else.example"
    assert error(slack("conversations.approveSharedInvite", invite_id=key)) == "already_approved"
    slack("team.externalTeams.disconnect", target_team=other["team_id"])
    assert slack("conversations.info", channel=cid)["channel"]["is_ext_shared"] is False
