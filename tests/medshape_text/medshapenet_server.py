"""A server on this machine that hands out a list of links and the files behind them, faults included. Also a program.

    python tests/medshape_text/medshapenet_server.py --lines 5000 [--faults 0.01] [--copies 10] [--real DIR]

prints the address of the list, and what has to become of its lines, as JSON; it serves until it is stopped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import struct
import sys
import threading
from collections import Counter
from functools import cached_property
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import shape_pool
from link_plan import FAULTS, FETCH_FAULTS, LATER_FAULTS, LIST_FAULTS, READ_FAULTS, Planned, plan, text_of

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body>The share is not available.</body></html>\n"
HUGE = 10_000_000
COPIES = {"rotated": shape_pool.rotated, "mirrored": shape_pool.mirrored, "remeshed": shape_pool.remeshed}


class Server(ThreadingHTTPServer):
    """Serves ``planned`` lines; counts requests and bytes by file name.

    ``retry_after`` is sent with every 429 and 503, in whole seconds; ``hold`` is how long a stall lasts at most.
    ``repeat`` makes the files that many times longer (their triangles repeat), for tests of long downloads.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, lines: int = 0, *, port: int = 0, faults: float = 0.01, seed: int = 0, copies: int = 0,
        real: Path | None = None, retry_after: int = 0, hold: float = 600, repeat: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(("127.0.0.1", port), _Handler)
        self.planned: list[Planned] = plan(lines, self.base, faults, seed, copies)
        self.bases = shape_pool.pool(real)
        self.retry_after, self.hold, self.repeat = retry_after, hold, repeat
        self.requests: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    @property
    def base(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def list_url(self) -> str:
        """Where its list is."""
        return f"{self.base}/list.txt"

    @cached_property
    def by_name(self) -> dict[str, Planned]:
        """What is to be served under a name."""
        return {entry.name: entry for entry in self.planned if entry.fault not in LIST_FAULTS}

    def add(self, name: str, fault: str, structure: str = "liver") -> str:
        """Plan one more file and return its link."""
        text = f"{self.base}/s/HeShw1G4da15OOZ/download?path=%2F&files={name}"
        self.by_name[name] = Planned(text, name, structure, fault)
        return text

    def content(self, name: str) -> bytes:
        """The sound file of a name."""
        entry = self.by_name[name]
        if entry.original:
            original = self.by_name[entry.original]
            mesh = shape_pool.shape_of(original.name, original.structure, self.bases)
            return shape_pool.stl(COPIES[entry.copy](mesh, name))
        mesh = shape_pool.shape_of(name, entry.structure, self.bases)
        if entry.fault == "nan":
            vertices = mesh[0].copy()
            vertices[len(vertices) // 2] = np.nan
            mesh = vertices, mesh[1]
        if self.repeat > 1:
            mesh = mesh[0], np.tile(mesh[1], (self.repeat, 1))
        return shape_pool.ascii_stl(mesh) if entry.fault == "ascii" else shape_pool.stl(mesh)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is not worth a word."""

    def start(self) -> Server:
        """Serve from a thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """End all that is going on."""
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def expected(planned: list[Planned]) -> dict[str, Any]:
    """What has to become of the lines: how many are fetched, and how many are refused where and why."""
    counts: dict[str, Counter[str]] = {"list": Counter(), "fetch": Counter(), "read": Counter(), "later": Counter()}
    tables = {"list": LIST_FAULTS, "fetch": FETCH_FAULTS, "read": READ_FAULTS, "later": LATER_FAULTS}
    for entry in planned:
        for stage, table in tables.items():
            if entry.fault in table:
                counts[stage][table[entry.fault]] += 1
    refused = counts["list"].total() + counts["fetch"].total()
    return {
        "lines": len(planned),
        "fetched": len(planned) - refused,
        "refused": {stage: dict(sorted(reasons.items())) for stage, reasons in counts.items()},
        "faults": dict(sorted(Counter(entry.fault for entry in planned if entry.fault in FAULTS).items())),
        "copies": [[entry.original, entry.name, entry.copy] for entry in planned if entry.copy],
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/list.txt":
            self._whole(text_of(self.server.planned), "text/plain")
            return
        query = parse_qs(parts.query)
        name = query["files"][0] if "files" in query else unquote(parts.path.rpartition("/")[2])
        entry = self.server.by_name.get(name)
        with self.server.lock:
            self.server.requests[name] += 1
            self.server.seen.append((name, dict(self.headers)))
            first = self.server.requests[name] == 1
        if entry is None:
            self._status(404, b"no such file")
        elif (answer := getattr(self, "_" + entry.fault.replace("-", "_"), None)) is not None:
            answer(name, first)
        else:
            self._file(self.server.content(name), name)

    # Answers of a sound server -----------------------------------------------------------------------------------

    def _whole(self, data: bytes, kind: str = "model/stl", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | headers).items():
            self.send_header(key.replace("_", "-"), value)
        self._head_and(data)

    def _head_and(self, data: bytes) -> None:
        """One write for head and body: two would wait for each other's acknowledgement."""
        buffered = b"".join([*self._headers_buffer, b"\r\n"])
        self._headers_buffer = []
        self.wfile.write(buffered + data)

    def _status(self, status: int, data: bytes = b"", **headers: str) -> None:
        self._whole(data, "text/plain", status, **headers)

    def _file(self, data: bytes, name: str, *, ranges: bool = True, stop_at: int | None = None) -> None:
        """A file or the asked part of it; ``stop_at`` breaks the connection after so many bytes."""
        etag = f'"{sha256(data).hexdigest()[:16]}"'
        start, asked = 0, self.headers.get("Range", "")
        if ranges and asked.startswith("bytes=") and self.headers.get("If-Range", etag) == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        body = data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "model/stl")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        kept = body if stop_at is None else body[: stop_at - start]
        with self.server.lock:
            self.server.sent[name] += len(kept)
        self._head_and(kept)
        if stop_at is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    # Answers of an unsound one -----------------------------------------------------------------------------------

    def _empty(self, name: str, first: bool) -> None:
        self._whole(b"")

    def _html(self, name: str, first: bool) -> None:
        self._whole(PAGE, "text/html; charset=utf-8")

    def _error_page(self, name: str, first: bool) -> None:
        self._whole(b"\n  " + PAGE * 50)

    def _missing(self, name: str, first: bool) -> None:
        self._status(404, PAGE)

    def _gone(self, name: str, first: bool) -> None:
        self._status(410)

    def _forbidden(self, name: str, first: bool) -> None:
        self._status(403, PAGE)

    def _broken(self, name: str, first: bool) -> None:
        self._status(500, PAGE)

    def _limited(self, name: str, first: bool) -> None:
        self._status(429, Retry_After=str(self.server.retry_after))

    def _limited_once(self, name: str, first: bool) -> None:
        self._limited(name, first) if first else self._file(self.server.content(name), name)

    def _busy_once(self, name: str, first: bool) -> None:
        if first:
            self._status(503, Retry_After=str(self.server.retry_after))
        else:
            self._file(self.server.content(name), name)

    def _huge_head(self) -> bytes:
        return b"ten million triangles".ljust(80) + HUGE.to_bytes(4, "little")

    def _huge(self, name: str, first: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(84 + 50 * HUGE))
        self._head_and(self._huge_head())
        self._pour(name, HUGE * 50)

    def _huge_chunked(self, name: str, first: bool) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self._head_and(b"54\r\n" + self._huge_head() + b"\r\n")
        self._pour(name, HUGE * 50, chunked=True)

    def _endless(self, name: str, first: bool) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self._head_and(b"6\r\nsolid \r\n")
        self._pour(name, 2**62, chunked=True)

    def _pour(self, name: str, size: int, *, chunked: bool = False) -> None:
        """Zeros for as long as the client takes them."""
        block = bytes(2**16)
        try:
            for _ in range(0, size, len(block)):
                if self.server.stopping.is_set():
                    break
                self.wfile.write(b"10000\r\n" + block + b"\r\n" if chunked else block)
                with self.server.lock:
                    self.server.sent[name] += len(block)
        finally:
            self.close_connection = True

    def _bomb(self, name: str, first: bool) -> None:
        self._whole(gzip.compress(bytes(2**22)), Content_Encoding="gzip")

    def _stalls(self, name: str, first: bool) -> None:
        data = self.server.content(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{sha256(data).hexdigest()[:16]}"')
        self._head_and(data[: len(data) // 3])
        self.server.stopping.wait(self.server.hold)
        self.close_connection = True

    def _resets(self, name: str, first: bool) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _cut_short(self, name: str, first: bool) -> None:
        data = self.server.content(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self._head_and(data[:-1000])
        self._hang_up()

    def _dropped_once(self, name: str, first: bool) -> None:
        data = self.server.content(name)
        self._file(data, name, stop_at=len(data) // 2 if first else None)

    def _dropped_no_range(self, name: str, first: bool) -> None:
        data = self.server.content(name)
        self._file(data, name, ranges=False, stop_at=len(data) // 2 if first else None)

    def _truncated(self, name: str, first: bool) -> None:
        self._whole(self.server.content(name)[:500])

    def _lying_count(self, name: str, first: bool) -> None:
        data = self.server.content(name)
        self._whole(data[:80] + (2**32 - 1).to_bytes(4, "little") + data[84:])

    def _garbage(self, name: str, first: bool) -> None:
        self._whole(np.random.default_rng(1).bytes(20_000))

    def _moved(self, name: str, first: bool) -> None:
        if "moved=1" in self.path:
            self._file(self.server.content(name), name)
        else:
            self._status(302, Location=f"/elsewhere/{name}?moved=1")

    def _file_redirect(self, name: str, first: bool) -> None:
        self._status(302, Location="file:///etc/passwd")

    def _redirect_loop(self, name: str, first: bool) -> None:
        self._status(307, Location=self.path)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--retry-after", type=int, default=0)
    options = parser.parse_args()
    with Server(options.lines, port=options.port, faults=options.faults, seed=options.seed, copies=options.copies,
                real=options.real, retry_after=options.retry_after) as server:  # fmt: skip
        sys.stdout.write(json.dumps({"list": server.list_url, "expected": expected(server.planned)}) + "\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
