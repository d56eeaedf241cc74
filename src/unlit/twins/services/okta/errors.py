"""Okta's error codes: status and summary of each (developer.okta.com, Error codes, 2026-10)."""

from typing import Any, Final

from unlit.twins.kit.twin import VendorError

CODES: Final[dict[str, tuple[int, str]]] = {
    "E0000001": (400, "Api validation failed: {0}"),
    "E0000002": (400, "The request was not valid: {0}"),
    "E0000003": (400, "The request body was not well-formed."),
    "E0000004": (401, "Authentication failed"),
    "E0000005": (403, "Invalid session"),
    "E0000006": (403, "You do not have permission to perform the requested action"),
    "E0000007": (404, "Not found: {0}"),
    "E0000008": (404, "The requested path was not found"),
    "E0000009": (500, "Internal Server Error"),
    "E0000011": (401, "Invalid token provided"),
    "E0000014": (403, "Update of credentials failed"),
    "E0000015": (401, "You do not have permission to access the feature you are requesting"),
    "E0000016": (403, "Activation failed because the user is already active"),
    "E0000017": (403, "Password reset failed"),
    "E0000018": (400, "Bad request.  Accept and/or Content-Type headers are likely not set."),
    "E0000021": (
        415,
        "Bad request.  Accept and/or Content-Type headers likely do not match supported values.",
    ),
    "E0000022": (405, "The endpoint does not support the provided HTTP method"),
    "E0000023": (400, "Operation failed because user profile is mastered under another system"),
    "E0000024": (400, "Bad request. This operation on app metadata is not yet supported."),
    "E0000028": (400, "The request is missing a required parameter."),
    "E0000029": (400, "Invalid paging request."),
    "E0000030": (
        400,
        "Invalid date. Dates must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZZ, "
        "e.g. 2013-01-01T12:00:00.000-07:00.",
    ),
    "E0000031": (400, "Invalid search criteria."),
    "E0000032": (403, "Unlock is not allowed for this user."),
    "E0000034": (403, "Forgot password not allowed on specified user."),
    "E0000037": (400, "Type mismatch exception."),
    "E0000038": (403, "This operation is not allowed in the user's current status."),
    "E0000039": (403, "Operation on application settings failed."),
    "E0000041": (409, "Authorization rule already exists."),
    "E0000042": (400, "Activate Authorization Server failed because it is already active"),
    "E0000044": (403, "This operation is not allowed in the current authentication state."),
    "E0000047": (429, "API call exceeded rate limit due to too many requests."),
    "E0000050": (400, "Update of credentials is not allowed"),
    "E0000056": (403, "Delete application forbidden."),
    "E0000060": (501, "Unsupported operation."),
    "E0000068": (403, "Invalid Passcode/Answer"),
    "E0000069": (403, "User Locked"),
    "E0000080": (
        400,
        "The password does not meet the complexity requirements of the current password policy.",
    ),
    "E0000087": (403, "The recovery question answer did not match our records."),
    "E0000090": (409, "Role is already assigned: duplicate"),
    "E0000091": (403, "The provided role type was not the same as required role type."),
    "E0000112": (403, "Unable to update delete lifecycle for the user."),
    "E0000148": (
        403,
        "Cannot modify/disable this authenticator because it is enabled in one or "
        "more policies. To continue, disable the authenticator in these policies.",
    ),
    "E0000166": (
        403,
        "CAPTCHA count limit reached. At most one CAPTCHA instance is allowed per "
        "Org. Please remove existing CAPTCHA to create a new one.",
    ),
    "E0000236": (502, "There are no connected agents"),
    "E0000239": (423, "A validation or an update is already in progress."),
}


def failure(code: str, *causes: str, about: str = "", status: int | None = None) -> VendorError:
    """Make an error of Okta's.

    Args:
        code: ``E0000001`` ….
        causes: Summaries of the causes.
        about: What replaces ``{0}`` in the summary.
        status: Another HTTP status than the usual one.
    """
    usual, summary = CODES[code]
    return VendorError(status or usual, code, summary.replace("{0}", about), causes=list(causes))


def invalid(about: str, *causes: str) -> VendorError:
    """Make `E0000001`, the answer to a value that does not fit."""
    return failure("E0000001", *causes, about=about)


def missing(key: str, kind: str) -> VendorError:
    """Make `E0000007`, the answer to an id that names nothing."""
    return failure("E0000007", about=f"Resource not found: {key} ({kind})")


def error_body(code: str, summary: str, error_id: str, causes: list[str]) -> dict[str, Any]:
    """Return the body of an error answer."""
    return {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": error_id,
        "errorCauses": [{"errorSummary": cause} for cause in causes],
    }
