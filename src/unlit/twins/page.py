"""The page for people under ``/_twin/``: worlds, objects, calls, faults, clock; plain HTML."""

import json
from html import escape
from typing import Any, Final
from urllib.parse import quote

from unlit.core.errors import InvalidInput
from unlit.twins.kit.http import Reply, Request, Text
from unlit.twins.kit.world import World
from unlit.twins.universe import Universe

SHOWN_ROWS: Final = 50
SHOWN_CALLS: Final = 100
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--dim:#777}
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
td,pre{overflow-wrap:anywhere}pre{white-space:pre-wrap;font-size:.8rem;margin:.3rem 0}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:.5rem 0}
label{display:flex;flex-direction:column;font-size:.8rem;color:var(--dim)}
input,select,button{font:inherit;padding:.2rem .4rem}
nav a{margin-right:.8rem}.bad{font-weight:600}.dim{color:var(--dim)}
"""


def page(universe: Universe, request: Request, service: str | None) -> Reply:
    """Render the page of one world, or do what a form asks and go back."""
    if request.method == "POST":
        return _act(universe, request, service)
    chosen = request.arg("world") or universe.default
    known = [world.id for world in universe.every_world()]
    notice = request.arg("notice")
    parts = [f"<p role=status>{escape(notice)}</p>"] if notice else []
    if chosen is None or chosen not in known:
        parts.append("<p>There is no world yet. POST /_twin/worlds makes one.</p>")
    else:
        parts += _world(universe, universe.world(chosen), service)
    links = "".join(
        f'<a href="/_twin/?world={quote(name)}"'
        f"{' aria-current=page' if name == chosen else ''}>{escape(name)}</a>"
        for name in known[-40:]
    )
    text = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><title>Twins</title>"
        f"<style>{_STYLE}</style></head><body><main><h1>Twins: "
        f"{escape(', '.join(sorted(universe.by_service)))}</h1>"
        f"<nav aria-label=Worlds>{links}</nav>{''.join(parts)}</main></body></html>"
    )
    return Reply(200, Text(text), [("content-type", "text/html; charset=utf-8"),
                                   ("content-security-policy", "default-src 'none'; "
                                    "style-src 'unsafe-inline'; form-action 'self'")])  # fmt: skip


def _world(universe: Universe, world: World, service: str | None) -> list[str]:
    when = world.moment().isoformat(timespec="seconds")
    state = "stands until it is advanced" if world.clock.start is not None else "moves"
    limits = "on" if world.limits else "off"
    options = "".join(
        f"<option{' selected' if name == service else ''}>{escape(name)}</option>"
        for name in sorted(universe.by_service)
    )
    select = f"<label>Service<select name=service>{options}</select></label>"
    talking = select.replace(" selected", "").replace("<option>slack", "<option selected>slack")
    return [
        f"<p>World <b>{escape(world.id)}</b>, seed {world.seed}; clock {when} ({state}); "
        f"rate limits {limits}; {len(world.calls)} calls.</p>",
        _form(world, "advance", '<label>Seconds<input name=seconds value=60 size=6></label>',
              "Advance the clock"),
        _form(world, "fault", select + '<label>On<input name=on value="*" size=28></label>'
              "<label>Status<input name=status value=503 size=4></label>"
              "<label>Times<input name=times value=1 size=3></label>"
              "<label>Retry-After<input name=retry_after size=4></label>", "Inject a fault"),
        _form(world, "event", talking + "<label>Event<input name=event value=message></label>"
              "<label>Data (JSON)<input name=data size=40 "
              "value='{&quot;channel&quot;: &quot;general&quot;, &quot;text&quot;: "
              "&quot;hello&quot;}'></label>", "Let it happen"),
        _form(world, "reset", "", "Reset the world"),
        _faults(world),
        _state(universe, world),
        _calls(world),
    ]  # fmt: skip


def _form(world: World, action: str, fields: str, button: str) -> str:
    return (
        '<form method=post action="/_twin/">'
        f'<input type=hidden name=world value="{escape(world.id)}">'
        f"<input type=hidden name=action value={action}>{fields}<button>{button}</button></form>"
    )


def _faults(world: World) -> str:
    rows = "".join(
        f"<tr><td>{escape(service)}<td>{escape(rule['on'])}<td>{escape(rule['kind'])}"
        f"<td>{rule['status'] or ''}<td>{rule['struck']} of {rule['times'] or 'always'}</tr>"
        for service, rules in world.faults.rules().items()
        for rule in rules
    )
    if not rows:
        return "<h2>Faults</h2><p class=dim>None is armed.</p>"
    head = "<tr><th>Service<th>On<th>Kind<th>Status<th>Struck</tr>"
    return f"<h2>Faults</h2><table>{head}{rows}</table>"


def _state(universe: Universe, world: World) -> str:
    out = ["<h2>Objects</h2>"]
    for name, rows in sorted(universe.state(world.id).items()):
        out.append(f"<details><summary>{escape(name)}: {len(rows)}</summary>")
        if rows:
            keys = list(dict.fromkeys(key for row in rows[:SHOWN_ROWS] for key in row))
            head = "".join(f"<th>{escape(str(key))}" for key in keys)
            out.append(f"<table><tr>{head}</tr>")
            out += [
                "<tr>" + "".join(f"<td>{_cell(row.get(key))}" for key in keys) + "</tr>"
                for row in rows[:SHOWN_ROWS]
            ]
            out.append("</table>")
        if len(rows) > SHOWN_ROWS:
            out.append(f"<p class=dim>{len(rows) - SHOWN_ROWS} more; /_twin/state has all.</p>")
        out.append("</details>")
    return "".join(out)


def _cell(value: Any) -> str:
    if value is None:
        return "<span class=dim>null</span>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return escape(text[:300])


def _calls(world: World) -> str:
    recent = world.recent[-SHOWN_CALLS:]
    if not recent:
        return "<h2>Calls</h2><p class=dim>Nobody has called yet.</p>"
    rows = []
    for item in reversed(recent):
        call = item.call
        bad = " class=bad" if call.status >= 400 else ""
        path = call.path + (f"?{item.query}" if item.query else "")
        fault = f" ({escape(call.fault)})" if call.fault else ""
        rows.append(
            f"<tr><td{bad}>{call.status}{fault}<td>{escape(call.service)}<td>{escape(call.method)}"
            f"<td><details><summary>{escape(path[:160])}</summary>"
            f"<pre>{_body(item.request)}</pre><pre>{_body(item.answer)}</pre></details>"
            f"<td>{escape(call.tier)}</tr>"
        )
    head = "<tr><th>Status<th>Service<th>Method<th>Path, request and answer<th>Made</tr>"
    return f"<h2>Calls, newest first</h2><table>{head}{''.join(rows)}</table>"


def _body(data: bytes) -> str:
    text = data[:4000].decode("utf-8", "replace")
    return escape(text) if text else "<span class=dim>no body</span>"


def _act(universe: Universe, request: Request, service: str | None) -> Reply:
    fields = dict(request.form())
    world = fields.get("world", "")
    universe.world(world)
    action = fields.get("action")
    notice = "Done."
    if action == "advance":
        universe.advance(world, _number(fields.get("seconds", "")))
    elif action == "fault":
        rule = {
            key: fields[key] for key in ("on", "status", "times", "retry_after") if fields.get(key)
        }
        universe.arm(world, fields.get("service", ""), [rule])
        notice = "The fault is armed."
    elif action == "event":
        try:
            data = json.loads(fields.get("data") or "{}")
        except ValueError as error:
            raise _refused("the data is no JSON") from error
        universe.emit(world, fields.get("service", ""), fields.get("event", ""), data)
        notice = "It happened."
    elif action == "reset":
        universe.reset(world)
        notice = "The world is as it was made."
    else:
        raise _refused("the form names no action")
    place = f"/_twin/?world={quote(world)}&notice={quote(notice)}"
    return Reply(303, None, [("location", place)])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _refused(f"{text!r} is no number of seconds") from error


def _refused(why: str) -> InvalidInput:
    return InvalidInput("TWN-120", "The form cannot be used.", why + ".", "go back and correct it.")
