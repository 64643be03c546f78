"""Process pool, progress, library logs and file names."""
