"""Corruptions of a pair: one image against the other, or a sensor that is missing."""
