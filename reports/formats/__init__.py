"""The report as HTML, Markdown, LaTeX and terminal text, and the folder that holds it."""
