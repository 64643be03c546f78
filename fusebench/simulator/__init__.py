"""Street scene simulator: renders registered infrared and visible images with exact labels."""
