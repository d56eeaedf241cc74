"""The page for people under ``/_twin/``: a world's calls, objects, faults and clock; plain HTML."""

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

from unlit.core.errors import InvalidInput
from unlit.twins.kit.faults import KINDS
from unlit.twins.kit.http import Reply, Request, Text
from unlit.twins.kit.world import World
from unlit.twins.measured import tier_of_call
from unlit.twins.model import Call, Exchanged
from unlit.twins.page_style import STYLE
from unlit.twins.universe import Universe

SHOWN_ROWS: Final = 50
SHOWN_CALLS: Final = 100
SHOWN_TEXT: Final = 6000
REFRESH_S: Final = 3
_REFUSAL: Final = re.compile(rb'"(?:error|errorCode|code)":"?([\w.-]{1,60})')
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


def page(universe: Universe, request: Request, service: str | None) -> Reply:
    """Render the page of one world, or do what a form asks and go back."""
    if request.method == "POST":
        return _act(universe, request)
    chosen = request.arg("world") or universe.default
    known = [world.id for world in universe.every_world()]
    live = request.arg("live") == "1"
    if chosen is None or chosen not in known:
        body = "<p>There is no world yet. <code>POST /_twin/worlds</code> makes one.</p>"
    else:
        body = "".join(_world(universe, universe.world(chosen), request, service))
    refresh = f"<meta http-equiv=refresh content={REFRESH_S}>" if live else ""
    text = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width,initial-scale=1'>{refresh}"
        f"<title>Twins: {escape(chosen or 'no world')}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>Twins</h1><p>{escape(', '.join(sorted(universe.by_service)))}</p>"
        f"{_worlds(known, chosen)}</header><main>{_notice(request)}{body}</main></body></html>"
    )
    headers = [("content-type", "text/html; charset=utf-8"), ("content-security-policy", _POLICY),
               ("cache-control", "no-store")]  # fmt: skip
    return Reply(200, Text(text), headers)


def _notice(request: Request) -> str:
    notice = request.arg("notice")
    return f"<p class=notice role=status>{escape(notice)}</p>" if notice else ""


def _worlds(known: list[str], chosen: str | None) -> str:
    links = "".join(
        f'<li><a href="/_twin/?world={quote(name)}"'
        f"{' aria-current=page' if name == chosen else ''}>{escape(name)}</a>"
        for name in known[-40:]
    )
    more = f"<li>and {len(known) - 40} older" if len(known) > 40 else ""
    return f"<nav aria-label=Worlds><ul>{links}{more}</ul></nav>"


def _world(
    universe: Universe, world: World, request: Request, service: str | None
) -> Iterator[str]:
    state = universe.state(world.id)
    yield _facts(world, sum(len(rows) for rows in state.values()))
    yield "<div class=columns><div>"
    yield _calls(universe, world, request)
    yield _objects(state)
    yield _kept(world)
    yield "</div><aside>"
    yield _clock(world)
    yield _fault_form(universe, world, service)
    yield _event_form(universe, world)
    yield _world_form(world)
    yield _deliveries(world)
    yield "</aside></div>"


def _facts(world: World, objects: int) -> str:
    armed = sum(len(rules) for rules in world.faults.rules().values())
    facts = {
        "World": escape(world.id),
        "Clock": world.moment().isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC"),
        "Time": "stands still" if world.clock.start is not None else "moves",
        "Calls": f"{len(world.calls):,}",
        "Objects": f"{objects:,}",
        "Faults armed": str(armed),
        "Rate limits": "on" if world.limits else "off",
        "Seed": str(world.seed),
    }
    return f"<dl class=facts>{''.join(f'<div><dt>{k}<dd>{v}</div>' for k, v in facts.items())}</dl>"


# --- calls
def _calls(universe: Universe, world: World, request: Request) -> str:
    word, only = request.arg("q") or "", request.arg("service") or ""
    bad, live = request.arg("bad") == "1", request.arg("live") == "1"
    found = [
        item for item in reversed(world.recent)
        if (not only or item.call.service == only)
        and (not bad or item.call.status >= 400 or item.call.fault or b'"ok":false' in item.answer)
        and (not word or _mentions(item, word))
    ][:SHOWN_CALLS]  # fmt: skip
    rows = "".join(_call(world, item) for item in found)
    none = "Nobody has called yet." if not world.calls else "No call is like that."
    return (
        f"<section aria-labelledby=calls><h2 id=calls>Calls <small>newest first, the last "
        f"{len(found)} of {len(world.calls):,}</small></h2>"
        f"{_filter(universe, world, word, only, bad, live)}"
        f"{f'<ol class=calls>{rows}</ol>' if rows else f'<p class=dim>{none}</p>'}</section>"
    )


def _filter(universe: Universe, world: World, word: str, only: str, bad: bool, live: bool) -> str:
    options = "".join(
        f"<option value='{escape(name)}'{' selected' if name == only else ''}>{escape(name)}"
        for name in sorted(universe.by_service)
    )
    return (
        '<form class=line action="/_twin/"><input type=hidden name=world '
        f'value="{escape(world.id)}"><label>Contains<input name=q value="{escape(word)}"></label>'
        f"<label>Service<select name=service><option value=''>all{options}</select></label>"
        f"<label class=tick><input type=checkbox name=bad value=1{' checked' if bad else ''}>"
        "refused or struck</label>"
        f"<label class=tick><input type=checkbox name=live value=1{' checked' if live else ''}>"
        f"again every {REFRESH_S} s</label><button>Show</button></form>"
    )


def _mentions(item: Exchanged, word: str) -> bool:
    call, wanted = item.call, word.casefold()
    return wanted in f"{call.route} {call.path}?{item.query}".casefold() or any(
        wanted.encode() in data.lower() for data in (item.request, item.answer)
    )


def _call(world: World, item: Exchanged) -> str:
    call = item.call
    refused = call.status >= 400 or b'"ok":false' in item.answer[:200]
    kind = "struck" if call.fault else ("bad" if refused else "good")
    at = datetime.fromtimestamp(call.at, UTC).strftime("%H:%M:%S.%f")[:-3]
    path = call.path + (f"?{item.query}" if item.query else "")
    fault = f" <em>{escape(call.fault)}</em>" if call.fault else ""
    said_no = _REFUSAL.search(item.answer[:400])
    why = f" <small>{escape(said_no[1].decode())}</small>" if said_no and refused else ""
    tier, measured = tier_of_call(call.service, call.route, call.tier)
    said = f"measured {measured['date']} on {measured['n']} calls" if measured else "not measured"
    again = _form(world, "fault", f"<input type=hidden name=service value='{escape(call.service)}'>"
                  f"<input type=hidden name=on value='{escape(_on(call))}'>"
                  "<label>Status<input name=status value=503 size=3></label>"
                  "<label>Times<input name=times value=1 size=2></label>",
                  "Strike this route next time")  # fmt: skip
    return (
        f"<li class={kind}><details><summary><time>{at}</time><b>{call.status}{fault}</b>"
        f"<span>{escape(call.service)}</span><span class=op>{escape(call.route or '(no route)')}"
        f"{why}</span><code>{escape(call.method)} {escape(path[:140])}</code></summary>"
        f"<p class=dim>Fidelity of this route: {escape(tier)}, {escape(said)}.</p>"
        f"<div class=pair><div><h3>Request</h3><pre>{_body(item.request)}</pre></div>"
        f"<div><h3>Answer</h3><pre>{_body(item.answer)}</pre></div></div>{again}</details>"
    )


def _on(call: Call) -> str:
    return call.route or f"{call.method} {call.path}"


def _body(data: bytes) -> str:
    if not data:
        return "<span class=dim>no body</span>"
    text = data[:SHOWN_TEXT].decode("utf-8", "replace")
    if len(data) <= SHOWN_TEXT and data[:1] in (b"{", b"["):
        with contextlib.suppress(ValueError):
            text = json.dumps(json.loads(data), indent=1, ensure_ascii=False)
    more = f"\n… {len(data) - SHOWN_TEXT:,} bytes more" if len(data) > SHOWN_TEXT else ""
    return escape(text + more)


# --- objects
def _objects(state: dict[str, list[dict[str, Any]]]) -> str:
    out = ["<section aria-labelledby=objects><h2 id=objects>Objects</h2>"]
    for name, rows in sorted(state.items()):
        count = f"<span class=count>{len(rows)}</span>"
        out.append(f"<details><summary><b>{escape(name)}</b> {count}</summary>")
        if rows:
            keys = list(dict.fromkeys(key for row in rows[:SHOWN_ROWS] for key in row))
            head = "".join(f"<th scope=col>{escape(str(key))}" for key in keys)
            out.append(f"<div class=wide><table><tr>{head}</tr>")
            out += [
                "<tr>" + "".join(f"<td>{_cell(row.get(key))}" for key in keys) + "</tr>"
                for row in rows[:SHOWN_ROWS]
            ]
            out.append("</table></div>")
        if len(rows) > SHOWN_ROWS:
            out.append(f"<p class=dim>{len(rows) - SHOWN_ROWS} more; /_twin/state has all.</p>")
        out.append("</details>")
    return "".join(out) + "</section>"


def _kept(world: World) -> str:
    """Show every table with its newest rows, as the twin keeps them."""
    rows = []
    for name, table in sorted(world.tables.items()):
        if not len(table):
            continue
        newest = [key for _, key in zip(range(5), reversed(table), strict=False)]
        shown = {str(key): table[key] for key in newest}
        text = json.dumps(shown, indent=1, ensure_ascii=False, default=str)[:SHOWN_TEXT]
        rows.append(
            f"<details><summary>{escape(name)} <span class=count>{len(table)}</span></summary>"
            f"<pre>{escape(text)}</pre></details>"
        )
    return (
        "<section aria-labelledby=kept><h2 id=kept>Everything kept <small>the newest five of each "
        f"table</small></h2><details><summary>{len(rows)} tables</summary>{''.join(rows)}"
        "</details></section>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "<span class=dim>null</span>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return escape(text[:300])


# --- what one can do
def _form(world: World, action: str, fields: str, button: str, kind: str = "line") -> str:
    return (
        f'<form class={kind} method=post action="/_twin/">'
        f'<input type=hidden name=world value="{escape(world.id)}">'
        f"<input type=hidden name=action value={action}>{fields}<button>{button}</button></form>"
    )


def _select(name: str, label: str, options: list[str], chosen: str | None) -> str:
    inner = "".join(
        f"<option{' selected' if option == chosen else ''}>{escape(option)}" for option in options
    )
    return f"<label>{label}<select name={name}>{inner}</select></label>"


def _clock(world: World) -> str:
    fields = "<label>Seconds<input name=seconds value=60 size=8 inputmode=decimal></label>"
    return f"<section><h2>Clock</h2>{_form(world, 'advance', fields, 'Move forward')}</section>"


def _fault_form(universe: Universe, world: World, service: str | None) -> str:
    armed = "".join(
        f"<tr><td>{escape(name)}<td><code>{escape(rule['on'])}</code><td>{escape(rule['kind'])} "
        f"{rule['status'] or ''}<td>{rule['struck']} of {rule['times'] or 'always'}</tr>"
        for name, rules in world.faults.rules().items()
        for rule in rules
    )
    head = "<tr><th scope=col>Service<th scope=col>On<th scope=col>What<th scope=col>Struck</tr>"
    table = f"<table>{head}{armed}</table>" if armed else "<p class=dim>None is armed.</p>"
    fields = (
        _select("service", "Service", sorted(universe.by_service), service)
        + '<label>On<input name=on value="*" size=24></label>'
        + _select("kind", "What", list(KINDS), "status")
        + "<label>Status<input name=status value=503 size=4></label>"
        "<label>Times<input name=times value=1 size=3></label>"
        "<label>Retry-After<input name=retry_after size=4></label>"
        "<label>Latency s<input name=latency_s size=4></label>"
    )
    clear = _form(world, "disarm", "", "Disarm all") if armed else ""
    return f"<section><h2>Faults</h2>{table}{clear}{_form(world, 'fault', fields, 'Arm')}</section>"


def _event_form(universe: Universe, world: World) -> str:
    names = sorted(universe.by_service)
    fields = (
        _select("service", "Service", names, "slack" if "slack" in names else None)
        + "<label>Event<input name=event value=message size=18></label>"
        "<label class=whole>Data (JSON)<textarea name=data rows=3>"
        + escape('{"channel": "general", "text": "hello"}')
        + "</textarea></label>"
    )
    form = _form(world, "event", fields, "Let it happen")
    return f"<section><h2>Something happens</h2>{form}</section>"


def _world_form(world: World) -> str:
    saved = list(world.saved)
    choice = _select("snapshot", "Snapshot", saved, saved[-1] if saved else None)
    back = _form(world, "restore", choice, "Go back")
    return (
        "<section><h2>World</h2><div class=buttons>"
        + _form(world, "snapshot", "", "Take a snapshot")
        + _form(world, "fork", "", "Fork")
        + _form(world, "limits", "", f"Rate limits {'off' if world.limits else 'on'}")
        + _form(world, "reset", "", "Reset")
        + f"</div>{back if saved else ''}</section>"
    )


def _deliveries(world: World) -> str:
    sent = [
        row
        for name, table in world.tables.items()
        if name.endswith(".deliveries")
        for row in table.values()
    ][-20:]
    waiting = f"<p>{len(world.outbox)} wait to be sent.</p>" if world.outbox else ""
    rows = "".join(
        f"<tr><td>{escape(str(row['kind']))}<td>{row['status'] or '-'} {escape(row['why'])}"
        f"<td>{row['attempt'] + 1}<td>{escape(str(row['url'])[:80])}</tr>"
        for row in reversed(sent)
        if isinstance(row, dict) and {"kind", "status", "attempt", "url", "why"} <= set(row)
    )
    head = "<tr><th scope=col>Event<th scope=col>Answer<th scope=col>Attempt<th scope=col>To</tr>"
    table = f"<table>{head}{rows}</table>" if rows else "<p class=dim>None was sent.</p>"
    return f"<section><h2>Webhooks</h2>{waiting}{table}</section>"


def _act(universe: Universe, request: Request) -> Reply:
    fields = dict(request.form())
    world = fields.get("world", "")
    target = universe.world(world)
    action = fields.get("action")
    notice = "Done."
    if action == "advance":
        universe.advance(world, _number(fields.get("seconds", "")))
        notice = "The clock has moved."
    elif action == "fault":
        notice = _arm(universe, world, fields)
    elif action == "disarm":
        target.faults.clear()
        notice = "No fault is armed."
    elif action == "event":
        universe.emit(world, fields.get("service", ""), fields.get("event", ""), _data(fields))
        notice = "It happened."
    elif action == "snapshot":
        notice = f"Snapshot {universe.snapshot(world)} is kept."
    elif action == "restore":
        universe.restore(world, fields.get("snapshot", ""))
        notice = "The world is as it was then."
    elif action == "fork":
        world = universe.fork(world)
        notice = "This is the fork."
    elif action == "limits":
        target.limits = not target.limits
        notice = f"Rate limits are {'on' if target.limits else 'off'}."
    elif action == "reset":
        universe.reset(world)
        notice = "The world is as it was made."
    else:
        raise _refused("the form names no action")
    return Reply(303, None, [("location", f"/_twin/?world={quote(world)}&notice={quote(notice)}")])


def _arm(universe: Universe, world: str, fields: dict[str, str]) -> str:
    names = ("on", "kind", "status", "times", "retry_after", "latency_s")
    rule = {name: fields[name] for name in names if fields.get(name)}
    if rule.get("kind", "status") != "status":
        rule.pop("status", None)
    universe.arm(world, fields.get("service", ""), [rule])
    return f"The fault on {rule.get('on')} is armed."


def _data(fields: dict[str, str]) -> Any:
    try:
        return json.loads(fields.get("data") or "{}")
    except ValueError as error:
        raise _refused("the data is no JSON") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _refused(f"{text!r} is no number of seconds") from error


def _refused(why: str) -> InvalidInput:
    return InvalidInput("TWN-120", "The form cannot be used.", why + ".", "go back and correct it.")
