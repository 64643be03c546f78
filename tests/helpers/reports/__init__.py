"""Synthetic records and reports, and readers of a report's files."""
