"""A formula engine: parse, move references, evaluate."""
