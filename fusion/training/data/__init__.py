"""Training images, patches and random streams."""
