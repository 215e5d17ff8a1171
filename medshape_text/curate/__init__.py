"""The stages of curation, one a file."""
