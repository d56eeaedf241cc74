"""Slack Connect: channels shared with another organisation, as far as one workspace sees it.

An invitation goes out, is accepted by whoever it went to, and approved or declined here. Who
accepts is another organisation; a twin has one, called by the invited address's domain.
"""

from typing import Any, Final

from unlit.twins.kit.world import UPPER
from unlit.twins.services.slack import channels, workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import mint, seconds, team_id

LIFE_S: Final = 14 * 86_400


def invite(ask: Ask) -> dict[str, Any]:
    """``conversations.inviteShared``: by address or by id of a person elsewhere."""
    place = channels.channel(ask)
    if place["is_im"] or place["is_mpim"]:
        raise SlackError("invalid_channel_type")
    if place["is_archived"]:
        raise SlackError("channel_archived")
    if not channels.is_member(ask, place):
        raise SlackError("not_in_channel")
    mails, people = ask.many("emails"), ask.many("user_ids")
    if not mails and not people:
        raise SlackError("recipients_not_specified")
    if any("@" not in mail for mail in mails):
        raise SlackError("invalid_email")
    key, now = mint(ask.world, "I"), seconds(ask.world)
    ask.table("invites").put(key, {
        "id": key, "channel": place["id"], "status": "sent", "created": now, "by": ask.me,
        "expires": now + LIFE_S, "recipient_email": (mails or [""])[0],
        "recipient_user_id": (people or [""])[0], "limited": ask.flag("external_limited", True),
    })  # fmt: skip
    _pending(ask, place["id"], yes=True)
    return {
        "invite_id": key, "is_legacy_shared_channel": False,
        "conf_code": ask.world.text("slack.conf", 8, "0123456789abcdef"),
        "url": f"{ask.call.request.origin}/share/{key}",
    }  # fmt: skip


def _pending(ask: Ask, cid: str, *, yes: bool) -> None:
    ask.table("channels").patch(cid, is_pending_ext_shared=yes)


def _invite(ask: Ask, *states: str) -> dict[str, Any]:
    row = ask.table("invites").get(ask.required("invite_id"))
    if row is None:
        raise SlackError("invite_not_found")
    if row["status"] not in states:
        done = {"approved": "already_approved", "accepted": "invite_used"}
        raise SlackError(done.get(row["status"], "inactive_invite"))
    return row  # type: ignore[no-any-return] # JSON


def accept(ask: Ask) -> dict[str, Any]:
    """``conversations.acceptSharedInvite``: nobody accepts what the own workspace has sent."""
    ask.required("channel_name")
    if not ask.has("invite_id") and not ask.has("channel_id"):
        raise SlackError("invalid_link")
    if ask.has("channel_id"):
        channels.channel(ask, ask.text("channel_id"))
        raise SlackError("invite_from_same_org")
    _invite(ask, "sent", "accepted")
    raise SlackError("invite_from_same_org")


def approve(ask: Ask) -> dict[str, Any]:
    """``conversations.approveSharedInvite``: the channel is shared from now on."""
    row = _invite(ask, "sent", "accepted")
    ask.table("invites").put(row["id"], {**row, "status": "approved"})
    other = "T0" + ask.world.text("slack.T", 9, UPPER)
    place = ask.table("channels")[row["channel"]]
    ask.table("channels").patch(
        row["channel"],
        is_shared=True,
        is_ext_shared=True,
        is_pending_ext_shared=False,
        shared_team_ids=[*place["shared_team_ids"], other],
        conversation_host_id=team_id(ask.world),
    )
    ask.table("external_teams").put(other, {
        "team_id": other, "team_name": row["recipient_email"].partition("@")[2] or other,
        "channel": row["channel"], "at": seconds(ask.world),
    })  # fmt: skip
    return {}


def decline(ask: Ask) -> dict[str, Any]:
    """``conversations.declineSharedInvite``."""
    row = _invite(ask, "sent", "accepted")
    ask.table("invites").put(row["id"], {**row, "status": "declined"})
    _pending(ask, row["channel"], yes=False)
    return {}


def listed(ask: Ask) -> dict[str, Any]:
    """``conversations.listConnectInvites``: those that are still open."""
    rows = [
        row
        for row in ask.table("invites").values()
        if row["status"] == "sent" and row["expires"] > seconds(ask.world)
    ]
    found, cursor = workspace.page(
        ask, rows, "invite", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    team = ask.table("meta")["team"]
    return {
        "invites": [_shown(ask, row, team) for row in found],
        "response_metadata": {"next_cursor": cursor},
    }


def _shown(ask: Ask, row: dict[str, Any], team: dict[str, Any]) -> dict[str, Any]:
    person = ask.table("users").get(row["by"]) or {}
    place = ask.table("channels")[row["channel"]]
    sent = {
        "id": row["id"], "date_created": row["created"], "date_invalid": row["expires"],
        "inviting_team": {key: team[key] for key in ("id", "name", "icon", "domain")},
        "inviting_user": {key: person.get(key) for key in ("id", "team_id", "name", "profile")},
        "recipient_email": row["recipient_email"], "recipient_user_id": row["recipient_user_id"],
    }  # fmt: skip
    return {
        "direction": "outgoing", "status": row["status"], "date_last_updated": row["created"],
        "invite_type": "channel", "invite": sent,
        "channel": {key: place[key] for key in ("id", "is_private", "is_im", "name")},
        "acceptances": [],
    }  # fmt: skip


def permit(ask: Ask) -> dict[str, Any]:
    """``conversations.externalInvitePermissions.set``."""
    place = channels.channel(ask)
    if ask.required("action") not in ("upgrade", "downgrade"):
        raise SlackError("invalid_action")
    if ask.required("target_team") not in ask.table("external_teams"):
        raise SlackError("not_allowed")
    ask.table("external_rights").put((place["id"], ask.text("target_team")), ask.text("action"))
    return {}


def requests(ask: Ask) -> dict[str, Any]:
    """``conversations.requestSharedInvite.list``: nobody asks, as everybody here may invite."""
    return {"invite_requests": [], "response_metadata": {"next_cursor": ""}}


def answer_request(ask: Ask) -> dict[str, Any]:
    """``conversations.requestSharedInvite.approve`` and ``deny``."""
    ask.required("invite_id")
    raise SlackError("invite_not_found")


def teams(ask: Ask) -> dict[str, Any]:
    """``team.externalTeams.list``."""
    rows = list(ask.table("external_teams").values())
    found = [
        {
            "team_id": row["team_id"], "team_name": row["team_name"],
            "team_domain": row["team_name"].split(".")[0], "public_channel_count": 1,
            "private_channel_count": 0, "im_channel_count": 0, "mpim_channel_count": 0,
            "connected_workspaces": [], "slack_connect_prefs": {},
            "connection_status": "CONNECTED", "last_active_timestamp": row["at"],
            "is_sponsored": False,
        }
        for row in rows
    ]  # fmt: skip
    return {
        "organizations": found,
        "total_count": len(found),
        "response_metadata": {"next_cursor": ""},
    }


def part(ask: Ask) -> dict[str, Any]:
    """``team.externalTeams.disconnect``: what was shared with that organisation is no more."""
    row = ask.table("external_teams").drop(ask.required("target_team"))
    if row is None:
        raise SlackError("invalid_target_team")
    place = ask.table("channels").get(row["channel"])
    if place is not None:
        left = [key for key in place["shared_team_ids"] if key != row["team_id"]]
        ask.table("channels").patch(
            place["id"], shared_team_ids=left, is_shared=False, is_ext_shared=False
        )
    return {}


METHODS: Final = {
    "conversations.inviteShared": invite,
    "conversations.acceptSharedInvite": accept,
    "conversations.approveSharedInvite": approve,
    "conversations.declineSharedInvite": decline,
    "conversations.listConnectInvites": listed,
    "conversations.externalInvitePermissions.set": permit,
    "conversations.requestSharedInvite.list": requests,
    "conversations.requestSharedInvite.approve": answer_request,
    "conversations.requestSharedInvite.deny": answer_request,
    "team.externalTeams.list": teams,
    "team.externalTeams.disconnect": part,
}
