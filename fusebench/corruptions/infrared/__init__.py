"""Corruptions of the infrared image."""
