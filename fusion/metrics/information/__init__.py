"""Metrics from information theory."""
