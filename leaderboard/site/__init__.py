"""The leaderboard as static pages: they open from disk, fetch nothing from elsewhere, and run no foreign script."""

from leaderboard.site.build import build_site
from leaderboard.site.serving import make_server, serve
from leaderboard.site.sources import CaseFacts, CaseScores, CaseViews, DataSet, Downloads, Export, Place, Space

__all__ = [
    "CaseFacts",
    "CaseScores",
    "CaseViews",
    "DataSet",
    "Downloads",
    "Export",
    "Place",
    "Space",
    "build_site",
    "make_server",
    "serve",
]
