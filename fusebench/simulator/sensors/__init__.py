"""The visible and infrared sensor models and the image operations they share."""
