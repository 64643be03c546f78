"""Checks of a data set: each file measures arrays and turns the measurements into findings."""
