"""I/O of the context room, one per file."""
