"""Tables of what is inferred: ranks of sources, where a gain comes from, what predicts a task."""
