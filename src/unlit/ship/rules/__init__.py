"""Pure decisions of the ship room."""
