"""HTML pages: their templates, and the hash that their content security policy needs."""
