"""Layers that the fusion networks are built from."""
