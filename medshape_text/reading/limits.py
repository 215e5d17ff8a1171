"""What is read of a stranger's file at most, and why one is refused."""

from __future__ import annotations

MAX_BYTES = 2**28
"""Of a file, and of an array in an archive once unpacked."""
MAX_POINTS = 5_000_000
"""Points of a cloud, vertices of a mesh, or vertices an SDF's surface would have."""
MAX_FACES = 5_000_000
MAX_LINES = 10_000_000
"""Of a text file: an empty line costs its reader hundreds of bytes."""
MAX_VOXELS = 512**3
MAX_GLB_HEADER = 2**24


class BadShapeError(ValueError):
    """A file that holds no shape one can work with.

    Attributes:
        reason: a few words that are the same for all files with this fault.
        detail: what is wrong with this one; may be empty.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        """Say what is wrong."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


def check_size(what: str, count: int, limit: int) -> None:
    """Refuse more than the limit.

    Raises:
        BadShapeError: naming both numbers.
    """
    if count > limit:
        raise BadShapeError("too large", f"{count} {what}, at most {limit} are read")
