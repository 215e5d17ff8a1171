"""The list of links itself: a file, or an address of which a copy is kept for runs without a network."""

from __future__ import annotations

import asyncio
from pathlib import Path

from medshape_text.files import replacing
from medshape_text.sources.medshapenet.asking import Refusal, check_plain, following
from medshape_text.sources.medshapenet.cache import Cache
from medshape_text.sources.medshapenet.politeness import Politeness
from medshape_text.sources.medshapenet.session import FetchError, alone, client


def read_list(urls: str | Path, cache: Cache, politeness: Politeness, max_bytes: int, *, offline: bool) -> bytes:
    """The bytes of a list, ``max_bytes`` and one more at most of a file; ``offline`` takes the copy of an address.

    Raises:
        FetchError: if an address cannot be had, or offline was never.
        OSError: if a file cannot be read.
    """
    text = str(urls)
    if isinstance(urls, str) and text.lower().startswith(("http://", "https://")):
        if not offline:
            return fetch_list(text, cache, politeness, max_bytes)
        path = cache.list_file(text)
        if not path.exists():
            raise FetchError(f"the list {text} was never downloaded into {cache.folder}; run once online.")
    else:
        path = Path(text)
    with path.open("rb") as stream:
        return stream.read(max_bytes + 1)


def fetch_list(url: str, cache: Cache, politeness: Politeness, max_bytes: int) -> bytes:
    """A list of links from an address; a copy is kept.

    Raises:
        FetchError: if it cannot be had, or another process downloads into this cache.
    """
    with alone(cache):
        try:
            data = asyncio.run(_get(url, politeness, max_bytes))
        except Refusal as error:
            raise FetchError(f"cannot fetch the list of links {url}: {error}") from error
        with replacing(cache.list_file(url)) as stream:
            stream.write(data)
    return data


async def _get(url: str, politeness: Politeness, max_bytes: int) -> bytes:
    import httpx2

    data = bytearray()
    try:
        async with (
            asyncio.timeout(politeness.total_s),
            client(politeness) as session,
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
