"""Contents and order of the report, independent of the output format."""
