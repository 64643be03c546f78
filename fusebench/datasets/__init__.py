"""One file per data set; its name is the one in tasks.yaml. m3fd.py is an example."""
