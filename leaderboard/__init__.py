"""The leaderboard: submissions, recomputed by trusted code, ranked as far as statistics carry, on a static site."""
