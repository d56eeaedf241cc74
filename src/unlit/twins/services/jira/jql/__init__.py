"""JQL: the query language of Jira, with the vendor's complaints about it."""
