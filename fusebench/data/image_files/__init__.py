"""Files of images: opening, checks, and scaling of infrared images of more than 8 bits."""
