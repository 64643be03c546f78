"""Image pairs, pixels, boxes, label maps, annotation formats and splits."""
