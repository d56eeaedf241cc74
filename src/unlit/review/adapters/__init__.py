"""I/O of the review room."""
