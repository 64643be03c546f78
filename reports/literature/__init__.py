"""Published tables: read, compared with our results, laid out alike, and audited."""
