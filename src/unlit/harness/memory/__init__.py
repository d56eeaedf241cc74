"""Memory that survives runs: what was learnt, who approved it, what an agent is told of it."""
