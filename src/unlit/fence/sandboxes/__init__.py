"""Weaker sandboxes, one per file, for machines without namespaces; chosen by name only."""
