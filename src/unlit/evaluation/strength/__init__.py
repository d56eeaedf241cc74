"""How many defects a scenario set would notice: planted ones, and programs that do nothing."""
