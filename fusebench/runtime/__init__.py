"""Process pool, progress bars, library logs, random seeds, file names, text files, atomic writes."""
