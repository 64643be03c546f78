"""Training recipes: schema and presets."""
