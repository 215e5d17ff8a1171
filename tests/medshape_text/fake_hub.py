"""The endpoints of the Hugging Face Hub that its own clients ask, on 127.0.0.1 and in memory, with planted faults.

What it answers was learnt by listening to ``huggingface_hub`` 2.4 and ``datasets`` 5.2. Set ``HF_ENDPOINT`` to
``hub.url``, ``HF_HOME`` to an empty folder, any ``HF_TOKEN`` and ``HF_HUB_DISABLE_XET=1`` before the clients are
imported (`environment` does), i.e. run them in a process of their own.

>>> with FakeHub() as hub:
...     repo = hub.create("datasets", "org/name")
...     _ = hub.commit(repo, {"README.md": b"hello"})
...     hub.faults.append(Fault("PUT", "/_lfs/", 503, times=2))
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from fake_hub_answers import Answer, Request, as_json
from fake_hub_state import Repo


@dataclass
class Fault:
    """Some requests that fail: those of ``method`` ("" for any) whose path matches ``path``.

    The first ``after`` of them go well, the next ``times`` do not. ``status`` is the answer; 0 closes the connection
    without one. ``lost`` does what was asked for all the same, so that only the answer
    is wrong. With ``hold`` the answer waits for that event, at most a minute.
    """

    method: str
    path: str
    status: int
    times: int = 1
    after: int = 0
    lost: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None
    seen: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Count a request, and say whether it is to fail."""
        if self.method not in ("", method) or not re.search(self.path, path):
            return False
        self.seen += 1
        return self.after < self.seen <= self.after + self.times


class FakeHub:
    """The server, from ``with FakeHub() as hub`` on; ``log`` holds (method, path, status) of every answer."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.store: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str, int]] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path) -> dict[str, str]:
        """Variables for a process whose clients are to ask this hub, beside those of the system."""
        return {
            "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_TOKEN": "hf_fake", "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip

    def create(self, kind: str, name: str, private: bool = False) -> Repo:
        """A new repository ("datasets" or "models") with its first commit."""
        repo = self.repos[kind, name] = Repo(kind, name, private)
        self.commit(repo, {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}, "initial commit")
        return repo

    def commit(self, repo: Repo, files: dict[str, bytes], message: str = "", ref: str = "main") -> str:
        """Make ``files`` all that a reference shows."""
        name = hashlib.sha1(f"{repo.kind}{repo.name}{len(repo.commits)}".encode(), usedforsecurity=False).hexdigest()
        repo.commits.append((name, dict(files), message))
        repo.refs[ref] = name
        return name

    def requests(self, method: str, path: str) -> int:
        """How many answered requests of a method had a path that matches."""
        return sum(found == method and bool(re.search(path, asked)) for found, asked, _ in self.log)


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer waits 40 ms for the client to acknowledge its first half

        def log_message(self, *_: object) -> None:
            """Say nothing: the hub keeps its own log."""

        def _handle(self) -> None:
            body = self._body()
            url = urlparse(self.path)
            with hub.lock:
                fault = next((fault for fault in hub.faults if fault.strikes(self.command, self.path)), None)
            if fault is not None and fault.hold is not None:
                fault.hold.wait(60)
            with hub.lock:
                if fault is None or fault.lost:
                    request = Request(hub, self.command, url.path, parse_qs(url.query), self.headers, body)
                    try:
                        answer = request.answer()
                    except Answer as found:
                        answer = found
                if fault is not None:
                    answer = as_json({"error": "planted"}, fault.status or 500, fault.headers)
                hub.log.append((self.command, self.path, answer.status if fault is None or fault.status else 0))
            if fault is not None and not fault.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = _handle  # noqa: N815 (the names the standard library asks for)

        def _body(self) -> bytes:
            if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

    return Handler
