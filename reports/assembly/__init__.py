"""Assembles a report: what it needs from the store, its sections, and all its files."""
