"""Exports of data sets, predictions and scores in the formats of other tools."""
