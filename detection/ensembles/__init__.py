"""Combination of the boxes that are predicted on several images of one pair, one file per method."""
