"""All runs: facets, find, views with a name, pages by keyset; and what the palette finds."""

from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from unlit.console import views
from unlit.console.board import group_of
from unlit.console.queries import Cursor
from unlit.console.views import STATES, Filter
from unlit.console.web import Page

PAGE: Final = 50
_FOUND: Final = 8
_FACETS: Final = 8


def runs(page: Page) -> Response:
    """Show one page of runs, or its JSON."""
    chosen = Filter.of(page.request.url.query)
    found = page.queries.runs(
        states=[chosen.state] if chosen.state else (),
        text=chosen.q,
        where={"agent": chosen.agent, "spec_id": chosen.spec},
        after=Cursor.parse(page.param("after")),
        limit=PAGE + 1,
    )
    rows, more = found[:PAGE], len(found) > PAGE
    ids = [row.id for row in rows]
    shares = page.queries.shares(ids) if ids else {}
    last = rows[-1] if rows else None
    after = Cursor(last.created_at.isoformat(), last.id).text() if last and more else ""
    if page.wants_json:
        plain = [
            {"run": row.id, "title": row.title, "state": row.state.value, "verdict": row.verdict,
             "created_at": row.created_at.isoformat()}
            for row in rows
        ]  # fmt: skip
        return page.json({"schema": "unlit.runs/1", "runs": plain, "after": after or None})
    counts = page.queries.counts("state")
    facts: dict[str, Any] = {
        "rows": rows,
        "shares": {
            name: [share for share in lines if share.partition == "validation"]
            for name, lines in shares.items()
        },
        "spent": page.queries.spent(ids) if ids else {},
        "after": after,
        "chosen": chosen,
        "counts": [(name, counts[name]) for name in STATES if counts.get(name)],
        "facets": _facets(page, chosen),
        "views": _views(page),
        "total": sum(counts.values()),
        "group_of": group_of,
        "is_first": not page.param("after"),
    }
    return page.render("runs_rows.html" if page.is_partial else "runs.html", **facts)


def _facets(page: Page, chosen: Filter) -> list[tuple[str, str, list[tuple[str, int]], int]]:
    """Return title, field, the most frequent values and how many more there are."""
    found = []
    for title, name, column in (("Written by", "agent", "agent"), ("Spec", "spec", "spec_id")):
        counts = page.queries.counts(column)
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        mine = getattr(chosen, name)
        shown = ordered[:_FACETS]
        if mine and mine not in dict(shown):
            shown.append((mine, counts.get(mine, 0)))
        if len(ordered) > 1 or mine:
            found.append((title, name, shown, max(0, len(ordered) - len(shown))))
    return found


def _views(page: Page) -> tuple[views.View, ...]:
    return views.read(page.request.cookies.get(views.COOKIE, ""))


def keep_view(page: Page) -> Response:
    """Give the filter a name, or forget one; both are of this browser alone."""
    known = _views(page)
    if page.form.get("forget"):
        kept, target = views.forget(known, page.form["forget"]), Filter()
    else:
        target = Filter.of(page.form.get("query", ""))
        kept = views.keep(known, page.form.get("name", ""), target.query())
    answer = RedirectResponse(target.where(), 303)
    answer.set_cookie(
        views.COOKIE, views.write(kept), max_age=views.KEPT_S, httponly=True, samesite="lax",
        secure=page.console.secure, path="/",
    )  # fmt: skip
    return answer


def find(page: Page) -> Response:
    """Answer the palette: runs and specs whose title, name or id has the text."""
    text = page.param("q").strip()[:100]
    if not text:
        return page.json({"found": []})
    rows = page.queries.runs(text=text, limit=_FOUND)
    specs = page.console.place.specs
    names = sorted(path.stem for path in specs.glob("*.md"))[:500] if specs is not None else []
    found = [
        {"words": row.title[:120], "more": f"run {row.id}, {row.state.value}",
         "to": f"/runs/{row.id}"}
        for row in rows
    ]  # fmt: skip
    found += [
        {"words": name, "more": "spec", "to": f"/intents/{name}"}
        for name in names
        if text.lower() in name.lower()
    ][:_FOUND]
    return page.json({"found": found})
