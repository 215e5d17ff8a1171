"""``genmed-bench``: the benchmark's commands, and those of the leaderboard: submit, verify and leaderboard."""

from leaderboard.cli.app import app

__all__ = ["app"]
