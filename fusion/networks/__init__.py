"""The networks of DMFuse and DMNet: tensors in, tensors out."""
