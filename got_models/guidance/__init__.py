"""What guides an image model: the formula, painted boxes, sizes, images, regional prompts, a preview."""
