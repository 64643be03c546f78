"""Loading of images for networks: worker processes, prefetching threads, a cache in memory."""
