"""What a trajectory must have shown: text, JSON, twin state (closed world), invariants. Pure."""
