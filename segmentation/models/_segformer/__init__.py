"""The rooms behind `segmentation.models.segformer`: all that imports torch and the mm packages."""
