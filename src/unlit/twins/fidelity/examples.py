"""A contract's own examples as interactions: what its vendor shows of answers nobody recorded.

Only their keys, nulls and enumerated words are learnt; the words come from the contract's schemas,
so that no example's name or text gets into a table.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.router import Match, Route, Router

_METHODS: Final = ("get", "post", "put", "patch")
_LONGEST: Final = 60


def words(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the property names, enumerated words and defaults of a document's schemas."""
    found: set[str] = set()
    _collect((document.get("components") or {}).get("schemas") or {}, found)
    _collect(document.get("paths") or {}, found)
    return frozenset(word for word in found if len(word) < _LONGEST)


def _collect(value: Any, found: set[str]) -> None:
    if isinstance(value, list):
        for inner in value:
            _collect(inner, found)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name in ("example", "examples", "x-examples"):
            continue
        if name == "enum" and isinstance(inner, list):
            found.update(word for word in inner if isinstance(word, str))
        elif name == "properties" and isinstance(inner, dict):
            found.update(str(key) for key in inner)
        elif name in ("default", "const") and isinstance(inner, str):
            found.add(inner)
        _collect(inner, found)


def interactions(document: Mapping[str, Any], contract: Contract) -> Iterator[dict[str, Any]]:
    """Yield a row for each example of a success, in the form of a recording's rows."""
    router = Router(
        tuple(
            Route(o.method, o.template, _never, o.op, extra=o)
            for o in contract.operations
            if o.method == "GET"
        )
    )
    for template, methods in (document.get("paths") or {}).items():
        for method in _METHODS:
            known = contract.by_route.get((method.upper(), template))
            if known is None or not isinstance(methods.get(method), dict):
                continue
            yield from _of(document, methods[method], known, router)


def _of(
    document: Mapping[str, Any], operation: Mapping[str, Any], known: Operation, router: Router
) -> Iterator[dict[str, Any]]:
    asked = dict(_examples(document, operation.get("requestBody")))
    for status, response in (operation.get("responses") or {}).items():
        if not str(status).startswith("2"):
            continue
        for name, body in _examples(document, response):
            for item in body if isinstance(body, list) else [body]:
                if isinstance(item, dict):
                    yield {
                        "method": known.method,
                        "upath": _path(known.template, item, router),
                        "status": int(status) if str(status).isdigit() else 200,
                        "req_body": _asked(asked, name, item) if known.method != "GET" else None,
                        "resp_body": item,
                        "cassette": f"{known.op} {name}",
                    }


def _asked(asked: Mapping[str, Any], name: str, body: Mapping[str, Any]) -> Any:
    """Return the request that an answer's example belongs to: of the same name, or the likest."""
    for stem in (name, name.replace("Response", "Request"), name.removesuffix("Response")):
        if stem in asked:
            return asked[stem]
    tables = [value for value in asked.values() if isinstance(value, dict)]
    return max(tables, key=lambda value: _alike(value, body), default=None)


def _alike(sent: Mapping[str, Any], body: Mapping[str, Any]) -> int:
    return sum(1 for key, value in sent.items() if body.get(key) == value)


def _examples(document: Mapping[str, Any], holder: Any) -> Iterator[tuple[str, Any]]:
    holder = _resolved(document, holder)
    for media in (holder.get("content") or {}).values():
        if "example" in media:
            yield "", media["example"]
        for name, example in (media.get("examples") or {}).items():
            found = _resolved(document, example)
            if "value" in found:
                yield str(name), found["value"]


def _resolved(document: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        return {}
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return value
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _path(template: str, item: Mapping[str, Any], router: Router) -> str:
    """Return the path an example was answered at, as far as its link to itself tells."""
    links = item.get("_links")
    own = links.get("self") if isinstance(links, dict) else None
    href = own.get("href") if isinstance(own, dict) else None
    params: dict[str, str] = {}
    if isinstance(href, str):
        found = router.match("GET", unquote(urlsplit(href.replace("{", "").replace("}", "")).path))
        if isinstance(found, Match):
            params = found.params
    parts = template.split("/")
    for place, part in enumerate(parts):
        if part.startswith("{") and part.endswith("}"):
            last = place == len(parts) - 1
            own_id = item.get("id") if last else None
            parts[place] = str(params.get(part[1:-1]) or own_id or f"_{part[1:-1]}")
    return "/".join(parts)


def _never(call: Any) -> Any:
    raise AssertionError("a route for looking up only")
