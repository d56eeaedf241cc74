"""The web console: server-rendered pages over the record; no decisions."""
