"""Searching: both paging families, counting, parsing, autocompletion."""

import base64
import binascii
from typing import Any, Final

from unlit.twins.kit.twin import VendorError
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.jql import functions, parse, run, tokens
from unlit.twins.services.jira.jql.functions import Asking
from unlit.twins.services.jira.jql.model import JqlError, Query
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands
from unlit.twins.services.jira.site import refuse

routes = Routes()
_EXPANDS: Final = "schema,names"


def asking(ask: Ask) -> Asking:
    """Return on whose behalf the call searches."""
    return Asking(ask.site, ask.me, ask.site.world.now())


def run_query(ask: Ask, jql: str) -> tuple[Query, list[Row]]:
    """Run a query; a wrong one is the vendor's 400."""
    try:
        query = parse.parse(jql)
        return query, run.search(query, asking(ask))
    except JqlError as error:
        refusal = refuse(400, *str(error).split("\n"))
        if ask.site.cloud:
            refusal.detail["warnings"] = []
        raise refusal from error


def _arguments(ask: Ask) -> Row:
    if ask.request.method == "GET":
        out: Row = {
            k: ask.arg(k) for k in ("jql", "nextPageToken") if ask.request.arg(k) is not None
        }
        for name in ("fields", "expand", "properties"):
            if ask.request.arg(name) is not None:
                out[name] = ask.many(name)
        for name in ("startAt", "maxResults"):
            if ask.request.arg(name) is not None:
                out[name] = ask.whole(name, 0)
        if ask.request.arg("validateQuery"):
            out["validateQuery"] = ask.arg("validateQuery")
        return out
    body = ask.body()
    for name in ("startAt", "maxResults"):
        if name in body and (isinstance(body[name], bool) or not isinstance(body[name], int)):
            raise refuse(
                400, "Invalid request payload. Refer to the REST API documentation and try again."
            )
    expand = body.get("expand")
    if isinstance(expand, str):
        body = {**body, "expand": [part.strip() for part in expand.split(",")]}
    return body


@routes.add("GET", "search", "searchForIssuesUsingJql")
@routes.add("POST", "search", "searchForIssuesUsingJqlPost")
def old_search(ask: Ask) -> Any:
    """Search with startAt, maxResults and total."""
    arguments = _arguments(ask)
    jql = arguments.get("jql") or ""
    lenient = str(arguments.get("validateQuery", "strict")).lower() in ("warn", "none", "false")
    warnings: list[str] = []
    try:
        _, found = run_query(ask, jql)
    except VendorError as error:
        if not lenient:
            raise
        warnings, found = list(error.detail.get("messages", ())), []
    start = max(0, int(arguments.get("startAt") or 0))
    asked = arguments.get("maxResults")
    count = 50 if asked is None else max(0, min(1000 if not ask.site.cloud else 100, int(asked)))
    part = found[start : start + count]
    out: Row = {"expand": _EXPANDS} if part else {}
    out |= {
        "startAt": start,
        "maxResults": count,
        "total": len(found),
        "issues": _shown(ask, part, arguments, default="*navigable"),
    }
    _described(ask, out, arguments)
    if warnings:
        out["warningMessages"] = warnings
    return out


def _shown(ask: Ask, rows: list[Row], arguments: Row, *, default: str) -> list[Row]:
    out: list[Row] = []
    fields = arguments.get("fields") or []
    wanted = set(arguments.get("expand") or ())
    properties = arguments.get("properties") or []
    for row in rows:
        every = ask.render.all_fields(row)
        names = expands.selected([str(f) for f in fields], every, default=default)
        if names == ["id"]:
            link = f"{ask.render.api}/issue/{row['id']}"
            out.append(
                {"id": row["id"], "self": link, "key": row["key"]}
                if "key" in fields
                else {"id": row["id"]}
            )
            continue
        body = ask.render.issue(row, names)
        body["expand"] = ask.render.expandable(found=True)
        expands.expand(ask, row, body, wanted - {"names", "schema"})
        if properties:
            body["properties"] = expands.properties(ask, row, properties)
        out.append(body)
    return out


def _described(ask: Ask, out: Row, arguments: Row) -> None:
    wanted = set(arguments.get("expand") or ())
    definitions = ask.site.table("fields")
    names = list(dict.fromkeys(n for issue in out["issues"] for n in issue.get("fields", ())))
    if "names" in wanted:
        out["names"] = {n: definitions[n]["name"] for n in names if n in definitions}
    if "schema" in wanted:
        out["schema"] = {
            n: definitions[n]["schema"]
            for n in names
            if n in definitions and "schema" in definitions[n]
        }


@routes.add("GET", "search/jql", "searchAndReconsileIssuesUsingJql")
@routes.add("POST", "search/jql", "searchAndReconsileIssuesUsingJqlPost")
def token_search(ask: Ask) -> Any:
    """Search with nextPageToken and without a total."""
    arguments = _arguments(ask)
    jql = str(arguments.get("jql") or "").strip()
    query, found = run_query(ask, jql)
    if query.where is None:
        raise refuse(
            400,
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your "
            "query.",
        )
    start = position(arguments.get("nextPageToken"), jql)
    asked = arguments.get("maxResults")
    count = 50 if asked is None else min(5000, int(asked))
    if count < 0:
        raise refuse(400, "maxResults must be between 1 and 5000")
    count = count or 50
    part = found[start : start + count]
    out: Row = {"issues": _shown(ask, part, arguments, default="id")}
    _described(ask, out, arguments)
    more = start + count < len(found)
    if more:
        out["nextPageToken"] = token(start + count, jql)
    out["isLast"] = not more
    return out


def token(start: int, jql: str) -> str:
    """Return the token of the page that begins at a place."""
    return base64.urlsafe_b64encode(f"String&{start}&{jql}".encode()).decode()


def position(given: Any, jql: str) -> int:
    """Return where the page of a token begins; a token of another query is refused."""
    if not given:
        return 0
    try:
        kind, start, asked = base64.urlsafe_b64decode(str(given)).decode().split("&", 2)
        if kind == "String" and asked == jql:
            return int(start)
    except (ValueError, binascii.Error, UnicodeDecodeError):
        pass
    raise refuse(400, "Invalid nextPageToken. Please check the token and try again.")


@routes.add("POST", "search/approximate-count", "countIssues")
def count(ask: Ask) -> Any:
    """Return how many issues match."""
    jql = str(ask.body().get("jql") or "")
    query, found = run_query(ask, jql)
    if query.where is None:
        raise refuse(
            400,
            "Unbounded JQL queries are not allowed here. Please add a search restriction to "
            "your query.",
        )
    return {"count": len(found)}


@routes.add("POST", "jql/match", "matchIssues")
def match(ask: Ask) -> Any:
    """Say which of some issues match which queries."""
    body = ask.body()
    ids = {str(item) for item in body.get("issueIds") or []}
    out: list[Row] = []
    for jql in body.get("jqls") or []:
        try:
            found = run.search(parse.parse(jql), asking(ask))
            out.append(
                {"matchedIssues": [int(r["id"]) for r in found if r["id"] in ids], "errors": []}
            )
        except JqlError as error:
            out.append({"matchedIssues": [], "errors": str(error).split("\n")})
    return {"matches": out}


@routes.add("POST", "jql/parse", "parseJqlQueries")
def parse_queries(ask: Ask) -> Any:
    """Parse queries; say what is wrong with each."""
    out: list[Row] = []
    for given in ask.body().get("queries") or []:
        jql = str(given)
        try:
            query = parse.parse(jql)
            run.search(query, asking(ask))
            out.append({"query": jql, "structure": _structure(query)})
        except JqlError as error:
            out.append({"query": jql, "errors": str(error).split("\n")})
    return {"queries": out}


def _structure(query: Query) -> Row:
    out: Row = {}
    if query.where is not None:
        out["where"] = _condition(query.where)
    if query.order:
        out["orderBy"] = {
            "fields": [
                {"field": {"name": s.field}}
                | ({} if s.descending is None else {"direction": "desc" if s.descending else "asc"})
                for s in query.order
            ]
        }
    return out


def _condition(node: Any) -> Row:
    from unlit.twins.services.jira.jql import model

    if isinstance(node, model.Not):
        return {"operator": "not", "clauses": [_condition(node.inner)]}
    if isinstance(node, model.Group):
        return {"operator": node.word, "clauses": [_condition(part) for part in node.parts]}
    out: Row = {"field": {"name": node.field}, "operator": node.operator}
    if node.operand is not None:
        out["operand"] = _operand(node.operand)
    if node.operator.startswith(("was", "changed")):
        out["predicates"] = [
            {"operator": p.name, "operand": _operand(p.operand)} for p in node.predicates
        ]
    return out


def _operand(node: Any) -> Row:
    from unlit.twins.services.jira.jql import model

    if isinstance(node, model.Values):
        return {"values": [_operand(item) for item in node.items]}
    if isinstance(node, model.Call):
        return {"function": node.name, "arguments": list(node.args)}
    if isinstance(node, model.Empty):
        return {"keyword": "empty"}
    return {"value": node.text}


@routes.add("GET", "jql/autocompletedata", "getAutoComplete")
def autocomplete(ask: Ask) -> Any:
    """Return what queries may use."""
    fields = [
        {
            "value": d["clauseNames"][0],
            "displayName": d["name"],
            "orderable": "true",
            "searchable": str(d["searchable"]).lower(),
            "operators": ["=", "!=", "in", "not in", "is", "is not"],
            "types": ["java.lang.String"],
        }
        for d in ask.site.table("fields").values()
        if d["clauseNames"]
    ]
    names = [
        {"value": f"{n}()", "displayName": f"{n}()", "types": ["java.lang.String"]}
        for n in functions.NAMES
    ]
    return {
        "visibleFieldNames": fields,
        "visibleFunctionNames": names,
        "jqlReservedWords": sorted(tokens.RESERVED),
    }


__all__ = ["asking", "routes", "run_query"]
