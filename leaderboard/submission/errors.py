"""The one error of submissions."""

from __future__ import annotations

from benchmark.errors import BenchError


class SubmissionError(BenchError):
    """Something cannot be submitted, or a submission is not what it should be: one sentence, and what to do.

    Attributes:
        code: kebab-case, the same for everything with this fault.
    """

    exit_code = 8

    def __init__(self, code: str, message: str) -> None:
        """Say what is wrong."""
        super().__init__(message)
        self.code = code


def listed(names: list[str], most: int = 5) -> str:
    """Some names in one line, the number of all where there are more."""
    shown = ", ".join(printable(name, 80) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def printable(text: str, longest: int = 160) -> str:
    """A stranger's text fit for a message: ASCII without control characters, and cut."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in plain[: 2 * longest])
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
