"""Changes to the transforms of ultralytics' training images."""
