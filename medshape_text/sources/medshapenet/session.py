"""What every download needs: a client that says who it is, and the cache to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from medshape_text.manifest import PACKAGE
from medshape_text.sources.errors import SourceError
from medshape_text.sources.medshapenet.cache import Cache
from medshape_text.sources.medshapenet.politeness import Politeness

if TYPE_CHECKING:
    import httpx2


class FetchError(SourceError):
    """The download cannot go on; what was finished is kept, and the same command continues."""


@contextmanager
def alone(cache: Cache) -> Iterator[None]:
    """Nobody else writes into the cache, whose folders are there, until the block ends.

    Raises:
        FetchError: if somebody does already.
    """
    cache.prepare()
    lock = FileLock(cache.folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise FetchError(f"another process downloads into {cache.folder}; wait for it to end.") from None
    try:
        yield
    finally:
        lock.release()


def client(politeness: Politeness) -> httpx2.AsyncClient:
    """A client that says who it is, and takes proxies and certificates from the environment as others do."""
    import httpx2

    try:
        release = version(PACKAGE)
    except PackageNotFoundError:
        release = "unknown"
    return httpx2.AsyncClient(
        headers={"User-Agent": f"{PACKAGE}/{release} (medshape-build)", "Accept": "*/*"},
        timeout=httpx2.Timeout(politeness.stall_s, connect=politeness.connect_s, pool=None),
        # How many there are at once is bounded by `fetch`; a pool's own bound would make requests wait in it.
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=politeness.connections),
    )
