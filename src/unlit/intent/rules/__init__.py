"""Pure rules over specs: reading, writing, linting, readiness, questions, changes."""
