"""Label images: the class id of every pixel as the file stores it, or an error.

A label image is read only where its ids are certain, and refused with a way to save it otherwise:

- Only lossless files are read (PNG, BMP, TIFF), by content and not by extension.
- Gray: the stored value is the id, at any depth: 1 in a file of 1, 2, 4, 8 or 16 bits is id 1.
  White in a file of 1 bit is id 1. (Pillow and OpenCV return 255, 85 and 17 for 1, 2 and 4 bits.)
- Several channels: R = G = B is the id, alpha has to be 255 everywhere.
- Colors: see `fusebench.data.label_images.colors`.
- An orientation tag is applied, as for all images.
"""
