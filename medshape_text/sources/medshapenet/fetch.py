"""Downloading the files of many links: bounded, polite, and at any moment stoppable without loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from medshape_text.hashing import file_sha256
from medshape_text.sources.medshapenet.attempt import Refusal, Setback, attempt
from medshape_text.sources.medshapenet.download_log import Cache, DownloadLog, Failed, Fetched, Outcome, read_log
from medshape_text.sources.medshapenet.rate_limits import FetchError, Gate, RateLimits, alone, client

if TYPE_CHECKING:
    import httpx2

Progress = Callable[[str, int, int], None]
NOT_IN_CACHE = "not-in-cache"
_BATCH, _BATCH_S = 64, 5.0
_WAITING_PER_CONNECTION = 8


def fetch(
    urls: Sequence[str],
    cache: Cache,
    rate_limits: RateLimits,
    *,
    retry_failed: bool = False,
    verify: bool = False,
    progress: Progress = lambda step, done, total: None,
) -> dict[str, Outcome]:
    """What became of every link; those the log knows, and whose files are there, are not asked for again.

    Args:
        urls: the links, each once.
        cache: where files and log are.
        rate_limits: how to ask.
        retry_failed: ask once more for those that failed in an earlier run.
        verify: hash every file that should be there, rather than compare its size.
        progress: called with what is going on, how much is done and how much there is.

    Raises:
        FetchError: if nothing but refusals came for long, or another process downloads into this cache.
        DownloadLogError: if the log is damaged.
        OSError: if the cache cannot be written, such as a full disk.
    """
    with alone(cache):
        DownloadLog(cache.log).mend()
        known = _known(urls, cache, retry_failed=retry_failed, verify=verify)
        todo = [url for url in urls if url not in known]
        if todo:
            run = _Run(cache, rate_limits, progress, len(known), len(urls))
            asyncio.run(run.all(todo))
            known |= run.outcomes
    return {url: known[url] for url in urls}


def from_log(urls: Sequence[str], cache: Cache) -> dict[str, Outcome]:
    """What is known of every link without asking anybody; the others fail with ``not-in-cache``.

    Raises:
        DownloadLogError: if the log is damaged.
    """
    known = _known(urls, cache, retry_failed=False, verify=False)
    return {url: known.get(url) or Failed(url, NOT_IN_CACHE, "not downloaded yet, and offline", 0) for url in urls}


def _known(urls: Iterable[str], cache: Cache, *, retry_failed: bool, verify: bool) -> dict[str, Outcome]:
    """What the log says of these links, as far as it is still true."""
    found = read_log(cache.log)
    known: dict[str, Outcome] = {}
    for url in urls:
        outcome = found.get(url)
        if isinstance(outcome, Fetched):
            if cache.holds(outcome.sha256, outcome.bytes) and not (verify and _damaged(cache, outcome)):
                known[url] = outcome
        elif outcome is not None and not retry_failed:
            known[url] = outcome
    return known


def _damaged(cache: Cache, outcome: Fetched) -> bool:
    return file_sha256(cache.file(outcome.sha256)) != outcome.sha256


class _Run:
    """One download of many links, in one thread."""

    def __init__(self, cache: Cache, rate_limits: RateLimits, progress: Progress, done: int, total: int) -> None:
        """``done`` of ``total`` links were known before."""
        self.outcomes: dict[str, Outcome] = {}
        self._cache, self._rate_limits, self._progress = cache, rate_limits, progress
        self._done, self._total = done, total
        self._slots = asyncio.Semaphore(rate_limits.connections)
        self._jobs = asyncio.Semaphore(rate_limits.connections * _WAITING_PER_CONNECTION)
        self._gate = Gate(rate_limits.rate)
        self._batch: list[Outcome] = []
        self._refused: list[Failed] = []
        self._written = 0.0

    async def all(self, urls: Sequence[str]) -> None:
        """Fetch them; what is finished is in the log however this ends."""
        self._written = asyncio.get_running_loop().time()
        try:
            async with client(self._rate_limits) as session, asyncio.TaskGroup() as group:
                for url in urls:
                    await self._jobs.acquire()
                    group.create_task(self._one(session, url))
            self._batch += self._refused  # the rest worked, so these are the links' own
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._write()

    async def _one(self, session: httpx2.AsyncClient, url: str) -> None:
        try:
            self._note(*await self._outcome(session, url))
        finally:
            self._jobs.release()

    async def _outcome(self, session: httpx2.AsyncClient, url: str) -> tuple[Outcome, bool]:
        """The outcome, and whether it may be the server's or the network's doing rather than the link's."""
        rate_limits, host = self._rate_limits, urlsplit(url).netloc
        part = self._cache.part(url, rate_limits.checkpoint_bytes)
        try:
            for number in range(1, rate_limits.attempts + 1):
                try:
                    async with self._slots:
                        await self._gate.turn(host)
                        return await attempt(session, url, part, self._cache, rate_limits), False
                except Setback as error:
                    last = error
                    if error.wait is not None:
                        self._gate.pause(host, error.wait)
                    elif number < rate_limits.attempts:
                        await asyncio.sleep(rate_limits.backoff(url, number))
                except Refusal as error:
                    part.discard()
                    return Failed(url, error.reason, error.detail, number), False
            return Failed(url, last.reason, last.detail, rate_limits.attempts), True
        finally:
            part.leave()

    def _note(self, outcome: Outcome, passing: bool) -> None:
        """Put an outcome down, unless it may be one of many that only say that the network is gone."""
        self.outcomes[outcome.url] = outcome
        self._done += 1
        if passing and isinstance(outcome, Failed):
            self._refused.append(outcome)
            if len(self._refused) >= self._rate_limits.refused_in_a_row:
                reasons = sorted({failed.reason for failed in self._refused})
                raise FetchError(
                    f"the last {len(self._refused)} links all failed ({', '.join(reasons)}), so it is the server or "
                    "the network, not they; nothing was noted against them. Run the same command later to continue."
                )
        else:
            self._batch += [*self._refused, outcome]
            self._refused.clear()
        if len(self._batch) >= _BATCH or asyncio.get_running_loop().time() - self._written > _BATCH_S:
            self._write()
        self._progress("downloading", self._done, self._total)

    def _write(self) -> None:
        """Files first, then their names, then the lines that speak of them (see `download_log`)."""
        batch, self._batch = self._batch, []
        if batch:
            self._cache.sync(outcome.sha256 for outcome in batch if isinstance(outcome, Fetched))
            DownloadLog(self._cache.log).append(batch)
        self._written = asyncio.get_running_loop().time()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first; tasks that fail beside it fail for the same reason."""
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
