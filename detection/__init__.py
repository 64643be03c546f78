"""Evaluation of fusion by object detection: detectors, metrics and the command that runs them."""
