"""The task file: schema, presets, overrides and validation."""
