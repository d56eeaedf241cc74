"""What is allowed, in sentences, what was denied lately, and rules to accept."""

from collections import Counter
from typing import Final

from starlette.responses import RedirectResponse, Response

from unlit.console.model import Role
from unlit.console.web import Page
from unlit.core.errors import InvalidInput, UnlitError
from unlit.policy import AuditEntry, Policy, load_policy
from unlit.policy.audit.reading import is_denial
from unlit.review.adapters.log_tail import tail
from unlit.review.amending import accept as accept_rule
from unlit.review.amending import offers

_DENIED: Final = 200


def policy(page: Page) -> Response:
    """Show the policy file as sentences, denials from the audit log, and what could be allowed."""
    path = page.console.place.policy
    found, problem = _load(page)
    seen = _denied(page)
    denied: Counter[tuple[str, str, str]] = Counter(
        (entry.identity.role, str(entry.fields.get("method")), str(entry.fields["url"]))
        for entry in seen
        if "url" in entry.fields
    )
    roles = sorted({role for rule in found.rules for role in rule.roles}) if found else []
    return page.render(
        "policy.html", p=found, problem=problem, path=path, all_roles=roles,
        denied=denied.most_common(20), offers=offers(seen, found) if found else (),
        may=page.session.may(Role.OWNER),
    )  # fmt: skip


def accept(page: Page) -> Response:
    """Accept one offered rule; it must still be offered, and it is never done by itself."""
    found, problem = _load(page)
    path = page.console.place.policy
    name = page.path("name")
    offer = next((one for one in offers(_denied(page), found) if one.name == name), None) if (
        found
    ) else None  # fmt: skip
    if problem is not None:
        raise problem
    if offer is None or path is None:
        raise InvalidInput(
            "CON-061", "This rule is not offered any more.",
            "it was accepted meanwhile, or what it allows is no longer asked for.",
            "look at the page again.",
        )  # fmt: skip
    accept_rule(
        page.console.desk.log, path, offer, page.session.person, page.form.get("reason", "")
    )
    return RedirectResponse("/policy", 303)


def _load(page: Page) -> tuple[Policy | None, UnlitError | None]:
    path = page.console.place.policy
    if path is None or not path.exists():
        return None, None
    try:
        return load_policy(path), None
    except UnlitError as error:
        return None, error


def _denied(page: Page) -> tuple[AuditEntry, ...]:
    if not page.console.place.audit:
        return ()
    return tuple(tail(page.console.place.audit[0], is_denial, want=_DENIED).entries)
