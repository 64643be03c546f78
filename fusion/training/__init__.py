"""Training of DMFuse and DMNet: recipes, patch sampling, and one loop for every stage of both."""
