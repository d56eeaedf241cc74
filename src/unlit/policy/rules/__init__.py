"""Pure decisions of policy: parsing, matching, linting, comparing."""
