"""Charts and sample panels."""
