"""From a list of links to a source: read the list, download what is missing, say what became of each link."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from medshape_text.files import replacing
from medshape_text.hashing import sha256
from medshape_text.sources.labels import SubjectTable, read_subject_table
from medshape_text.sources.medshapenet import fetch as fetching
from medshape_text.sources.medshapenet import url_list
from medshape_text.sources.medshapenet.attempt import Refusal, check_plain, following
from medshape_text.sources.medshapenet.download_log import Cache, Failed, Fetched, Outcome
from medshape_text.sources.medshapenet.rate_limits import FetchError, RateLimits, alone, client
from medshape_text.sources.medshapenet.source import Item, MedShapeNetSource


def open_medshapenet(
    urls: str | Path,
    cache: Path,
    *,
    limit: int | None = None,
    connections: int = 8,
    rate: float | None = None,
    offline: bool = False,
    retry_failed: bool = False,
    verify_cache: bool = False,
    meta: Path | None = None,
    rate_limits: RateLimits | None = None,
    progress: fetching.Progress = lambda step, done, total: None,
) -> MedShapeNetSource:
    """Read a list of links, download what is not in the cache yet, and describe what there is.

    Args:
        urls: the list, a file or an ``http(s):`` address.
        cache: folder of downloads; the same one continues.
        limit: the first so many entries of the list only.
        connections: downloads at once.
        rate: requests a second to one host at most.
        offline: never touch the network; what is not in the cache fails, which is not noted in the log.
        retry_failed: ask again for links that failed in an earlier run.
        verify_cache: hash every file in the cache; those that changed are fetched again.
        meta: TotalSegmentator's ``meta.csv``.
        rate_limits: all limits of the download; ``connections`` and ``rate`` are ignored then.
        progress: called with what is going on, how much is done and how much there is.

    Raises:
        FetchError: if the list or nearly everything cannot be had.
        UrlListError, DownloadLogError, SubjectTableError: if one of these files cannot be read.
        OSError: if a file cannot be read or the cache cannot be written.
    """
    rate_limits = rate_limits or RateLimits(connections=connections, rate=rate)
    store = Cache(cache)
    data = read_list(urls, store, rate_limits, url_list.MAX_LIST_BYTES, offline=offline)
    parsed = url_list.parse(data)
    links = parsed.links[:limit]
    wanted = [link.url for link in links if not link.reason]
    if offline:
        outcomes = fetching.from_log(wanted, store)
    else:
        outcomes = fetching.fetch(
            wanted, store, rate_limits, retry_failed=retry_failed, verify=verify_cache, progress=progress
        )
    listed = {"sha256": sha256(data), "lines": parsed.lines, "comments": parsed.comments, "blank": parsed.blank,
              "repeated": parsed.repeated, "entries": len(parsed.links), "limit": limit}  # fmt: skip
    subjects = read_subject_table(meta) if meta is not None else SubjectTable()
    return MedShapeNetSource(cache, tuple(_item(link, outcomes) for link in links), listed, subjects)


def _item(link: url_list.Link, outcomes: Mapping[str, Outcome]) -> Item:
    if link.reason:
        return Item(link.id, link.file_name, link.url, "", link.reason, link.detail)
    match outcomes[link.url]:
        case Fetched(sha256=digest):
            return Item(link.id, link.file_name, link.url, digest, "", "")
        case Failed(reason=reason, detail=detail):
            return Item(link.id, link.file_name, link.url, "", reason, detail)


def read_list(urls: str | Path, cache: Cache, rate_limits: RateLimits, max_bytes: int, *, offline: bool) -> bytes:
    """The bytes of a list, ``max_bytes`` and one more at most of a file; ``offline`` takes the copy of an address.

    Raises:
        FetchError: if an address cannot be had, or offline was never.
        OSError: if a file cannot be read.
    """
    text = str(urls)
    if isinstance(urls, str) and text.lower().startswith(("http://", "https://")):
        if not offline:
            return fetch_list(text, cache, rate_limits, max_bytes)
        path = cache.list_file(text)
        if not path.exists():
            raise FetchError(f"the list {text} was never downloaded into {cache.folder}; run once online.")
    else:
        path = Path(text)
    with path.open("rb") as stream:
        return stream.read(max_bytes + 1)


def fetch_list(url: str, cache: Cache, rate_limits: RateLimits, max_bytes: int) -> bytes:
    """A list of links from an address; a copy is kept.

    Raises:
        FetchError: if it cannot be had, or another process downloads into this cache.
    """
    with alone(cache):
        try:
            data = asyncio.run(_get(url, rate_limits, max_bytes))
        except Refusal as error:
            raise FetchError(f"cannot fetch the list of links {url}: {error}") from error
        with replacing(cache.list_file(url)) as stream:
            stream.write(data)
    return data


async def _get(url: str, rate_limits: RateLimits, max_bytes: int) -> bytes:
    import httpx2

    data = bytearray()
    try:
        async with (
            asyncio.timeout(rate_limits.total_s),
            client(rate_limits) as session,
            following(session, url) as response,
        ):
            if response.status_code != 200:
                raise Refusal("http-error", f"HTTP {response.status_code}")
            check_plain(response)
            async for block in response.aiter_raw(2**16):
                data += block
                if len(data) > max_bytes:
                    raise Refusal("too-large", f"more than {max_bytes} bytes")
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        raise Refusal("unreachable", f"{type(error).__name__} {error}".strip()) from error
    return bytes(data)
