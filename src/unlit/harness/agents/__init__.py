"""Agent adapters, one per family; they do not know each other."""
