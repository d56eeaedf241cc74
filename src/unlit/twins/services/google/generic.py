"""Every other route of Google's discovery documents: truthful emptiness, or a loud refusal."""

from collections.abc import Iterator
from typing import Any, Final

from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.google import errors
from unlit.twins.services.google.call import Ask, Row, handler
from unlit.twins.services.google.schemas import contract


def routes() -> Iterator[Route]:
    """Yield a route for each operation of the discovery documents."""
    for operation in contract().operations:
        answer = EMPTY.get(operation.op)
        made = handler(answer) if answer is not None else _refusal(operation.op)
        yield Route(
            operation.method,
            operation.template,
            made,
            operation.op,
            tier="contract",
            scopes=operation.scopes,
            extra=operation,
        )


def _refusal(op: str) -> Handler:
    def refuse(exchange: Exchange) -> Any:
        text = f"The twin does not do {op}."
        if op.startswith("drive."):
            raise errors.drive(501, "notImplemented", text)
        raise errors.rpc(501, text)

    return refuse


def _file(ask: Ask) -> Row:
    from unlit.twins.services.google.drive import files

    return files.the_file(ask)


def _labels(ask: Ask) -> Any:
    _file(ask)
    return ask.masked({"kind": "drive#labelList", "labels": []})


def _proposals(ask: Ask) -> Any:
    _file(ask)
    return ask.masked({"accessProposals": []})


def _approvals(ask: Ask) -> Any:
    _file(ask)
    return ask.masked({"kind": "drive#approvalList", "items": []})


def _apps(ask: Ask) -> Any:
    return ask.masked({"kind": "drive#appList", "defaultAppIds": [], "items": []})


# Lists of things that no route of the twin can make: they are truly empty.
EMPTY: Final = {
    "drive.files.listLabels": _labels,
    "drive.accessproposals.list": _proposals,
    "drive.approvals.list": _approvals,
    "drive.apps.list": _apps,
}
