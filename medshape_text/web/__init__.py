"""HTML pages of one file each: they open from disk, fetch nothing, and run nothing but their own script."""

from medshape_text.web.page import Page
from medshape_text.web.plain import plain

__all__ = ["Page", "plain"]
