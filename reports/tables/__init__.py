"""Tables of scores: what stands in them, how sure it is, and how it is said."""
