"""Objects of a street scene, each built from textured surfaces."""
