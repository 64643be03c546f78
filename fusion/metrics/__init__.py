"""One file per fusion metric: arrays in, one number out."""
