"""Scoring of fused images with fusion metrics."""
