"""What several fusion metrics are made of: histograms, filters, moments, gradients."""
