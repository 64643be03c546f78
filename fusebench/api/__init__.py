"""Functions of the public Python API; users reach them as ``fusebench.fuse`` and so on."""
