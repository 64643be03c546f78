"""Training stages of DMFuse and DMNet."""
