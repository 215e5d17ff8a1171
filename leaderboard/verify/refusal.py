"""Why a submission, or a part of it, is not believed."""

from __future__ import annotations

from leaderboard.model import Finding
from leaderboard.verify.codes import CODES


class RefusedError(Exception):
    """A submission that nothing is shown of.

    Attributes:
        code: one of `leaderboard.verify.codes.CODES`.
        detail: what is wrong with this one; text of the submitter is in it only as `shown`.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail

    @property
    def finding(self) -> Finding:
        """The same as a record."""
        return Finding(self.code, "refused", self.detail)


def found(code: str, detail: str) -> Finding:
    """A finding with the severity its code has.

    Raises:
        KeyError: for a code nobody has declared.
    """
    return Finding(code, CODES[code].severity, detail)


def shown(text: object, length: int = 60) -> str:
    r"""A stranger's text as plain ASCII in quotes, cut to a length.

    >>> print(shown("a\u202eb" * 2))
    'a\u202eba\u202eb'
    """
    plain = text if isinstance(text, str) else str(text)
    whole = ascii(plain[:length])
    return whole if len(plain) <= length and len(whole) <= length + 2 else whole[: length - 3] + "..." + whole[0]
