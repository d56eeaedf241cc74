"""The launcher: a single-threaded process that forks fences. Standard library only."""
