"""What was read of a data set, kept until one of its files changes."""
