"""Does the fused image help segmentation: train, predict label maps, score."""
