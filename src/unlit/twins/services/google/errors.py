"""Google's errors: the older form of Drive and the newer one of Docs and Sheets."""

from typing import Any, Final

from unlit.twins.kit.twin import VendorError

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
REASONS: Final = {
    400: "badRequest",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    410: "updatedMinTooLongAgo",
    412: "conditionNotMet",
    416: "requestedRangeNotSatisfiable",
    429: "rateLimitExceeded",
    500: "internalError",
    501: "notImplemented",
    503: "backendError",
}


def drive(
    status: int,
    reason: str,
    message: str,
    *,
    location: str | None = None,
    kind: str | None = None,
    domain: str = "global",
    outer: str | None = None,
    details: list[Any] | None = None,
) -> VendorError:
    """Return an error in Drive's form.

    Args:
        status: HTTP status.
        reason: Drive's word for why.
        message: Drive's text.
        location: Which parameter or header is wrong.
        kind: ``parameter`` or ``header``.
        domain: Whose reason it is.
        outer: Text of what stands before Drive and refuses in its place, with its own status.
        details: What that one adds.
    """
    return VendorError(
        status, "drive", message, reason=reason, location=location, kind=kind, domain=domain,
        outer=outer, details=details,
    )  # fmt: skip


def rpc(
    status: int, message: str, *, code: str | None = None, details: list[Any] | None = None
) -> VendorError:
    """Return an error in the form of Docs and Sheets."""
    return VendorError(
        status, "rpc", message, rpc=code or STATUSES.get(status, "UNKNOWN"), details=details
    )


def invalid(message: str) -> VendorError:
    """Return a 400 INVALID_ARGUMENT."""
    return rpc(400, message)


def violated(*problems: tuple[str, str]) -> VendorError:
    """Return the 400 of a body that does not fit the schema: (field, description) each."""
    details = [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {"field": field, "description": text} if field else {"description": text}
                for field, text in problems
            ],
        }
    ]
    return rpc(400, "\n".join(text for _, text in problems), details=details)


def body_of(error: VendorError) -> dict[str, Any]:
    """Render an error."""
    if error.code == "drive":
        entry: dict[str, Any] = {
            "message": error.message,
            "domain": error.detail["domain"],
            "reason": error.detail["reason"],
        }
        if error.detail.get("location"):
            entry["location"] = error.detail["location"]
            entry["locationType"] = error.detail.get("kind") or "parameter"
        whole = {"code": error.status, "message": error.message, "errors": [entry]}
        if error.detail.get("outer"):
            whole |= {"message": error.detail["outer"], "status": STATUSES[error.status]}
        if error.detail.get("details"):
            whole["details"] = error.detail["details"]
        return {"error": whole}
    shown: dict[str, Any] = {
        "code": error.status,
        "message": error.message,
        "status": error.detail.get("rpc") or STATUSES.get(error.status, "UNKNOWN"),
    }
    if error.detail.get("details"):
        shown["details"] = error.detail["details"]
    return {"error": shown}
