"""Verification: everything submitted is hostile until checked, and every number is computed again from the truth.

`verify` reads a submission folder, computes its scores with the toolkit's own code on a pinned revision of the data,
and says what it found; `write_verification` keeps that as a file of a results folder. What may be found is listed in
`leaderboard.findings`.
"""

from leaderboard.submission.strict_json import Limits
from leaderboard.verify.verifier import Verifier, verify, write_verification

__all__ = ["Limits", "Verifier", "verify", "write_verification"]
