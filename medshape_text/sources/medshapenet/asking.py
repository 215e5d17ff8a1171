"""Asking a server for a file as it is, and following it to where it is; what it says that is no file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_REDIRECTS = 5


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
