"""The query language of QUERY: read by `language`, answered by `answer`."""
