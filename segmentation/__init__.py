"""Evaluation of fusion by semantic segmentation: networks, metrics and the command for them."""
