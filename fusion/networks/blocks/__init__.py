"""Blocks that the fusion networks are built from."""
