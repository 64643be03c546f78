"""From the records to a page, a text file and spreadsheets."""
