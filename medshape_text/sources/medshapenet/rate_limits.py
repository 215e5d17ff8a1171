"""Rate limits: how hard a server is asked, how long it is waited for, how much is taken; the client for it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from medshape_text.files import locked
from medshape_text.manifest import PACKAGE, release
from medshape_text.reading.limits import MAX_BYTES
from medshape_text.seeds import generator_for
from medshape_text.sources.medshapenet.download_log import Cache
from medshape_text.sources.shared import SourceError

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True)
class RateLimits:
    """Limits of a download; seconds, bytes and requests a second.

    Attributes:
        connections: at once.
        rate: requests a second to one host at most; None for no limit of its own.
        attempts: at one link before it counts as failed.
        connect_s: until a connection stands.
        stall_s: within which ``progress_bytes`` (or the rest) of a body, or its head, have to arrive.
        total_s: of one attempt.
        backoff_s: before the second attempt; doubled before every further one, up to ``backoff_limit_s``, and
            shortened by up to a half by chance that depends on link and attempt alone.
        retry_after_limit_s: a server's own wish is followed up to this.
        max_bytes: of one file.
        checkpoint_bytes: of a body are held in memory; from then on a killed download can be continued.
        refused_in_a_row: so many links failed one after the other by no fault of theirs end the run.
    """

    connections: int = 8
    rate: float | None = None
    attempts: int = 5
    connect_s: float = 15
    stall_s: float = 30
    progress_bytes: int = 2**14
    total_s: float = 900
    backoff_s: float = 1
    backoff_limit_s: float = 60
    retry_after_limit_s: float = 120
    max_bytes: int = MAX_BYTES
    checkpoint_bytes: int = 2**22
    refused_in_a_row: int = 64

    def backoff(self, url: str, attempt: int) -> float:
        """Seconds to wait after a failed attempt, the first of which is 1."""
        full = min(self.backoff_limit_s, self.backoff_s * 2 ** min(attempt - 1, 30))
        return float(full * (1 - generator_for(url, f"backoff/{attempt}").random() / 2))


def retry_after(value: str | None, limit: float) -> float | None:
    """Seconds a server asks to wait for, by a number or a date; None if it says nothing one can understand."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(limit, float(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter of a time zone of many digits
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(limit, max(0.0, (moment - datetime.now(UTC)).total_seconds()))


class Gate:
    """Holds requests back: each host's own distance between two, and the pauses it asked for.

    Deliberately for a whole host: a server that limits one request would limit those beside it too.
    """

    def __init__(self, rate: float | None) -> None:
        """``rate`` is in requests a second."""
        self._distance = 0.0 if rate is None else 1 / rate
        self._free: defaultdict[str, float] = defaultdict(float)

    async def turn(self, host: str) -> None:
        """Return when the host may be asked."""
        clock = asyncio.get_running_loop()
        while (wait := self._free[host] - clock.time()) > 0:
            await asyncio.sleep(wait)
        self._free[host] = clock.time() + self._distance

    def pause(self, host: str, seconds: float) -> None:
        """Ask the host nothing for a while."""
        self._free[host] = max(self._free[host], asyncio.get_running_loop().time() + seconds)


class FetchError(SourceError):
    """The download cannot go on; what was finished is kept, and the same command continues."""


@contextmanager
def alone(cache: Cache) -> Iterator[None]:
    """Nobody else writes into the cache, whose folders are there, until the block ends.

    Raises:
        FetchError: if somebody does already.
    """
    cache.prepare()
    busy = FetchError(f"another process downloads into {cache.folder}; wait for it to end.")
    with locked(cache.folder / ".lock", busy):
        yield


def client(rate_limits: RateLimits) -> httpx2.AsyncClient:
    """A client that says who it is, and takes proxies and certificates from the environment as others do."""
    import httpx2

    return httpx2.AsyncClient(
        headers={"User-Agent": f"{PACKAGE}/{release()} (medshape-build)", "Accept": "*/*"},
        timeout=httpx2.Timeout(rate_limits.stall_s, connect=rate_limits.connect_s, pool=None),
        # How many there are at once is bounded by `fetch`; a pool's own bound would make requests wait in it.
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=rate_limits.connections),
    )
