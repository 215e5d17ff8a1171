"""File names for ids that anybody may have chosen, and the only addresses a page links to."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import urlsplit

LONGEST_ADDRESS = 2000
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


def key(text: str) -> str:
    """A file name for any text: what can be read of it, and a hash that tells it from all others.

    Only a-z, 0-9 and single hyphens; never empty, never longer than 49 characters; the same on every system,
    also where upper and lower case are one.

    >>> key("../Genmed é")
    'genmed-e-1ea405f3'
    """
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = _NOT_PLAIN.sub("-", ascii_only.lower())[:40].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{words}-{digest}".lstrip("-")


def safe_link(address: str) -> str | None:
    """The address if a page may link to it, else None.

    Only https, to a host that is spelt out in ASCII, without a user name (which would disguise the host), and
    without anything that a browser would quietly remove.

    >>> safe_link("https://example.org/paper"), safe_link("javascript:alert(1)")
    ('https://example.org/paper', None)
    """
    if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable():
        return None
    if any(character in address for character in " \\<>\"'`"):
        return None
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return None
    return address
