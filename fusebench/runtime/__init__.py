"""Process pool, progress, library logs, random seeds, file names, text files, atomic writes."""
