"""Servers whose answers contradict themselves: nothing is spliced, unfolded or followed that should not be."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from filelock import FileLock

from medshape_text.sources.medshapenet import fetch as fetching
from medshape_text.sources.medshapenet import opening
from medshape_text.sources.medshapenet.download_log import Cache, Fetched
from medshape_text.sources.medshapenet.rate_limits import FetchError, RateLimits

QUICK = RateLimits(backoff_s=0.01, attempts=3)
URL = "https://host.example/a.stl"
FILE = bytes(80) + (4).to_bytes(4, "little") + bytes(range(200))
TAG, DATE = {"ETag": '"one"'}, {"Last-Modified": "Sun, 22 Nov 2026 05:00:00 GMT"}

Answer = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache")


def serve(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    for module in (fetching, opening):
        monkeypatch.setattr(
            module, "client", lambda _: httpx2.AsyncClient(transport=httpx2.MockTransport(answer)), raising=False
        )


def reply(status: int, headers: dict[str, str], data: bytes = b"", *, breaks: bool = False) -> httpx2.Response:
    async def body() -> AsyncIterator[bytes]:
        yield data
        if breaks:
            raise httpx2.ReadError("the connection broke")

    return httpx2.Response(status, headers=headers, content=body())


def half(headers: dict[str, str]) -> httpx2.Response:
    return reply(200, headers, FILE[:150], breaks=True)


# A continuation that is none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "length", "said"),
    [
        (TAG, "*", TAG),  # where this range ends need not be the end of the file
        (TAG, "284", {}),  # whatever it is, it does not say that it is the same
        (TAG, "284", {"ETag": '"two"'}),
        (TAG, "284", DATE),
        (DATE, "284", {"Last-Modified": "Sun, 22 Nov 2026 06:00:00 GMT"}),
    ],
)
def test_a_continuation_that_may_be_of_another_file_is_not_taken(monkeypatch, cache, first, length, said) -> None:
    ranges = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        ranges.append(request.headers.get("Range"))
        if len(ranges) == 1:
            return half(first)
        if len(ranges) == 2:
            span = {"Content-Range": f"bytes 150-199/{length}"}
            return reply(206, span | said, FILE[150:200] if length == "*" else bytes(134))
        return reply(200, {}, FILE)

    serve(monkeypatch, answer)
    outcome = fetching.fetch([URL], cache, QUICK)[URL]
    assert isinstance(outcome, Fetched)
    assert outcome.sha256 == hashlib.sha256(FILE).hexdigest()
    assert ranges == [None, "bytes=150-", None]


def test_a_date_need_not_be_said_again(monkeypatch, cache) -> None:
    answers = iter([half(DATE), reply(206, {"Content-Range": "bytes 150-283/284"}, FILE[150:])])  # fmt: skip
    serve(monkeypatch, lambda _: next(answers))
    assert fetching.fetch([URL], cache, QUICK)[URL].sha256 == hashlib.sha256(FILE).hexdigest()


def test_a_range_nobody_asked_for_is_refused(monkeypatch, cache) -> None:
    """Without a validator nothing is asked to be continued, so what fits behind the first half is a coincidence."""
    answers = iter([half({}), reply(206, {"Content-Range": "bytes 150-283/284"}, bytes(134))])  # fmt: skip
    serve(monkeypatch, lambda _: next(answers))
    outcome = fetching.fetch([URL], cache, QUICK)[URL]
    assert (outcome.reason, outcome.detail) == ("http-error", "HTTP 206")


@pytest.mark.parametrize("location", ["http:////[8", "http:////a[8", "https://[::1", "http://host.example/a.stl"])
def test_no_address_stops_the_other_links(monkeypatch, cache, location) -> None:
    other = "https://host.example/b.stl"

    def answer(request: httpx2.Request) -> httpx2.Response:
        if str(request.url) == URL:
            return reply(302, {"Location": location})
        return reply(200, {}, FILE)

    serve(monkeypatch, answer)
    outcomes = fetching.fetch([URL, other], cache, QUICK)
    assert outcomes[URL].reason == "bad-redirect"
    assert isinstance(outcomes[other], Fetched)


# The list of links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "data", "said"),
    [
        (302, {"Location": "http://host.example/list.txt"}, b"", "bad-redirect: .* https: to http:"),
        (302, {"Location": "/list.txt"}, b"", "more than 5 redirects"),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(2**20)), "encoded-body"),
        (200, {}, bytes(2**17), "more than 65536 bytes"),
        (404, {}, b"", "HTTP 404"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_had_is_said_and_not_kept(monkeypatch, cache, status, headers, data, said) -> None:
    asked = []

    def once(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("Accept-Encoding"))
        return reply(status, headers, data)

    serve(monkeypatch, once)
    with pytest.raises(FetchError, match=said):
        opening.fetch_list("https://host.example/list.txt", cache, QUICK, 2**16)
    assert set(asked) == {"identity"}
    assert len(asked) <= 6
    assert not cache.list_file("https://host.example/list.txt").exists()


def test_a_list_is_kept_by_one_process_at_a_time(monkeypatch, cache) -> None:
    serve(monkeypatch, lambda _: reply(200, {}, b"x"))
    cache.prepare()
    with FileLock(cache.folder / ".lock"), pytest.raises(FetchError, match="another process"):
        opening.fetch_list(URL, cache, QUICK, 2**16)
    assert opening.fetch_list(URL, cache, QUICK, 2**16) == b"x"
    assert opening.read_list(URL, cache, QUICK, 2**16, offline=True) == b"x"
