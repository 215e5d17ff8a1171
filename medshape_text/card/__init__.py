"""The data-set card: YAML that ``datasets`` reads, the page that people read, and its figures."""

from medshape_text.card.page import About, read_about, render, write

__all__ = ["About", "read_about", "render", "write"]
