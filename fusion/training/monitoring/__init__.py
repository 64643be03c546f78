"""Loss curves, TensorBoard events and sample images of a training."""
