"""The ground floor: pairs, data sets, task files, the store and the records. Imports no torch."""
