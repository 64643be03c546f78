"""Training losses and image gradients."""
