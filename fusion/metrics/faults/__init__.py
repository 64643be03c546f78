"""Metrics of visible faults: structure that no source has, and contrast that was lost."""
