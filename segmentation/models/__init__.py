"""Segmentation models, one module or package each."""
