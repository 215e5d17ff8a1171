"""The log of a download survives any cut, and servers are asked as they wish to be."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from medshape_text.sources.medshapenet import download_log
from medshape_text.sources.medshapenet.download_log import (
    Cache,
    DownloadLog,
    DownloadLogError,
    Failed,
    Fetched,
    read_log,
)
from medshape_text.sources.medshapenet.fetch import fetch
from medshape_text.sources.medshapenet.rate_limits import Gate, RateLimits, retry_after

# The log --------------------------------------------------------------------------------------------------------

LINES = [
    Fetched("http://a/1", "0" * 64, 10, '"x"', "Sun, 22 Nov 2026 05:00:00 GMT"),
    Failed("http://a/2", "not-found", "HTTP 404", 1),
    Fetched("http://a/3\u2028é", "f" * 64, 0),
]


def test_any_cut_of_the_last_line_is_mended(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    DownloadLog(path).append(LINES[:2])
    kept = path.read_bytes()
    DownloadLog(path).append(LINES[2:])
    whole = path.read_bytes()
    assert read_log(path) == {line.url: line for line in LINES}
    for length in range(len(kept), len(whole)):
        path.write_bytes(whole[:length])
        assert read_log(path) == {line.url: line for line in LINES[:2]}
        DownloadLog(path).mend()
        assert path.read_bytes() == kept
    path.write_bytes(whole[:5])
    DownloadLog(path).mend()
    assert path.read_bytes() == b""


def test_the_last_word_counts_and_damage_is_told(tmp_path) -> None:
    path = tmp_path / "ledger.jsonl"
    DownloadLog(path).append([LINES[1], Fetched("http://a/2", "1" * 64, 5)])
    assert read_log(path)["http://a/2"] == Fetched("http://a/2", "1" * 64, 5)
    for wrong in (b"{}\n", b"nonsense\n", b'{"status":"ok","url":"u","sha256":"../../etc","bytes":1}\n'):
        path.write_bytes(wrong + path.read_bytes())
        with pytest.raises(DownloadLogError, match="line 1"):
            read_log(path)
        path.write_bytes(path.read_bytes().removeprefix(wrong))


def test_a_refused_append_leaves_no_trace(tmp_path, monkeypatch) -> None:
    path = tmp_path / "ledger.jsonl"
    DownloadLog(path).append(LINES[:1])
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(OSError, match="full"):
            DownloadLog(path).append(LINES[1:])
    assert path.read_bytes() == before


def test_the_name_of_a_new_log_is_on_the_disk_too(tmp_path, monkeypatch) -> None:
    synced = []
    monkeypatch.setattr(download_log, "sync", synced.append)
    DownloadLog(tmp_path / "ledger.jsonl").append(LINES[:1])
    assert synced == [tmp_path]
    DownloadLog(tmp_path / "ledger.jsonl").append(LINES[1:])
    assert synced == [tmp_path], "only a new file has a new name"


# Manners -----------------------------------------------------------------------------------------------------------


def test_what_a_server_asks_to_wait() -> None:
    assert retry_after("7", 60) == 7
    assert retry_after("700", 60) == 60
    assert retry_after(None, 60) is None
    assert retry_after("soon", 60) is None
    assert retry_after("-3", 60) is None
    assert retry_after("Sun, 06 Nov 1994 08:49:37 +99999999999999999", 60) is None
    later = datetime.now(UTC) + timedelta(seconds=20)
    assert retry_after(format_datetime(later, usegmt=True), 60) == pytest.approx(20, abs=2)
    assert retry_after(format_datetime(later - timedelta(days=1), usegmt=True), 60) == 0


def test_back_off_grows_and_depends_on_link_and_attempt_alone() -> None:
    limits = RateLimits(backoff_s=1, backoff_limit_s=20)
    waits = [limits.backoff("http://a/1", attempt) for attempt in range(1, 9)]
    assert waits == [limits.backoff("http://a/1", attempt) for attempt in range(1, 9)]
    assert waits != [limits.backoff("http://a/2", attempt) for attempt in range(1, 9)]
    for wait, full in zip(waits, [1, 2, 4, 8, 16, 20, 20, 20], strict=True):
        assert full / 2 <= wait <= full


def test_a_host_is_left_alone_as_long_as_it_asks_and_the_rate_is_kept() -> None:
    async def turns() -> list[float]:
        clock = asyncio.get_running_loop()
        gate, begun, took = Gate(20), clock.time(), []
        for host in ("a", "a", "b", "a"):
            await gate.turn(host)
            took.append(clock.time() - begun)
        gate.pause("a", 0.2)
        await gate.turn("a")
        return [*took, clock.time() - begun]

    first, second, other, third, paused = asyncio.run(turns())
    assert second - first >= 0.049
    assert third - second >= 0.049
    assert other < third
    assert paused - third >= 0.199


def test_a_server_that_drips_is_stalled(tmp_path) -> None:
    """Bytes keep arriving, each well within the time of a read, but too few."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        program = (
            "import socket, sys, time\n"
            "listening = socket.socket(fileno=int(sys.argv[1]))\n"
            "while True:\n"
            "    taken, _ = listening.accept()\n"
            "    taken.recv(4096)\n"
            "    taken.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 100000\\r\\n\\r\\n')\n"
            "    try:\n"
            "        for _ in range(80):\n"
            "            taken.sendall(b'x')\n"
            "            time.sleep(0.05)\n"
            "    except OSError:\n"
            "        pass\n"
            "    taken.close()\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(listening.fileno())], pass_fds=[listening.fileno()]
        )
        try:
            url = f"http://127.0.0.1:{port}/a.stl"
            outcome = fetch([url], Cache(tmp_path), RateLimits(stall_s=1, attempts=1))[url]
        finally:
            process.kill()
            process.wait()
    assert outcome.reason == "stalled"
