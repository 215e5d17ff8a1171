"""The site's folder: whole or as it was, and never something that is not a site."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from benchmark.errors import RunError, WriteError

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
