"""One file per data set; its name is the one in tasks.yaml. See m3fd.py for the shape."""
