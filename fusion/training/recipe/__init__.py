"""Training configuration and its presets."""
