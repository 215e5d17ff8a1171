"""Anatomy inside pinned package files, one package a file. The files are read as archives, never installed."""
