"""Trains DMFuse and DMNet: recipes, patches, one loop for every stage of both."""
