"""Reading results from the store: scores, the files beside each record, protocols, bootstrap."""
