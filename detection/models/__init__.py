"""Detectors, one module or package each."""
