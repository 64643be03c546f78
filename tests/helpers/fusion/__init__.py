"""Tiny networks and trainings, images, and expected values of the fusion metrics."""
