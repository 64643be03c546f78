"""Objects of a street scene as polygons with visible and thermal surface properties."""
