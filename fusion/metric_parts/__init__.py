"""Building blocks of several fusion metrics: histograms, filters, local moments, gradients."""
