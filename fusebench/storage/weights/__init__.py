"""Checkpoints and weights files: read without running code in them."""
