"""Everything a human engineer would have seen: connectors, snapshots, provenance, trust."""
