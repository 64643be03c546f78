"""Comparison of the records of two stores."""
