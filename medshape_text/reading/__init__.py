"""Strangers' files: what they declare is checked before it is believed, and only then are they parsed."""
