"""Process pool, progress bars, library logs, file names, text files and atomic writes."""
