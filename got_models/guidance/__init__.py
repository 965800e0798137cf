"""What guides an image model: painted boxes, sizes, the formula, regions, a preview."""
