"""The parts of the YOLO plug-in. Only these files import ultralytics."""
