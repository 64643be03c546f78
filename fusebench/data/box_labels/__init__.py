"""Parts of the readers of true boxes: XML parsing, duplicates, notes. See `box_annotations`."""
