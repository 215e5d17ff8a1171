"""``medshape-build``: make, check, show and publish the data set.

Commands import what they need when they run, so that ``--help`` answers at once.
"""

from medshape_text.cli.app import app
from medshape_text.cli.console import default_cache

__all__ = ["app", "default_cache"]
