"""What makes the folder a static Space of the Hub: a README whose front matter says so."""

from __future__ import annotations

import json

from leaderboard.model import Board
from leaderboard.site.sources import Space

_TEXT = """
# {title}

Static pages made by genmed-bench {toolkit} from the results with hash `{built_from}`.
Open `index.html`; everything works from disk, too, and nothing is fetched from elsewhere.
"""


def space_readme(board: Board, space: Space) -> bytes:
    """README.md with the front matter of a static Space (values as JSON strings, which are YAML strings, too)."""
    front = {"title": space.title, "colorFrom": space.colour_from, "colorTo": space.colour_to, "sdk": "static",
             "app_file": "index.html", "pinned": False}  # fmt: skip
    lines = ["---", *(f"{name}: {json.dumps(value)}" for name, value in front.items())]
    if space.data_sets:
        lines += ["datasets:", *(f"  - {json.dumps(name)}" for name in space.data_sets)]
    text = _TEXT.format(title=space.title, toolkit=board.toolkit, built_from=board.built_from)
    return "\n".join([*lines, "---", text]).encode("utf-8")
