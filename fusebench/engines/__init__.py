"""Execution of a plan as jobs, by several processes or machines."""
