"""Sizes of the student's architecture; this module does not import torch."""

MAX_STUDENT_WIDTH = 64  # channels; up to 25, the network has at most 0.05 million parameters
