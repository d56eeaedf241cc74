"""Specs precise enough for an agent: parse, lint, examples, boundary tables, questions."""
