"""What is allowed, in sentences, and what was denied lately."""

from collections import Counter
from typing import Final

from starlette.responses import Response

from unlit.console.web import Page
from unlit.core.errors import UnlitError
from unlit.policy import Policy, load_policy
from unlit.policy.audit.reading import is_denial
from unlit.review.adapters.log_tail import tail

_DENIED: Final = 200


def policy(page: Page) -> Response:
    """Show the policy file as sentences, and denials from the audit log."""
    path = page.console.place.policy
    found: Policy | None = None
    problem: UnlitError | None = None
    if path is not None and path.exists():
        try:
            found = load_policy(path)
        except UnlitError as error:
            problem = error
    denied: Counter[tuple[str, str, str]] = Counter()
    if page.console.place.audit:
        seen = tail(page.console.place.audit[0], is_denial, want=_DENIED)
        for entry in seen.entries:
            if "url" in entry.fields:
                key = (
                    entry.identity.role,
                    str(entry.fields.get("method")),
                    str(entry.fields["url"]),
                )
                denied[key] += 1
    roles = sorted({role for rule in found.rules for role in rule.roles}) if found else []
    return page.render(
        "policy.html", p=found, problem=problem, path=path, all_roles=roles,
        denied=denied.most_common(20),
    )  # fmt: skip
