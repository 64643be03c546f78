"""Reference sources: ensembles with their options, and conflicts with the task."""
