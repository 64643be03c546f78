"""How much memory a computation needs, and how much there is."""
