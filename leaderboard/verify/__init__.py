"""Verification: everything submitted is hostile until checked, and every number is computed again from the truth.

`verify` reads a submission folder, computes its scores with the toolkit's own code on a pinned revision of the data,
and says what it found; `write_verification` keeps that as a file of a results folder. What may be found is listed in
`leaderboard.verify.codes`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from leaderboard.verify.limits import Limits

if TYPE_CHECKING:
    from leaderboard.verify.record import write_verification
    from leaderboard.verify.verifier import Verifier, verify

# Processes that parse strangers' files import this package too, and must not wait for what computes scores.
_LATE = {
    "Verifier": "leaderboard.verify.verifier",
    "verify": "leaderboard.verify.verifier",
    "write_verification": "leaderboard.verify.record",
}

__all__ = ["Limits", "Verifier", "verify", "write_verification"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
