"""Folder trees of labeled pairs, described by path templates: which file is what."""
