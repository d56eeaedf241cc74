"""Routes of the Jira twin, by subject."""
