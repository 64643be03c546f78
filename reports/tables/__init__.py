"""Tables of the report: from records to scores, statistics and text."""
