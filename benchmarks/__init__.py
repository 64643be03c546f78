"""Programs that time this project against plain code and other programs."""
