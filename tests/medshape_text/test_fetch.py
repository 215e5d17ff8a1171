"""Downloading from a server that misbehaves in every way: each fault has its reason, and nothing finished is lost."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fetch_process
import pytest
from link_plan import FETCH_FAULTS, HARMLESS, LATER_FAULTS, READ_FAULTS
from medshapenet_server import PAGE, Server, expected

from medshape_text.sources.medshapenet import download_log as log_module
from medshape_text.sources.medshapenet import fetch as fetching
from medshape_text.sources.medshapenet.download_log import Cache, DownloadLog, Failed, Fetched, read_log
from medshape_text.sources.medshapenet.fetch import fetch, from_log
from medshape_text.sources.medshapenet.opening import fetch_list
from medshape_text.sources.medshapenet.rate_limits import FetchError, RateLimits
from medshape_text.sources.medshapenet.url_list import parse

QUICK = RateLimits(stall_s=1, total_s=20, backoff_s=0.01, attempts=2, checkpoint_bytes=2**14, max_bytes=2**23)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def one(server: Server, cache: Cache, fault: str, request: pytest.FixtureRequest, **changes: object):
    url = server.add(f"{request.node.name.replace('[', '_').replace(']', '')}.stl", fault)
    return fetch([url], cache, replace(QUICK, **changes))[url]


def files(cache: Cache) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (cache.folder / "files").rglob("*") if path.is_file()}


def leftovers(cache: Cache) -> list[Path]:
    return list((cache.folder / "parts").iterdir())


# What becomes of one link ------------------------------------------------------------------------------------------


def test_a_file_is_kept_by_its_sha256(server, cache, request) -> None:
    outcome = one(server, cache, "ok", request)
    data = server.content(f"{request.node.name}.stl")
    assert isinstance(outcome, Fetched)
    assert outcome.sha256 == hashlib.sha256(data).hexdigest()
    assert outcome.bytes == len(data)
    assert outcome.etag
    assert files(cache) == {outcome.sha256: data}
    assert not leftovers(cache)
    assert read_log(cache.log) == {outcome.url: outcome}
    (_, headers), *_ = [seen for seen in server.seen if seen[0] == f"{request.node.name}.stl"]
    assert headers["User-Agent"].startswith("genmed-bench/")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("fault", sorted(FETCH_FAULTS))
def test_every_fault_has_its_reason(server, cache, request, fault) -> None:
    outcome = one(server, cache, fault, request)
    assert isinstance(outcome, Failed)
    assert outcome.reason == FETCH_FAULTS[fault]
    assert outcome.detail
    assert files(cache) == {}
    assert not leftovers(cache)
    final = outcome.reason in {"empty-file", "html-instead-of-stl", "not-found", "forbidden", "too-large",
                               "encoded-body", "bad-redirect"}  # fmt: skip
    assert outcome.attempts == (1 if final else QUICK.attempts)
    if fault != "redirect-loop":
        assert server.requests[outcome.url.rpartition("=")[2]] == outcome.attempts
    # Final within the cache, unless one asks again.
    before = server.requests.total()
    assert fetch([outcome.url], cache, QUICK)[outcome.url] == outcome
    assert server.requests.total() == before


@pytest.mark.parametrize("fault", sorted(HARMLESS | READ_FAULTS | LATER_FAULTS))
def test_trouble_that_is_got_over_and_files_that_arrive_as_they_are(server, cache, request, fault) -> None:
    outcome = one(server, cache, fault, request)
    assert isinstance(outcome, Fetched), outcome
    (data,) = files(cache).values()
    assert hashlib.sha256(data).hexdigest() == outcome.sha256
    if fault in HARMLESS:
        assert data == server.content(outcome.url.rpartition("=")[2])


def test_too_large_is_known_long_before_the_end(server, cache, request) -> None:
    name = f"{request.node.name}.stl"
    url = server.add(name, "huge-chunked")
    outcome = fetch([url], cache, replace(QUICK, max_bytes=2**30))[url]
    assert (outcome.reason, outcome.detail[:36]) == ("too-large", "the file declares 10000000 triangles")
    assert server.sent[name] < 2**25
    endless = server.add("endless_" + name, "endless")
    assert fetch([endless], cache, replace(QUICK, max_bytes=2**20))[endless].detail == "more than 1048576 bytes"


def test_a_page_is_told_from_a_file_that_begins_like_one(server, cache, request, monkeypatch) -> None:
    name = f"{request.node.name}.stl"
    url = server.add(name, "ok")
    sound = server.content(name)
    header = b"<html> is what this exporter writes into its header".ljust(80)
    monkeypatch.setattr(server, "content", lambda _: header + sound[80:])
    assert isinstance(fetch([url], cache, QUICK)[url], Fetched)
    other = server.add("other_" + name, "ok")
    monkeypatch.setattr(server, "content", lambda _: PAGE)
    assert fetch([other], cache, QUICK)[other].reason == "html-instead-of-stl"


def test_nobody_there_is_unreachable(cache) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}/a.stl", "http://no-such-host.invalid/b.stl", f"https://127.0.0.1:{port}/c.stl"]
    outcomes = fetch(urls, cache, QUICK)
    assert {outcome.reason for outcome in outcomes.values()} == {"unreachable"}
    assert {outcome.attempts for outcome in outcomes.values()} == {QUICK.attempts}


def test_plain_http_where_https_was_meant_is_unreachable(server, cache) -> None:
    url = server.base.replace("http:", "https:") + "/a.stl"
    assert fetch([url], cache, QUICK)[url].reason == "unreachable"


# Going on where it stopped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["dropped-once", "dropped-no-range"])
def test_a_dropped_body_is_continued_where_the_server_can(server, cache, request, fault) -> None:
    outcome = one(server, cache, fault, request)
    name = outcome.url.rpartition("=")[2]
    data = server.content(name)
    asked = [headers.get("Range") for seen, headers in server.seen if seen == name]
    assert asked == [None, f"bytes={len(data) // 2}-"]
    half = len(data) // 2
    assert server.sent[name] == (len(data) if fault == "dropped-once" else half + len(data))


def test_what_changed_meanwhile_is_not_spliced(server, cache, request, monkeypatch) -> None:
    """The second answer has another ETag, so If-Range makes the server send the whole new file."""
    name = f"{request.node.name}.stl"
    url = server.add(name, "dropped-once")
    old, new = server.content(name), server.content(name)[:-50] + bytes(50)
    contents = iter([old, new])
    monkeypatch.setattr(server, "content", lambda _: next(contents))
    outcome = fetch([url], cache, QUICK)[url]
    assert list(files(cache).values()) == [new]
    assert outcome.sha256 == hashlib.sha256(new).hexdigest()


def test_a_killed_download_of_a_large_file_goes_on(server, cache, tmp_path, request, monkeypatch) -> None:
    name = f"{request.node.name}.stl"
    url = server.add(name, "stalls")
    monkeypatch.setattr(server, "repeat", 80)
    data = server.content(name)
    (tmp_path / "links.txt").write_text(url)
    process = start(tmp_path, cache, 2**16)
    mark = None
    deadline = time.monotonic() + 60
    # The server stalls after a third; the last checkpoint before that is at least this far.
    while mark is None or mark < len(data) // 3 - 2**17:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
        marks = [path for path in (cache.folder / "parts").glob("*.json") if not path.name.startswith(".")] \
            if (cache.folder / "parts").exists() else []  # fmt: skip
        mark = json.loads(marks[0].read_bytes())["bytes"] if marks else None
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.by_name[name] = replace(server.by_name[name], fault="ok")
    outcome = fetch([url], cache, QUICK)[url]
    assert outcome.sha256 == hashlib.sha256(data).hexdigest()
    assert server.sent[name] < len(data) - mark + 2**17
    assert not leftovers(cache)


def test_without_a_validator_nothing_is_continued(server, cache, request, monkeypatch) -> None:
    url = server.add(f"{request.node.name}.stl", "cut-short")  # sends no ETag
    assert fetch([url], cache, QUICK)[url].reason == "truncated"
    assert not [headers for seen, headers in server.seen if seen == f"{request.node.name}.stl" and "Range" in headers]


# Many links --------------------------------------------------------------------------------------------------------


def start(tmp_path: Path, cache: Cache, checkpoint: int = 2**22, *wait: str) -> subprocess.Popen[str]:
    here = Path(fetch_process.__file__)
    return subprocess.Popen(
        [sys.executable, str(here), str(tmp_path / "links.txt"), str(cache.folder), str(checkpoint), *wait],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(here.parents[2])},
    )  # fmt: skip


def told(outcomes: dict[str, object]) -> dict[str, object]:
    return {url: (outcome.sha256, outcome.bytes) if isinstance(outcome, Fetched) else (outcome.reason, outcome.detail)
            for url, outcome in outcomes.items()}  # fmt: skip


def test_counts_of_a_faulty_list_add_up(tmp_path) -> None:
    patient = replace(QUICK, stall_s=3)  # on a busy machine an answer may take a second without having stalled
    with Server(400, faults=0.4, seed=4) as server:
        wanted = expected(server.planned)
        listed = parse(fetch_list(server.list_url, Cache(tmp_path), patient, 2**20))
        outcomes = fetch([link.url for link in listed.links if not link.reason], Cache(tmp_path), patient)
    reasons = Counter(getattr(outcome, "reason", "ok") for outcome in outcomes.values())
    assert reasons.pop("ok") == wanted["fetched"]
    assert dict(reasons) == wanted["refused"]["fetch"]
    assert set(FETCH_FAULTS.values()) <= reasons.keys(), "the list is too short to hold every fault"


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_stopped_and_started_again_it_ends_the_same(tmp_path, blow) -> None:
    with Server(600, faults=0.1, seed=1) as server:
        names = {entry.text: entry.name for entry in server.planned}
        urls = [entry.text for entry in server.planned if entry.text.startswith("http") and "%2F" in entry.text
                and entry.fault not in ("separator", "traversal", "control", "stalls")]  # fmt: skip
        (tmp_path / "links.txt").write_text("\n".join(urls))
        whole = fetch(urls, Cache(tmp_path / "whole"), QUICK)
        cut = Cache(tmp_path / "cut")
        for least in (110, 210):
            process = start(tmp_path, cut, 2**22, str(least))
            for line in process.stdout:
                if int(line) >= least:
                    break
            process.send_signal(blow)
            process.communicate()
            assert process.returncode != 0
            finished = read_log(cut.log)
            assert 0 < len(finished) < len(urls)
            for outcome in finished.values():
                if isinstance(outcome, Fetched):
                    assert hashlib.sha256(cut.file(outcome.sha256).read_bytes()).hexdigest() == outcome.sha256
        server.requests.clear()
        resumed = fetch(urls, cut, QUICK)
        assert told(resumed) == told(whole)
        assert told(read_log(cut.log)) == told(read_log(Cache(tmp_path / "whole").log))
        assert not {names[url] for url in finished} & set(server.requests), "what was finished was fetched again"
        assert files(cut) == files(Cache(tmp_path / "whole"))


def test_a_line_is_written_after_its_file_and_the_name_are_on_the_disk(cache, monkeypatch) -> None:
    synced: set[Path] = set()
    original, append = log_module.sync, DownloadLog.append

    def note(path: Path) -> None:
        synced.add(path)
        original(path)

    def check(self: DownloadLog, outcomes: list[object]) -> None:
        for outcome in outcomes:
            path = cache.file(outcome.sha256)
            assert {path, path.parent, path.parent.parent} <= synced
        append(self, outcomes)

    monkeypatch.setattr(log_module, "sync", note)
    monkeypatch.setattr(DownloadLog, "append", check)
    with Server(80, faults=0) as server:
        fetch([entry.text for entry in server.planned], cache, QUICK)
    assert len(read_log(cache.log)) == 80


def test_no_more_than_the_connections_allowed(tmp_path, cache, monkeypatch) -> None:
    with Server(60, faults=0) as server:
        original, busy, most = server.content, [], []

        def slow(name: str) -> bytes:
            busy.append(name)
            most.append(len(busy))
            time.sleep(0.005)
            busy.remove(name)
            return original(name)

        monkeypatch.setattr(server, "content", slow)
        outcomes = fetch([entry.text for entry in server.planned], cache, replace(QUICK, connections=3))
    assert all(isinstance(outcome, Fetched) for outcome in outcomes.values())
    assert 1 < max(most) <= 3


def test_a_network_that_is_gone_is_not_held_against_the_links(cache) -> None:
    with Server(30, faults=0) as server:
        urls = [entry.text for entry in server.planned]
    limits = replace(QUICK, refused_in_a_row=10, attempts=1)
    with pytest.raises(FetchError, match=r"last 10 links all failed \(unreachable\)"):
        fetch(urls, cache, limits)
    assert read_log(cache.log) == {}
    # Fewer than that are noted, and asked for again only if one wants it.
    assert {outcome.reason for outcome in fetch(urls[:5], cache, limits).values()} == {"unreachable"}
    assert len(read_log(cache.log)) == 5
    with Server(30, faults=0, port=int(urls[0].split(":")[2].split("/")[0])):
        again = fetch(urls, cache, limits)
        assert Counter(type(outcome) for outcome in again.values()) == {Fetched: 25, Failed: 5}
        again = fetch(urls, cache, limits, retry_failed=True)
    assert {type(outcome) for outcome in again.values()} == {Fetched}


def test_offline_opens_no_socket(cache, monkeypatch) -> None:
    with Server(12, faults=0) as server:
        urls = [entry.text for entry in server.planned]
        known = fetch(urls[:6], cache, QUICK)
    before = cache.log.read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    outcomes = from_log(urls, cache)
    assert {url: outcomes[url] for url in urls[:6]} == known
    assert {outcomes[url].reason for url in urls[6:]} == {"not-in-cache"}
    assert cache.log.read_bytes() == before
    assert fetch(urls[:6], cache, QUICK) == known  # all there: online it asks nobody either


def test_missing_and_damaged_files_are_fetched_again(cache) -> None:
    with Server(6, faults=0) as server:
        urls = [entry.text for entry in server.planned]
        known = fetch(urls, cache, QUICK)
        paths = [cache.file(known[url].sha256) for url in urls]
        kept = [path.read_bytes() for path in paths]
        paths[0].unlink()
        paths[1].write_bytes(kept[1][:-1])
        paths[2].write_bytes(bytes(len(kept[2])))
        server.requests.clear()
        assert told(fetch(urls, cache, QUICK)) == told(known)
        assert sorted(server.requests) == sorted(entry.name for entry in server.planned[:2])
        assert told(fetch(urls, cache, QUICK, verify=True)) == told(known)
        assert sorted(server.requests) == sorted(entry.name for entry in server.planned[:3])
    assert [path.read_bytes() for path in paths] == kept


def test_one_cache_one_process(cache) -> None:
    from filelock import FileLock

    cache.prepare()
    with FileLock(cache.folder / ".lock"), pytest.raises(FetchError, match="another process"):
        fetch(["http://127.0.0.1:1/a.stl"], cache, QUICK)


@pytest.mark.parametrize("where", ["rename", "log"])
def test_a_full_disk_is_said_and_leaves_nothing_half_written(cache, monkeypatch, where) -> None:
    with Server(20, faults=0) as server:
        urls = [entry.text for entry in server.planned]
        count = 0

        def full(*_: object, **__: object) -> None:
            nonlocal count
            count += 1
            if count > (5 if where == "rename" else 0):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            if where == "rename":
                original = fetching.Cache.part

                def part(self: Cache, url: str, checkpoint: int):
                    made = original(self, url, checkpoint)
                    spill = made._spill
                    made._spill = lambda: (full(), spill())
                    return made

                patched.setattr(Cache, "part", part)
            else:
                patched.setattr(DownloadLog, "append", full)
            with pytest.raises(OSError, match="No space left"):
                fetch(urls, cache, QUICK)
        for name, data in files(cache).items():
            assert hashlib.sha256(data).hexdigest() == name
        outcomes = fetch(urls, cache, QUICK)
    assert all(isinstance(outcome, Fetched) for outcome in outcomes.values())


def test_retry_after_is_waited_for(cache, request) -> None:
    with Server(retry_after=1) as server:
        began = time.monotonic()
        outcome = one(server, cache, "limited-once", request)
        assert isinstance(outcome, Fetched)
        assert time.monotonic() - began >= 1
