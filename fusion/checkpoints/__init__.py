"""Weights files: format, loading, DMFuse's released files."""
