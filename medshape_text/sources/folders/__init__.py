"""Folders of anybody's shapes: which files there are, what tables beside them say, and what is in them."""
