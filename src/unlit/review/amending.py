"""Accept a proposed rule into the policy file: audited first, tested before it is kept."""

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, OutsideFailed, RefusedByPolicy
from unlit.policy import AuditEntry, Policy, Request, decide, load_policy
from unlit.policy.rules.propose import Proposal, propose
from unlit.policy.rules.testing import parse_url
from unlit.review.ports import GateLog

_MOST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Offer:
    """A rule that would allow what was denied; nobody has accepted it.

    Attributes:
        name: Names it on the page it was shown on, and only while it says the same.
    """

    name: str
    proposal: Proposal

    @property
    def toml(self) -> str:
        """The rule as it would stand in the file."""
        return self.proposal.toml()


def offers(denied: Iterable[AuditEntry], policy: Policy) -> tuple[Offer, ...]:
    """Return the smallest rules that would let through what was denied by default.

    What a rule forbids is never proposed away, and what is allowed by now is left out.
    """
    asked: list[Request] = []
    for entry in denied:
        method, url = entry.fields.get("method"), entry.fields.get("url")
        if entry.fields.get("rule") != "default deny":
            continue
        if not isinstance(method, str) or not isinstance(url, str):
            continue
        try:
            request = parse_url(entry.identity.role, method, url)
        except InvalidInput:
            continue
        if not decide(policy, request).allowed:
            asked.append(request)
    return tuple(Offer(_name(found), found) for found in propose(asked))


def _name(proposal: Proposal) -> str:
    text = replace(proposal, requests=0).toml()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def accept(log: GateLog, path: Path, offer: Offer, person: str, reason: str) -> Policy:
    """Write an offered rule into the policy file; the entry that says who is on the disk first.

    Raises:
        RefusedByPolicy: No reason, or nobody is named.
        InvalidInput: With the rule the policy would be broken, or fail its own tests.
        OutsideFailed: The log or the file cannot be written; nothing has changed.
    """
    words = " ".join(reason.split())[:_MOST_REASON]
    if not words or not person.strip():
        raise RefusedByPolicy(
            "REV-066", "A rule is accepted with a reason and a name.",
            "whoever reads the policy later learns from it.", "say why in a few words.",
        )  # fmt: skip
    before = path.read_text(encoding="utf-8")
    rule = offer.toml.replace("proposed, not accepted", f"accepted by {_plain(person)}")
    after = f"{before.rstrip()}\n\n# {_plain(words)}\n{rule}"
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix, encoding="utf-8",
        delete=False,
    ) as stream:  # fmt: skip
        stream.write(after)
    made = Path(stream.name)
    try:
        made.chmod(path.stat().st_mode & 0o777)
        policy = load_policy(made)
        fields = {"rule": offer.toml, "reason": words, "policy": policy.digest,
                  "before": _digest(before), "after": _digest(after)}  # fmt: skip
        log.write("policy.accept", "", person, fields)
        made.replace(path)
    except OSError as error:
        raise OutsideFailed(
            "REV-067", f"The policy {path.name} cannot be written: {error.strerror}.",
            "the file is as it was.", "make room, then accept the rule again.",
        ) from error  # fmt: skip
    finally:
        made.unlink(missing_ok=True)
    return policy


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _plain(text: str) -> str:
    """One line of a comment, whatever was typed."""
    return "".join(char if char.isprintable() else " " for char in text)
