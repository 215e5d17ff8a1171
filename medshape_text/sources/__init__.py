"""Where shapes come from, one source a file."""
