"""Corrupted test pairs: the corruptions of a task, and how they are applied to a split."""
