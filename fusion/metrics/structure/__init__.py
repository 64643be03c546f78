"""Metrics of structural similarity and correlation."""
