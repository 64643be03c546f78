"""Average precision, box matching, confusion matrices, bootstrap and class means."""
