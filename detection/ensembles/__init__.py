"""Combination of the boxes that are predicted on several images of a pair, one file per method."""
