"""Published tables: beside our own, in their own layout, and recomputed."""
