"""Metrics of human visual perception."""
