"""The data-set card: YAML that ``datasets`` reads, the page that people read, and its figures."""

from medshape_text.card.page import ABOUT, CARD, About, read_about, render, write

__all__ = ["ABOUT", "CARD", "About", "read_about", "render", "write"]
