"""Pure decisions of the context room."""
