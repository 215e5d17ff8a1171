"""The site over HTTP, for this machine only."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmark.errors import RunError
from leaderboard.site.files import MARKER
from leaderboard.site.pages import POLICY

LOCAL = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site and nothing else: no listings, no writing, the same policy as in the pages."""

    server_version = "genmed-bench"
    sys_version = ""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: Any) -> None:  # noqa: ANN401 - as the base class has it
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        pass


def make_server(target: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of the site on 127.0.0.1; port 0 takes a free one (``server.server_port`` says which).

    Raises:
        RunError: if ``target`` is no site, or the port is taken.
    """
    if not (target / MARKER).is_file():
        raise RunError(f"{target} is not a site made by genmed-bench; build one first")
    try:
        return ThreadingHTTPServer((LOCAL, port), partial(_Handler, directory=str(target)))
    except OSError as error:
        raise RunError(f"cannot serve on {LOCAL}:{port}: {error.strerror or error}") from error


def serve(target: Path, port: int = 8000) -> None:
    """Serve the site on 127.0.0.1 until interrupted.

    Raises:
        RunError: if ``target`` is no site, or the port is taken.
    """
    with make_server(target, port) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
