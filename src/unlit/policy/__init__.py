"""Decisions: who may touch which credential, host, path, file, service; and the audit log."""
