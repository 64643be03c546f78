"""How well a detector does on the images of each source."""
