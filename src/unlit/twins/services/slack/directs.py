"""Direct and group conversations: opened, closed, found by who is in them."""

from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.channels import add, channel, shown, unread_of
from unlit.twins.services.slack.workspace import mint, seconds, team_id


def direct(world: World, *people: str) -> dict[str, Any]:
    """Return the direct conversation of these people, made when there is none."""
    wanted = sorted(set(people))
    key = ",".join(wanted)
    found = world.table("slack.direct").get(key)
    if found is not None:
        return world.table("slack.channels")[found]  # type: ignore[no-any-return] # JSON
    now = seconds(world)
    if len(wanted) <= 2:
        row: dict[str, Any] = {
            "id": mint(world, "D"),
            "created": now,
            "is_archived": False,
            "is_im": True,
            "is_org_shared": False,
            "context_team_id": team_id(world),
            "updated": int(world.now() * 1000),
            "is_user_deleted": False,
            "priority": 0,
            "_hidden": {"is_mpim": False, "is_private": True, "is_general": False},
        }
        row |= {"is_mpim": False, "is_private": True, "is_general": False}
        world.table("slack.channels").put(row["id"], row)
    else:
        users = world.table("slack.users")
        name = "mpdm-" + "--".join(users[uid]["name"] for uid in wanted) + "-1"
        row = add(world, name, "", is_private=True)
        row = world.table("slack.channels").patch(row["id"], is_mpim=True, is_group=False)
    for uid in wanted:
        world.table(f"slack.members:{row['id']}").put(uid, now)
    world.table("slack.direct").put(key, row["id"])
    return row


def opened(ask: Ask) -> dict[str, Any]:
    """``conversations.open``."""
    if ask.has("channel"):
        row = channel(ask)
        if not (row["is_im"] or row["is_mpim"]):
            raise SlackError("method_not_supported_for_channel_type")
        known = True
    else:
        people = [name.strip() for name in ask.text("users").split(",") if name.strip()]
        if not people:
            raise SlackError("users_list_not_supplied")
        if len(people) > 8:
            raise SlackError("too_many_users")
        for uid in people:
            workspace.user(ask, uid)
        known = ",".join(sorted({ask.me, *people})) in ask.table("direct")
        row = direct(ask.world, ask.me, *people)
    out: dict[str, Any] = {"channel": {"id": row["id"]}}
    if ask.flag("return_im"):
        out["channel"] = shown(ask, row) | unread_of(ask, row) | {"is_open": True}
    if known:
        out |= {"no_op": True, "already_open": True}
    return out


def closed(ask: Ask) -> dict[str, Any]:
    """``conversations.close``."""
    row = channel(ask)
    if not (row["is_im"] or row["is_mpim"]):
        raise SlackError("method_not_supported_for_channel_type")
    table = ask.table(f"closed:{ask.me}")
    if row["id"] in table:
        return {"no_op": True, "already_closed": True}
    table.put(row["id"], True)
    return {}


METHODS: Final = {
    "conversations.open": opened,
    "conversations.close": closed,
}
