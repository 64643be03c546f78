"""Parts of the plan: a run, how the runs of a task are built, and how its splits are loaded."""
