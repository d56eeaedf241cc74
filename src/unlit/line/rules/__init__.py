"""Pure decisions of the line."""
