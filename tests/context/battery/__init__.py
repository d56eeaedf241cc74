"""Injection: what fetched text tries to make a gullible agent do, and what stops it."""
