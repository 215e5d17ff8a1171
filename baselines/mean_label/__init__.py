"""The best label map that does not depend on the image."""
