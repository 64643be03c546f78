"""Division of a data set into train and test: lists, frame numbers, leakage."""
