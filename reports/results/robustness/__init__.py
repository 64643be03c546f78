"""Results on corrupted test pairs."""
