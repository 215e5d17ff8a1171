"""nnU-Net 2.8.1 in its own environment; nothing here is imported by the toolkit."""
