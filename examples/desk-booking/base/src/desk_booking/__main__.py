"""Start the service."""

raise SystemExit("desk-booking: not built yet")
