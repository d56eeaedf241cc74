"""I/O of the ship room."""
