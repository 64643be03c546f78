"""Scores of single test images, and means of fusion metrics on resamples of them."""
