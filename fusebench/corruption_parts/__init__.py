"""Parts that corruptions share: the images of a pair, light, blur, moved images."""
