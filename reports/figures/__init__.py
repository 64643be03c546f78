"""Charts and sample images."""
