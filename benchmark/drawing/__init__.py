"""Pictures of cases: surfaces of signed distances, packed for the viewer that the report and the leaderboard share."""
