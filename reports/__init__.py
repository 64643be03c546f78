"""Evaluation report: from the records to tables, figures, statistics and a page."""
