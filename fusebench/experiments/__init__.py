"""From tasks to runs: plan, specs, sources, input checks and execution of one run."""
