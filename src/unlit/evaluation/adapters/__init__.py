"""The engine's ways out: the real fence and the real twins."""
