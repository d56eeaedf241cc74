"""What every twin is built from: worlds, routes, ids, clock, faults."""
