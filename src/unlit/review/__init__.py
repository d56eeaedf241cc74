"""Outcome reports, the ceiling of what was verified, questions for people, gates."""
