"""What the named data sets share: options, the choice among trees, folders of label maps."""
