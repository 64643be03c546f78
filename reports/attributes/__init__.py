"""Attributes of pairs that may explain where fusion gains."""
