"""Matching of files by name: keys of pairs, image files of a folder, hints for messages."""
