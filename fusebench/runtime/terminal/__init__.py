"""Text for a terminal: columns that fit its width."""
