"""Scores of fused images by fusion metrics."""
