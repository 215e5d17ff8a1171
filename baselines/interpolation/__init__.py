"""Geometry without learning: interpolate what was observed."""
