"""Our own coding agent: a program that runs inside the fence, in an environment of its own."""
