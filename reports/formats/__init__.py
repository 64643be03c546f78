"""The report as HTML, Markdown, LaTeX and plain text, and the folder that it lies in."""
