"""Result folders, hashing, records, checkpoints and locks."""
