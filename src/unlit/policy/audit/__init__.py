"""The audit log: append-only, tamper-evident, written before the act."""
