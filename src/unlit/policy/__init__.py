"""Decisions: who may touch which credential, host, path, file, service; and the audit log."""

from unlit.policy.audit.log import AuditLog
from unlit.policy.audit.reading import logs_in, merged, read_entries, verify
from unlit.policy.files import load_policy
from unlit.policy.model import (
    AuditEntry,
    CredentialRule,
    Decision,
    FileRules,
    Identity,
    Policy,
    Request,
    RoleLimits,
    Rule,
    Verification,
)
from unlit.policy.rules.parse import parse_policy
from unlit.policy.rules.table import decide
from unlit.policy.secrets import Secret, mint_placeholder, resolve_credential

__all__ = [
    "AuditEntry",
    "AuditLog",
    "CredentialRule",
    "Decision",
    "FileRules",
    "Identity",
    "Policy",
    "Request",
    "RoleLimits",
    "Rule",
    "Secret",
    "Verification",
    "decide",
    "load_policy",
    "logs_in",
    "merged",
    "mint_placeholder",
    "parse_policy",
    "read_entries",
    "resolve_credential",
    "verify",
]
