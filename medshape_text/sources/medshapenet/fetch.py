"""Downloading the files of many links: bounded, polite, and at any moment stoppable without loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from medshape_text.hashing import file_sha256
from medshape_text.sources.medshapenet import ledger
from medshape_text.sources.medshapenet.asking import Refusal, Setback
from medshape_text.sources.medshapenet.attempt import attempt
from medshape_text.sources.medshapenet.cache import Cache
from medshape_text.sources.medshapenet.ledger import Failed, Fetched, Ledger, Outcome
from medshape_text.sources.medshapenet.politeness import Gate, Politeness
from medshape_text.sources.medshapenet.session import FetchError, alone, client

if TYPE_CHECKING:
    import httpx2

Progress = Callable[[str, int, int], None]
NOT_IN_CACHE = "not-in-cache"
_BATCH, _BATCH_S = 64, 5.0
_WAITING_PER_CONNECTION = 8


def fetch(
    urls: Sequence[str],
    cache: Cache,
    politeness: Politeness,
    *,
    retry_failed: bool = False,
    verify: bool = False,
    progress: Progress = lambda step, done, total: None,
) -> dict[str, Outcome]:
    """What became of every link; those the ledger knows, and whose files are there, are not asked for again.

    Args:
        urls: the links, each once.
        cache: where files and ledger are.
        politeness: how to ask.
        retry_failed: ask once more for those that failed in an earlier run.
        verify: hash every file that should be there, rather than compare its size.
        progress: called with what is going on, how much is done and how much there is.

    Raises:
        FetchError: if nothing but refusals came for long, or another process downloads into this cache.
        LedgerError: if the ledger is damaged.
        OSError: if the cache cannot be written, such as a full disk.
    """
    with alone(cache):
        Ledger(cache.ledger).mend()
        known = _known(urls, cache, retry_failed=retry_failed, verify=verify)
        todo = [url for url in urls if url not in known]
        if todo:
            run = _Run(cache, politeness, progress, len(known), len(urls))
            asyncio.run(run.all(todo))
            known |= run.outcomes
    return {url: known[url] for url in urls}


def from_ledger(urls: Sequence[str], cache: Cache) -> dict[str, Outcome]:
    """What is known of every link without asking anybody; the others fail with ``not-in-cache``.

    Raises:
        LedgerError: if the ledger is damaged.
    """
    known = _known(urls, cache, retry_failed=False, verify=False)
    return {url: known.get(url) or Failed(url, NOT_IN_CACHE, "not downloaded yet, and offline", 0) for url in urls}


def _known(urls: Iterable[str], cache: Cache, *, retry_failed: bool, verify: bool) -> dict[str, Outcome]:
    """What the ledger says of these links, as far as it is still true."""
    found = ledger.read(cache.ledger)
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

    def __init__(self, cache: Cache, politeness: Politeness, progress: Progress, done: int, total: int) -> None:
        """``done`` of ``total`` links were known before."""
        self.outcomes: dict[str, Outcome] = {}
        self._cache, self._politeness, self._progress = cache, politeness, progress
        self._done, self._total = done, total
        self._slots = asyncio.Semaphore(politeness.connections)
        self._jobs = asyncio.Semaphore(politeness.connections * _WAITING_PER_CONNECTION)
        self._gate = Gate(politeness.rate)
        self._batch: list[Outcome] = []
        self._refused: list[Failed] = []
        self._written = 0.0

    async def all(self, urls: Sequence[str]) -> None:
        """Fetch them; what is finished is in the ledger however this ends."""
        self._written = asyncio.get_running_loop().time()
        try:
            async with client(self._politeness) as session, asyncio.TaskGroup() as group:
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
        politeness, host = self._politeness, urlsplit(url).netloc
        part = self._cache.part(url, politeness.checkpoint_bytes)
        try:
            for number in range(1, politeness.attempts + 1):
                try:
                    async with self._slots:
                        await self._gate.turn(host)
                        return await attempt(session, url, part, self._cache, politeness), False
                except Setback as error:
                    last = error
                    if error.wait is not None:
                        self._gate.pause(host, error.wait)
                    elif number < politeness.attempts:
                        await asyncio.sleep(politeness.backoff(url, number))
                except Refusal as error:
                    part.discard()
                    return Failed(url, error.reason, error.detail, number), False
            return Failed(url, last.reason, last.detail, politeness.attempts), True
        finally:
            part.leave()

    def _note(self, outcome: Outcome, passing: bool) -> None:
        """Put an outcome down, unless it may be one of many that only say that the network is gone."""
        self.outcomes[outcome.url] = outcome
        self._done += 1
        if passing and isinstance(outcome, Failed):
            self._refused.append(outcome)
            if len(self._refused) >= self._politeness.refused_in_a_row:
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
        """Files first, then their names, then the lines that speak of them (see `cache`)."""
        batch, self._batch = self._batch, []
        if batch:
            self._cache.sync(outcome.sha256 for outcome in batch if isinstance(outcome, Fetched))
            Ledger(self._cache.ledger).append(batch)
        self._written = asyncio.get_running_loop().time()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first; tasks that fail beside it fail for the same reason."""
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
