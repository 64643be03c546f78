"""Weights files: their format, loading of networks, and DMFuse's released checkpoints."""
