"""One attempt at one link: follow it to its file, take in what comes, continue what was there, refuse what is none."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from medshape_text.reading import limits
from medshape_text.reading.headers import declared_triangles
from medshape_text.sources.medshapenet.download_log import Cache, Fetched, Part
from medshape_text.sources.medshapenet.rate_limits import RateLimits, retry_after

if TYPE_CHECKING:
    import httpx2

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_REDIRECTS = 5
_MARKUP = re.compile(rb"\s*<(!doctype\s+html|html|head|body|title|meta|script|!--|\?xml)", re.IGNORECASE)
# A length of "*" is no use: the end of such an answer may not be the end of the file.
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})", re.ASCII)


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The link has no file for us and never will: a reason code and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say why."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Setback(Refusal):
    """It did not work this time. ``wait`` are the seconds the server asked for, if it did."""

    def __init__(self, reason: str, detail: str, wait: float | None = None) -> None:
        """Say why."""
        super().__init__(reason, detail)
        self.wait = wait


@asynccontextmanager
async def following(
    client: httpx2.AsyncClient, url: str, headers: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[httpx2.Response]:
    """The answer at the end of a few redirects, none of which may leave https for http, or both for anything else.

    The body is asked for as it is: what is packed could unfold into any size.

    Raises:
        Refusal: reason ``bad-redirect``.
    """
    import httpx2

    target = httpx2.URL(url)
    for _ in range(_MAX_REDIRECTS + 1):
        async with client.stream("GET", target, headers={**headers, "Accept-Encoding": "identity"}) as response:
            if response.status_code not in _REDIRECTS:
                yield response
                return
            try:
                further = target.join(response.headers.get("location", ""))
            except (httpx2.InvalidURL, ValueError):  # the latter of some hosts in brackets
                raise Refusal("bad-redirect", "redirected to no address") from None
        allowed = ("https",) if target.scheme == "https" else ("http", "https")
        if further.scheme not in allowed or not further.host or further.userinfo:
            raise Refusal("bad-redirect", f"redirected from {target.scheme}: to {further.scheme or 'nothing'}:")
        target = further
    raise Refusal("bad-redirect", f"more than {_MAX_REDIRECTS} redirects")


def check_plain(response: httpx2.Response) -> None:
    """Refuse a body that was packed on the way.

    Raises:
        Refusal: reason ``encoded-body``.
    """
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refusal("encoded-body", "the server encoded the file although it was asked not to")


async def attempt(client: httpx2.AsyncClient, url: str, part: Part, cache: Cache, limit: RateLimits) -> Fetched:
    """Fetch a file into the cache, continuing its part where there is one.

    Raises:
        Refusal: if it is not there, or no STL file. Reasons: ``not-found``, ``forbidden``, ``http-error``,
            ``bad-redirect``, ``encoded-body``, ``too-large``, ``empty-file``, ``html-instead-of-stl``.
        Setback: if another attempt may work. Reasons: ``unreachable``, ``connection-reset``, ``truncated``,
            ``stalled``, ``timed-out``, ``rate-limited``, ``server-error``.
        OSError: if the cache cannot be written.
    """
    import httpx2

    try:
        async with asyncio.timeout(limit.total_s), following(client, url, _rest_of(part)) as response:
            return await _receive(response, url, part, cache, limit)
    except TimeoutError:
        raise Setback("timed-out", f"not done after {limit.total_s:g} s") from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
        raise Setback("unreachable", f"no connection ({type(error).__name__})") from error
    except httpx2.TimeoutException as error:
        raise Setback("stalled", f"no answer within {limit.stall_s:g} s") from error
    except httpx2.RemoteProtocolError as error:
        if part.size:
            raise Setback("truncated", "the connection ended before the declared end of the file") from error
        raise Setback("connection-reset", "the server closed the connection without an answer") from error
    except httpx2.TransportError as error:
        raise Setback("connection-reset", "the connection broke") from error
    except (httpx2.InvalidURL, httpx2.HTTPError) as error:
        raise Refusal("http-error", f"{type(error).__name__}") from error


def _rest_of(part: Part) -> dict[str, str]:
    """The headers that ask for what is missing; none where the whole is missing or could have changed unnoticed."""
    if not _can_continue(part):
        return {}
    return {"Range": f"bytes={part.size}-", "If-Range": part.validator}


def _can_continue(part: Part) -> bool:
    return bool(part.size and part.validator)


async def _receive(response: httpx2.Response, url: str, part: Part, cache: Cache, limit: RateLimits) -> Fetched:
    _check_status(response, part, limit)
    check_plain(response)
    total = _continue_or_begin(response, part)
    if total is not None and total > limit.max_bytes:
        raise Refusal("too-large", f"the server declares {total} bytes, at most {limit.max_bytes} are fetched")
    await _body(response, part, total, limit)
    if total is not None and part.size != total:
        raise Setback("truncated", "the connection ended before the declared end of the file")
    _check_head(part, total, whole=True)
    headers = response.headers
    size = part.size
    return Fetched(url, part.finish(cache), size, headers.get("etag", "")[:200], headers.get("last-modified", "")[:100])


async def _body(response: httpx2.Response, part: Part, total: int | None, limit: RateLimits) -> None:
    """Take in the body; enough of it has to arrive in every window of time."""
    clock = asyncio.get_running_loop()
    arrived, checked = 0, False
    try:
        async with asyncio.timeout(limit.stall_s) as guard:
            async for data in response.aiter_raw():
                if part.size + len(data) > limit.max_bytes:
                    raise Refusal("too-large", f"more than {limit.max_bytes} bytes")
                part.write(data)
                if not checked and len(part.head) >= 84:
                    _check_head(part, total, whole=False)
                    checked = True
                arrived += len(data)
                if arrived >= limit.progress_bytes:
                    arrived = 0
                    guard.reschedule(clock.time() + limit.stall_s)
    except TimeoutError:
        if not guard.expired():
            raise
        raise Setback("stalled", f"less than {limit.progress_bytes} bytes within {limit.stall_s:g} s") from None


def _check_status(response: httpx2.Response, part: Part, limit: RateLimits) -> None:
    status = response.status_code
    if status == 200 or (status == 206 and _can_continue(part)):
        return
    said = f"HTTP {status}"
    if status in (404, 410):
        raise Refusal("not-found", said)
    if status in (401, 403):
        raise Refusal("forbidden", said)
    if status in (429, 503):
        wait = retry_after(response.headers.get("retry-after"), limit.retry_after_limit_s)
        raise Setback("rate-limited" if status == 429 else "server-error", said, wait)
    if status == 416 and part.size:
        part.begin("")
        raise Setback("server-error", said)
    if status >= 500 or status in (408, 425):
        raise Setback("server-error", said)
    raise Refusal("http-error", said)


def _continue_or_begin(response: httpx2.Response, part: Part) -> int | None:
    """How many bytes the whole file has, if the server says; the part is emptied unless the answer continues it."""
    headers = response.headers
    if response.status_code == 206:
        matched = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
        if not matched or int(matched[1]) != part.size or not _is_same(response, part):
            part.begin("")
            raise Setback("server-error", "the server continued another file, or elsewhere")
        return int(matched[2])
    part.begin(_validator(response))
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None


def _is_same(response: httpx2.Response, part: Part) -> bool:
    """Whether an answer continues the part's content. A date need not be said again, an ETag has to be (RFC 9110)."""
    said = _validator(response)
    return said == part.validator or (not said and not part.validator.startswith('"'))


def _validator(response: httpx2.Response) -> str:
    """What If-Range may be asked by: a strong ETag, else the date of the last change."""
    etag = response.headers.get("etag", "")
    found = etag if etag.startswith('"') else response.headers.get("last-modified", "")
    return found if len(found) <= 200 else ""


def _check_head(part: Part, total: int | None, *, whole: bool) -> None:
    """Refuse what the first bytes show to be no STL file, or more triangles than are ever read."""
    head, count = part.head, declared_triangles(part.head)
    if whole and not part.size:
        raise Refusal("empty-file", "the file has no bytes")
    sound = count is not None and total == 84 + 50 * count
    if _MARKUP.match(head) and not sound:
        raise Refusal("html-instead-of-stl", "the server sent a page, not a file")
    # A file that is smaller than it says is left to its reader, which knows more of such files.
    lying = total is not None and not sound
    text = head.lstrip()[:5].lower() == b"solid"
    if count is not None and count > limits.MAX_FACES and not lying and not text:
        raise Refusal("too-large", f"the file declares {count} triangles, at most {limits.MAX_FACES} are read")
