"""Connectors, one per source; they do not know each other."""
