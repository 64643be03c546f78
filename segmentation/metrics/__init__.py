"""Scores of label maps, one file each."""
