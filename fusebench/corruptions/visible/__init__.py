"""Corruptions of the visible image."""
