"""The ranked list of what applications use of Slack, point by point, in process."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}


class Workspace:
    """A world and a way to call it."""

    def __init__(self, seeds: Mapping[str, Any] | None = None, *, any_token: bool = False) -> None:
        self.universe = Universe(["slack"], any_token=any_token)
        self.world = self.universe.create_world(seeds, now=NOW)
        self.universe.default = self.world
        self.token = self.universe.tokens(self.world)["slack"]
        self.headers: dict[str, str] = {}
        self.status = 200

    def send(self, request: Request) -> Any:
        reply = self.universe.answer("slack", request).reply
        self.status, self.headers = reply.status, dict(reply.headers)
        text = reply.encoded()
        return json.loads(text) if text[:1] in (b"{", b"[") else text

    def __call__(self, method: str, token: str | None = None, /, **args: Any) -> Any:
        form = {k: v if isinstance(v, str) else json.dumps(v) for k, v in args.items()}
        return self.post(method, urlencode(form).encode(), FORM, token)

    def post(self, method: str, body: bytes, kind: str, token: str | None = None) -> Any:
        headers = {"authorization": f"Bearer {token or self.token}", "host": "slack.com"}
        if kind:
            headers["content-type"] = kind
        return self.send(Request("POST", f"/api/{method}", "", headers, body))

    def id(self, name: str) -> str:
        return str(self.universe.world(self.world).table("slack.channel_names")[name])

    def person(self, name: str) -> str:
        rows = self.universe.world(self.world).table("slack.users").values()
        return next(str(row["id"]) for row in rows if row["name"] == name)


@pytest.fixture
def slack() -> Workspace:
    places = [{"name": "work"}, {"name": "far", "members": ["ada"]}]
    return Workspace({"slack": {"users": [{"name": "ada"}, {"name": "grace"}], "channels": places}})


# --- 1, 2: envelopes and forms of arguments
@pytest.mark.parametrize("form", ["form", "json", "query", "multipart", "nested"])
def test_arguments_come_in_every_form(slack: Workspace, form: str) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}]
    args = {"channel": slack.id("work"), "text": "hi", "blocks": blocks}
    flat = {**args, "blocks": json.dumps(blocks)}
    if form == "form":
        said = slack.post("chat.postMessage", urlencode(flat).encode(), FORM)
    elif form == "json":
        said = slack.post(
            "chat.postMessage", json.dumps(args).encode(), "application/json; charset=utf-8"
        )
    elif form == "nested":
        said = slack.post(
            "chat.postMessage", json.dumps(flat).encode(), "application/json; charset=utf-8"
        )
    elif form == "multipart":
        parts = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in flat.items()
        )
        said = slack.post(
            "chat.postMessage", f"{parts}--b--\r\n".encode(), "multipart/form-data; boundary=b"
        )
    else:
        query = urlencode({**flat, "token": slack.token})
        said = slack.send(Request("GET", "/api/chat.postMessage", query, {"host": "slack.com"}))
    assert said["ok"] is True
    assert said["message"]["blocks"][0]["text"]["text"] == "*hi*"
    assert said["message"]["blocks"][0]["block_id"]
    assert "warning" not in said


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json; charset=utf-8", b"{", "invalid_json"),
        ("application/json; charset=utf-8", b"[1]", "json_not_object"),
        ("text/plain", b"x=1", "invalid_post_type"),
        ("multipart/form-data", b"x", "invalid_form_data"),
    ],
)
def test_bodies_that_are_not_what_they_say(
    slack: Workspace, kind: str, body: bytes, error: str
) -> None:
    assert slack.post("chat.postMessage", body, kind) == {"ok": False, "error": error}
    assert slack.status == 200


def test_charsets_are_warned_of(slack: Workspace) -> None:
    said = slack.post("api.test", b"{}", "application/json")
    assert said["warning"] == "missing_charset"
    assert said["response_metadata"]["warnings"] == ["missing_charset"]
    assert slack.post("api.test", b"a=b", FORM + "; charset=utf-8")["warning"] == (
        "superfluous_charset"
    )


def test_every_refusal_is_200_with_a_code(slack: Workspace) -> None:
    assert slack("nope.nope")["error"] == "unknown_method"
    bare = slack.send(Request("POST", "/api/auth.test", "", {"host": "slack.com"}))
    assert bare["error"] == "not_authed"
    assert slack("auth.test", "xoxb-unknown")["error"] == "invalid_auth"
    assert slack.status == 200
    assert slack("api.test", error="my_error")["error"] == "my_error"


# --- 3: cursors and windows
def test_cursors_walk_lists_to_their_end(slack: Workspace) -> None:
    slack.universe.seed(slack.world, {"slack": {"channels": [{"count": 25, "name": "c{n}"}]}})
    found: list[str] = []
    cursor = ""
    while True:
        page = slack("conversations.list", limit="10", cursor=cursor)
        found += [row["name"] for row in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert len(found) == len(set(found)) == 29
    assert slack("conversations.list", cursor="zzz")["error"] == "invalid_cursor"


def test_history_is_newest_first_within_its_window(slack: Workspace) -> None:
    place = slack.id("work")
    stamps = [slack("chat.postMessage", channel=place, text=str(n))["ts"] for n in range(5)]
    assert stamps == sorted(stamps, key=float)
    assert len(set(stamps)) == 5
    every = [m["ts"] for m in slack("conversations.history", channel=place)["messages"]]
    assert every == stamps[::-1]
    window = {"channel": place, "oldest": stamps[1], "latest": stamps[3]}
    inner = slack("conversations.history", **window)["messages"]
    assert [m["ts"] for m in inner] == [stamps[2]]
    outer = slack("conversations.history", **window, inclusive="true")["messages"]
    assert [m["ts"] for m in outer] == stamps[3:0:-1]
    first = slack("conversations.history", channel=place, limit="2")
    assert first["has_more"] is True
    rest = slack(
        "conversations.history", channel=place, cursor=first["response_metadata"]["next_cursor"]
    )
    assert [m["ts"] for m in rest["messages"]] == stamps[2::-1]


# --- 4: messages
def test_a_bots_message_says_whose_it_is(slack: Workspace) -> None:
    message = slack("chat.postMessage", channel="#work", text="see <https://x.example|x>")[
        "message"
    ]
    assert {"bot_id", "app_id", "team", "bot_profile", "blocks", "user"} <= set(message)
    section = message["blocks"][0]["elements"][0]["elements"]
    assert [part["type"] for part in section] == ["text", "link"]


def test_threads_broadcasts_edits_and_tombstones(slack: Workspace) -> None:
    place = slack.id("work")
    root = slack("chat.postMessage", channel=place, text="root")["ts"]
    slack("chat.postMessage", channel=place, text="one", thread_ts=root)
    loud = slack("chat.postMessage", channel=place, text="two", thread_ts=root,
                 reply_broadcast="true")  # fmt: skip
    assert loud["message"]["subtype"] == "thread_broadcast"
    top = [m["text"] for m in slack("conversations.history", channel=place)["messages"]]
    assert top == ["two", "root"]
    head = slack("conversations.replies", channel=place, ts=root)["messages"][0]
    assert head["reply_count"] == 2
    edited = slack("chat.update", channel=place, ts=root, text="new root")
    assert edited["message"]["edited"]["ts"]
    slack("chat.delete", channel=place, ts=root)
    left = slack("conversations.replies", channel=place, ts=root)["messages"]
    assert left[0]["subtype"] == "tombstone"
    assert [m["text"] for m in left[1:]] == ["one", "two"]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C0NOPENOPE", "text": "x"}, "channel_not_found"),
        ({"text": "x"}, "channel_not_found"),
        ({"channel": "#work"}, "no_text"),
        ({"channel": "#work", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#work", "blocks": "{"}, "invalid_blocks_format"),
        ({"channel": "#work", "text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
        (
            {"channel": "#work", "text": "x", "metadata": {"event_type": 1}},
            "invalid_metadata_schema",
        ),
    ],
)
def test_what_cannot_be_posted(slack: Workspace, args: dict[str, Any], error: str) -> None:
    assert slack("chat.postMessage", **args)["error"] == error


def test_archived_and_foreign_channels(slack: Workspace) -> None:
    place = slack.id("work")
    slack("conversations.archive", channel=place)
    assert slack("chat.postMessage", channel=place, text="x")["error"] == "is_archived"
    assert slack("conversations.archive", channel=place)["error"] == "already_archived"
    assert slack("conversations.history", channel=slack.id("far"))["error"] == "not_in_channel"


def test_ephemeral_scheduled_me_messages_and_links(slack: Workspace) -> None:
    place = slack.id("far")
    slack("conversations.join", channel=place)
    assert slack("chat.postEphemeral", channel=place, user=slack.person("ada"), text="psst")["ok"]
    assert slack("chat.postEphemeral", channel=place, user=slack.person("grace"), text="p")[
        "error"
    ] == ("user_not_in_channel")
    at = int(NOW.timestamp()) + 600
    later = slack("chat.scheduleMessage", channel=place, text="later", post_at=str(at))
    assert slack("chat.scheduledMessages.list")["scheduled_messages"][0]["text"] == "later"
    assert slack("chat.scheduleMessage", channel=place, text="x", post_at="1")["error"] == (
        "time_in_past"
    )
    slack.universe.advance(slack.world, 700)
    texts = [m["text"] for m in slack("conversations.history", channel=place)["messages"]]
    assert "later" in texts
    assert "psst" not in texts
    gone = slack("chat.deleteScheduledMessage", channel=place,
                 scheduled_message_id=later["scheduled_message_id"])  # fmt: skip
    assert gone["error"] == "invalid_scheduled_message_id"
    ts = slack("chat.meMessage", channel=place, text="waves")["ts"]
    link = slack("chat.getPermalink", channel=place, message_ts=ts)["permalink"]
    assert link.endswith(f"/archives/{place}/p{ts.replace('.', '')}")


# --- 5: rate tiers
def test_tiers_limit_when_switched_on(slack: Workspace) -> None:
    slack.universe.world(slack.world).limits = True
    first = slack("chat.postMessage", channel="#work", text="1")
    second = slack("chat.postMessage", channel="#work", text="2")
    assert (first["ok"], second["error"], slack.status) == (True, "ratelimited", 429)
    assert int(slack.headers["retry-after"]) >= 1
    slack.universe.advance(slack.world, 1)
    assert slack("chat.postMessage", channel="#work", text="3")["ok"] is True
    answers = [slack("users.list").get("error") for _ in range(40)]
    assert answers.count("ratelimited") == 10  # tier 2: 20 a minute and some burst


# --- 6: conversations and people
def test_the_life_of_a_channel(slack: Workspace) -> None:
    made = slack("conversations.create", name="plans")["channel"]
    place, ada = made["id"], slack.person("ada")
    assert made["is_member"] is True
    assert slack("conversations.create", name="plans")["error"] == "name_taken"
    assert slack("conversations.create", name="Bad Name!")["error"] == "invalid_name_specials"
    assert slack("conversations.invite", channel=place, users=ada)["channel"]["id"] == place
    assert slack("conversations.invite", channel=place, users=ada)["error"] == "already_in_channel"
    me = slack("auth.test")["user_id"]
    assert slack("conversations.invite", channel=place, users=me)["error"] == "cant_invite_self"
    assert set(slack("conversations.members", channel=place)["members"]) == {me, ada}
    assert (
        slack("conversations.setTopic", channel=place, topic="t")["channel"]["topic"]["value"]
        == "t"
    )
    assert slack("conversations.setPurpose", channel=place, purpose="p")["purpose"] == "p"
    assert slack("conversations.rename", channel=place, name="aims")["channel"]["name"] == "aims"
    info = slack("conversations.info", channel=place, include_num_members="true")["channel"]
    assert info["num_members"] == 2
    assert info["previous_names"] == ["plans"]
    assert slack("conversations.kick", channel=place, user=ada)["ok"] is True
    assert slack("conversations.kick", channel=place, user=me)["error"] == "cant_kick_self"
    assert slack("conversations.leave", channel=place)["ok"] is True
    assert slack("conversations.leave", channel=place)["not_in_channel"] is True
    assert slack("conversations.join", channel=place)["ok"] is True
    assert slack("conversations.join", channel=place)["warning"] == "already_in_channel"
    assert slack("conversations.archive", channel=place)["ok"] is True
    listed = slack("conversations.list", exclude_archived="true")["channels"]
    assert "aims" not in {row["name"] for row in listed}
    assert slack("conversations.unarchive", channel=place)["ok"] is True


def test_private_channels_are_seen_by_members_only(slack: Workspace) -> None:
    made = slack("conversations.create", name="secret", is_private="true")["channel"]
    assert made["is_private"] is True
    assert made["id"] not in {r["id"] for r in slack("conversations.list")["channels"]}
    mine = slack("users.conversations", types="private_channel")["channels"]
    assert [row["id"] for row in mine] == [made["id"]]
    assert slack("conversations.list", types="nonsense")["error"] == "invalid_types"


def test_direct_and_group_conversations(slack: Workspace) -> None:
    ada, grace = slack.person("ada"), slack.person("grace")
    one = slack("conversations.open", users=ada, return_im="true")
    assert one["channel"]["user"] == ada
    again = slack("conversations.open", users=ada)
    assert (again["already_open"], again["channel"]["id"]) == (True, one["channel"]["id"])
    group = slack("conversations.open", users=f"{ada},{grace}", return_im="true")["channel"]
    assert group["is_mpim"] is True
    assert slack("chat.postMessage", channel=ada, text="dm")["channel"] == one["channel"]["id"]
    assert slack("conversations.close", channel=one["channel"]["id"])["ok"] is True
    assert slack("conversations.open")["error"] == "users_list_not_supplied"


def test_people(slack: Workspace) -> None:
    ada = slack.person("ada")
    assert slack("users.info", user=ada)["user"]["name"] == "ada"
    assert slack("users.info", user="U0NOPE")["error"] == "user_not_found"
    assert slack("users.lookupByEmail", email="ada@example.com")["user"]["id"] == ada
    assert slack("users.lookupByEmail", email="no@no.example")["error"] == "users_not_found"
    status = {"status_text": "away", "status_emoji": ":palm_tree:"}
    assert slack("users.profile.set", user=ada, profile=status)["profile"]["status_text"] == "away"
    assert slack("users.profile.get", user=ada)["profile"]["status_emoji"] == ":palm_tree:"
    assert slack("users.setPresence", presence="away")["ok"] is True
    assert slack("users.getPresence")["presence"] == "away"
    team = slack("team.info")["team"]
    assert slack("auth.test")["team_id"] == team["id"]
    assert slack("bots.info", bot=slack("auth.test")["bot_id"])["bot"]["user_id"]


# --- 7: files
def test_a_file_in_three_steps(slack: Workspace) -> None:
    place = slack.id("work")
    step = slack("files.getUploadURLExternal", filename="a.txt", length="5")
    path = "/" + step["upload_url"].split("/", 3)[3]
    early = slack("files.completeUploadExternal", files=[{"id": step["file_id"]}])
    assert early["error"] == "file_not_found"
    put = slack.send(Request("POST", path, "", {"host": "files.slack.com"}, b"hello"))
    assert put == b"OK - 5"
    done = slack("files.completeUploadExternal", channel_id=place, initial_comment="look",
                 files=[{"id": step["file_id"], "title": "A"}])  # fmt: skip
    assert done["files"][0]["title"] == "A"
    shared = slack("conversations.history", channel=place)["messages"][0]
    assert (shared["text"], shared["files"][0]["id"]) == ("look", step["file_id"])
    info = slack("files.info", file=step["file_id"])
    assert info["content"] == "hello"
    assert place in info["file"]["shares"]["public"]
    assert slack("files.list", types="snippets")["files"][0]["id"] == step["file_id"]
    private = info["file"]["url_private"]
    bytes_ = slack.send(Request(
        "GET", "/" + private.split("/", 3)[3], "",
        {"host": "files.slack.com", "authorization": f"Bearer {slack.token}"},
    ))  # fmt: skip
    assert bytes_ == b"hello"
    assert slack("files.delete", file=step["file_id"])["ok"] is True
    assert slack("files.info", file=step["file_id"])["error"] == "file_deleted"
    assert slack("files.upload", content="x")["error"] == "method_deprecated"


# --- 9: OAuth, scopes, rotation, revocation
def test_scopes_are_enforced_and_named(slack: Workspace) -> None:
    granted = grant(slack, "channels:read,chat:write")
    token = granted["access_token"]
    said = slack("users.list", token)
    assert said["error"] == "missing_scope"
    assert said["needed"] == "users:read"
    assert said["provided"] == "channels:read,chat:write"
    assert slack("conversations.list", token)["ok"] is True
    assert slack.headers["x-oauth-scopes"] == "channels:read,chat:write"
    assert "channels:read" in slack.headers["x-accepted-oauth-scopes"]
    assert slack("auth.revoke", token)["revoked"] is True
    assert slack("auth.test", token)["error"] == "token_revoked"


def grant(slack: Workspace, scope: str) -> Any:
    client = {"client_id": "", "client_secret": ""}
    world = slack.universe.world(slack.world)
    from unlit.twins.services.slack import installs

    known = installs.client_of(world)
    client = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    query = urlencode({"client_id": client["client_id"], "scope": scope, "state": "s",
                       "redirect_uri": "https://app.example/cb"})  # fmt: skip
    reply = slack.universe.answer(
        "slack", Request("GET", "/oauth/v2/authorize", query, {"host": "slack.com",
                                                              "x-twin-world": slack.world})
    ).reply  # fmt: skip
    place = reply.header("location") or ""
    assert "state=s" in place
    code = place.split("code=", 1)[1].split("&", 1)[0]
    body = urlencode({**client, "code": code, "redirect_uri": "https://app.example/cb"}).encode()
    headers = {"host": "slack.com", "content-type": FORM, "x-twin-world": slack.world}
    granted = slack.send(Request("POST", "/api/oauth.v2.access", "", headers, body))
    assert granted["ok"] is True, granted
    again = slack.send(Request("POST", "/api/oauth.v2.access", "", headers, body))
    assert again["error"] in ("invalid_code", "code_already_used")
    return granted


# --- 10: search, views, groups, reminders, bookmarks, pins, reactions, emoji, connections
def test_search_has_a_grammar(slack: Workspace) -> None:
    slack.universe.seed(slack.world, {"slack": {"messages": [
        {"channel": "work", "user": "ada", "text": "the quick fox"},
        {"channel": "work", "user": "grace", "text": "the slow fox"},
        {"channel": "random", "user": "ada", "text": "quick https://x.example"}]}})  # fmt: skip

    def texts(query: str) -> set[str]:
        found = slack("search.messages", query=query)["messages"]["matches"]
        return {row["text"] for row in found}

    assert texts("fox") == {"the quick fox", "the slow fox"}
    assert texts("fox -slow") == {"the quick fox"}
    assert texts("from:@ada in:#work") == {"the quick fox"}
    assert texts('"quick fox"') == {"the quick fox"}
    assert texts("quick has:link") == {"quick https://x.example"}
    assert texts("fox after:2030-01-01") == set()
    assert slack("search.messages", query=" ")["error"] == "no_query"
    both = slack("search.all", query="fox")
    assert both["messages"]["total"] == 2
    assert both["files"]["total"] == 0


def test_reactions_pins_bookmarks(slack: Workspace) -> None:
    place = slack.id("work")
    ts = slack("chat.postMessage", channel=place, text="x")["ts"]
    at = {"channel": place, "timestamp": ts}
    assert slack("reactions.add", **at, name="eyes")["ok"] is True
    assert slack("reactions.add", **at, name="eyes")["error"] == "already_reacted"
    assert slack("reactions.add", **at, name="not an emoji")["error"] == "invalid_name"
    assert slack("reactions.get", **at)["message"]["reactions"][0]["count"] == 1
    assert slack("reactions.list")["items"][0]["message"]["ts"] == ts
    assert slack("reactions.remove", **at, name="eyes")["ok"] is True
    assert slack("reactions.remove", **at, name="eyes")["error"] == "no_reaction"
    assert slack("pins.add", **at)["ok"] is True
    assert slack("pins.add", **at)["error"] == "already_pinned"
    assert slack("pins.list", channel=place)["items"][0]["message"]["ts"] == ts
    assert slack("pins.remove", **at)["ok"] is True
    assert slack("pins.remove", **at)["error"] == "no_pin"
    made = slack("bookmarks.add", channel_id=place, title="T", type="link",
                 link="https://x.example")["bookmark"]  # fmt: skip
    slack("bookmarks.edit", channel_id=place, bookmark_id=made["id"], title="U")
    assert slack("bookmarks.list", channel_id=place)["bookmarks"][0]["title"] == "U"
    slack("bookmarks.remove", channel_id=place, bookmark_id=made["id"])
    assert slack("bookmarks.list", channel_id=place)["bookmarks"] == []


def test_views_open_update_push_publish(slack: Workspace) -> None:
    assert slack("views.open", trigger_id="1.1.x", view=MODAL)["error"] == "invalid_trigger_id"
    from unlit.twins.services.slack.views import new_trigger

    world, ada = slack.universe.world(slack.world), slack.person("ada")
    trigger = new_trigger(world, ada)
    view = slack("views.open", trigger_id=trigger, view=MODAL)["view"]
    assert view["root_view_id"] == view["id"]
    assert slack("views.open", trigger_id=trigger, view=MODAL)["error"] == "exchanged_trigger_id"
    stale = slack("views.update", view_id=view["id"], view=MODAL, hash="0.x")
    assert stale["error"] == "hash_conflict"
    assert slack("views.update", view_id=view["id"], view=MODAL, hash=view["hash"])["ok"] is True
    late = new_trigger(world, ada)
    slack.universe.advance(slack.world, 5)
    assert slack("views.open", trigger_id=late, view=MODAL)["error"] == "expired_trigger_id"
    pushed = slack("views.push", trigger_id=new_trigger(world, ada), view=MODAL)
    assert pushed["ok"] is True
    home = slack("views.publish", user_id=ada, view={"type": "home", "blocks": []})
    assert home["view"]["type"] == "home"


def test_groups_reminders_emoji_and_connections(slack: Workspace) -> None:
    ada = slack.person("ada")
    group = slack("usergroups.create", name="Ops", handle="ops")["usergroup"]
    assert slack("usergroups.create", name="Ops")["error"] == "name_already_exists"
    slack("usergroups.users.update", usergroup=group["id"], users=ada)
    assert slack("usergroups.users.list", usergroup=group["id"])["users"] == [ada]
    slack("usergroups.disable", usergroup=group["id"])
    assert slack("usergroups.list")["usergroups"] == []
    assert len(slack("usergroups.list", include_disabled="true")["usergroups"]) == 1
    made = slack("reminders.add", text="call", time=str(int(NOW.timestamp()) + 60))["reminder"]
    assert slack("reminders.info", reminder=made["id"])["reminder"]["text"] == "call"
    assert slack("reminders.complete", reminder=made["id"])["ok"] is True
    assert slack("reminders.delete", reminder=made["id"])["ok"] is True
    assert slack("reminders.list")["reminders"] == []
    assert slack("emoji.list")["ok"] is True
    assert slack("apps.connections.open")["url"].startswith(("ws://", "wss://"))


def test_a_response_url_answers_five_times(slack: Workspace) -> None:
    from unlit.twins.services.slack.outside import response_url

    world = slack.universe.world(slack.world)
    place, ada = slack.id("work"), slack.person("ada")
    url = response_url(world, place, ada, "https://hooks.slack.com", None)
    path = "/" + url.split("/", 3)[3]
    body = json.dumps({"response_type": "in_channel", "text": "done"}).encode()
    said = [slack.send(Request("POST", path, "", {"host": "hooks.slack.com"}, body))
            for _ in range(6)]  # fmt: skip
    assert said == [b"ok"] * 5 + [b"expired_url"]
    assert slack("conversations.history", channel=place)["messages"][0]["text"] == "done"


# --- what only the reference describes
def test_what_the_twin_cannot_do_it_says_loudly(slack: Workspace) -> None:
    for method in ("admin.users.list", "admin.conversations.search", "admin.apps.approve"):
        said = slack(method)
        assert said["ok"] is False
        assert said["error"] not in ("internal_error", "unknown_method"), (method, said)


def test_every_method_of_the_reference_answers_in_slacks_envelope(slack: Workspace) -> None:
    from unlit.twins.services.slack.generic import contract

    for method in contract()["methods"]:
        said = slack(method)
        assert isinstance(said.get("ok"), bool), method
        assert slack.status == 200, method
        assert said["ok"] or isinstance(said["error"], str), method
        assert said.get("error") not in ("internal_error", "unknown_method"), method


# --- quick starts
def test_a_quick_start_believes_ids_it_has_not_told_and_says_so() -> None:
    slack = Workspace(any_token=True)
    slack("chat.postMessage", "xoxb-mine", channel="C0ABCDEF12", text="hello")
    assert slack.headers["x-twin-believed"] == "C0ABCDEF12"
    again = slack("conversations.info", "xoxb-mine", channel="C0ABCDEF12")
    assert again["channel"]["id"] == "C0ABCDEF12"
    assert "x-twin-believed" not in slack.headers
    assert slack("users.info", "xoxb-mine", user="U0ABCDEF12")["user"]["id"] == "U0ABCDEF12"
    assert slack("chat.postMessage", "xoxb-mine", channel="C0NOPE", text="x")["error"] == (
        "channel_not_found"
    )
    listed = slack("conversations.list", "xoxb-mine")["channels"]
    assert "C0ABCDEF12" in {row["id"] for row in listed}
    late = slack("conversations.info", "xoxb-mine", channel="C0ZZZZZZ99")
    assert late["error"] == "channel_not_found"


def test_other_worlds_believe_nothing(slack: Workspace) -> None:
    assert slack("conversations.info", channel="C0ABCDEF12")["error"] == "channel_not_found"
    assert slack("users.info", user="U0ABCDEF12")["error"] == "user_not_found"
