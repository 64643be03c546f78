"""Simulated street scenes: one description, drawn as two sensors would see it."""
