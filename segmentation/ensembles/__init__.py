"""Combination of class probabilities that are predicted on several images of one pair."""
