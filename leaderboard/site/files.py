"""The site's folder and what is written into it: file names for ids that anybody may have chosen, and data for scripts.

A data file is a script, the only kind of file a page opened from disk may load. It says ``genmedBoard.put(name,
text)``, where the text is JSON that is parsed, never run: no key or string of a submission is ever part of a script.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from benchmark.errors import RunError, WriteError
from medshape_text.web import plain

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


LONGEST = 500
"""Characters of a text that is shown by a script."""


class Packed(str):
    """A text that we made and that is not for people (a packed surface): it is neither cut nor spelled out."""

    __slots__ = ()


def data_script(name: str, value: object) -> bytes:
    """The content of the data file ``data/{name}.js``."""
    text = json.dumps(clean(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return f"genmedBoard.put({json.dumps(name)},{json.dumps(text)});\n".encode("ascii")


def clean(value: object) -> object:
    """The value with visible texts only, and None for numbers that are not finite.

    Keys of mappings are ours by rule, and stay as they are.
    """
    if isinstance(value, str):
        return value if isinstance(value, Packed) else plain(value, LONGEST)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): clean(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [clean(each) for each in value]
    return value


MARKER = "genmed-bench-site.json"
"""A file that every site has; a folder without it is not replaced."""


class Folder:
    """Where files of the site are written to, by their address within it; each address once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._written: dict[str, int] = {}

    def write(self, address: str, content: bytes) -> None:
        """Write a file.

        Raises:
            RunError: if the address was written before (two ids that became one name).
        """
        path = PurePosixPath(address)
        if path.is_absolute() or ".." in path.parts or address in self._written:
            raise RunError(f"the site would write {address} twice or outside of its folder")
        place = self._root.joinpath(*path.parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self._written[address] = len(content)

    def has(self, address: str) -> bool:
        """Whether an address was written."""
        return address in self._written

    @property
    def sizes(self) -> dict[str, int]:
        """Address -> bytes of everything written."""
        return dict(self._written)


@contextmanager
def replacing_site(target: Path) -> Iterator[Folder]:
    """A folder that becomes ``target`` when the block ends well; an older site there is removed.

    Raises:
        RunError: if ``target`` is something else than a site or an empty folder.
        WriteError: when the disk refuses.
    """
    target = target.resolve()  # a link to a folder stays one, and what it points to is replaced
    if target.exists() and not (target.is_dir() and ((target / MARKER).is_file() or not any(target.iterdir()))):
        raise RunError(f"{target} is not a site made by genmed-bench and will not be replaced; choose another folder")
    fresh, old = (target.with_name(f".{target.name}.{suffix}") for suffix in ("new", "old"))
    try:
        for left_over in (fresh, old):
            if left_over.exists():
                shutil.rmtree(left_over)
        fresh.mkdir(parents=True)
        try:
            yield Folder(fresh)
            if target.exists():
                target.rename(old)
            try:
                fresh.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
        finally:
            for left_over in (fresh, old):
                shutil.rmtree(left_over, ignore_errors=True)
    except OSError as error:
        raise WriteError(f"cannot write the site to {target}: {error.strerror or error}") from error
