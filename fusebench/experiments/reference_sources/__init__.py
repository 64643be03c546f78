"""Sources without a fused image: ensembles with their options, and conflicts with the task."""
