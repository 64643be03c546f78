"""Metrics of image features: gradients, edges, contrast, phase."""
