"""Programs that measure the time and memory of this project; not part of the installed package."""
