"""Networks of DMFuse and DMNet, and fusion of whole images with them."""
