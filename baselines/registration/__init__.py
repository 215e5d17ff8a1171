"""Labels of training cases, registered onto the image and fused."""
