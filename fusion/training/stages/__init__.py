"""The training stages of DMFuse and DMNet."""
