"""Robustness section: what is left of the scores on corrupted test pairs."""
