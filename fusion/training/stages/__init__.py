"""Training stages of DMFuse, DMNet and the student."""
