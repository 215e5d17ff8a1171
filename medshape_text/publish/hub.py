"""Bringing files to a repository of the Hub: by content, so that what is there is not sent again, and in one commit.

Large files go to the Hub's store first, where nobody sees them; one commit then names all files at once and takes
away those of an earlier version. Until that commit the repository shows what it showed before. After a kill, the
same call asks the store what it has and sends the rest. What the client raises is told in a sentence without secrets.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from huggingface_hub import CommitOperation, CommitOperationAdd, CommitOperationDelete, HfApi, errors, get_token
from huggingface_hub.hf_api import RepoFile

_QUERY = re.compile(r"(?<=\S)\?[^\s'\"]+=[^\s'\"]*")
"""What follows the path in addresses of the Hub's store gives leave to write there: nothing to show."""
T = TypeVar("T")
ATTEMPTS = 5
"""How often the Hub is asked the same."""
_LONGEST_WAIT = 60.0
_BUSY = (408, 409, 412, 429, 500, 502, 503, 504)
"""Answers after which the same question may get another one; 409 and 412: somebody else committed meanwhile."""
_CHUNK = 1 << 20
_FILES_AT_ONCE = 8


Progress = Callable[[str, int, int], None]
FAILURES: tuple[type[Exception], ...] = (OSError, errors.HTTPError)  # type: ignore[attr-defined]
"""What the client raises: its own errors, and those of the HTTP library below it, whichever that is."""


class HubError(RuntimeError):
    """The Hub refused, or could not be reached; the same command continues."""


@dataclass(frozen=True)
class Pushed:
    """What was done: ``commit`` is the repository's state; ``sent`` files were new or changed, ``removed`` went."""

    url: str
    commit: str
    sent: int
    removed: int


@dataclass
class Repository:
    """A data-set repository ``ORG/NAME``.

    Attributes:
        name: of it.
        endpoint: of the Hub; None for the usual one.
        token: of a user who may write; None for the one that ``hf auth login`` keeps.
        wait: how to wait some seconds.
    """

    name: str
    endpoint: str | None = None
    token: str | None = None
    wait: Callable[[float], None] = time.sleep

    @cached_property
    def api(self) -> HfApi:
        """The Hub's own client.

        Raises:
            HubError: for a token that cannot be sent: what then complains below may show it.
        """
        token = self.token or get_token() or ""
        if not (token.isascii() and token.isprintable()):
            raise HubError("the token holds characters that no token has: run `hf auth login` or set HF_TOKEN anew")
        return HfApi(endpoint=self.endpoint, token=self.token)

    @property
    def url(self) -> str:
        """Where people see it, without what somebody may have put into the address to log in."""
        host = urlsplit(self.api.endpoint)
        return f"{host._replace(netloc=host.netloc.rpartition('@')[2]).geturl()}/datasets/{self.name}"

    def push(
        self, folder: Path, files: Mapping[str, str], managed: Callable[[str], bool], message: str, *, private: bool,
        progress: Progress,
    ) -> Pushed:  # fmt: skip
        """Make the repository hold these files; those of an earlier version that are no more go.

        Args:
            folder: the files lie in.
            files: paths in it → their sha256.
            managed: says of a path in the repository whether it is ours to take away.
            message: of the commit.
            private: whether a new repository is to be private; an existing one stays what it is.
            progress: called as files are sent.

        Raises:
            HubError: in one sentence, with what to do.
        """
        self.ask(lambda: self.api.create_repo(self.name, repo_type="dataset", private=private, exist_ok=True))
        sent = 0
        for attempt in range(ATTEMPTS):
            head, there = self._state()
            changed = [
                path for path, digest in files.items() if not same_content(folder / path, digest, there.get(path))
            ]
            stale = [path for path in there if path not in files and managed(path)]
            if not changed and not stale:
                return Pushed(self.url, head, sent, 0)
            additions = [CommitOperationAdd(path, folder / path) for path in changed]
            self._send(additions, progress)
            sent = len(changed)
            operations: list[CommitOperation] = [*additions, *(CommitOperationDelete(path) for path in stale)]
            try:
                made = self.api.create_commit(
                    self.name, operations, commit_message=message, repo_type="dataset", parent_commit=head
                )
            except FAILURES as error:  # it may have been made all the same: look again before asking again
                self.again(error, attempt)
                continue
            return Pushed(self.url, made.oid, sent, len(stale))
        raise AssertionError("the last attempt returns or raises")

    def _send(self, additions: list[CommitOperationAdd], progress: Progress) -> None:
        for start in range(0, len(additions), _FILES_AT_ONCE):
            progress("uploading", start, len(additions))
            some = additions[start : start + _FILES_AT_ONCE]
            self.ask(lambda some=some: self.store(some))  # type: ignore[misc]
        progress("uploading", len(additions), len(additions))

    def store(self, additions: list[CommitOperationAdd], *, create_pr: bool = False) -> None:
        """Send what is large to the Hub's store, where nobody sees it yet.

        The client wraps what went wrong there in a plain RuntimeError; here it is what it was.
        """
        try:
            self.api.preupload_lfs_files(
                self.name, additions, repo_type="dataset", create_pr=create_pr, num_threads=2, free_memory=False
            )
        except RuntimeError as error:
            if isinstance(error, FAILURES):
                raise
            cause = error.__cause__
            raise (cause if isinstance(cause, FAILURES) else ConnectionError(str(error))) from error

    def _state(self) -> tuple[str, dict[str, RepoFile]]:
        """The newest commit and its files."""
        head = self.ask(lambda: self.api.repo_info(self.name, repo_type="dataset").sha)
        entries = self.ask(
            lambda: list(self.api.list_repo_tree(self.name, recursive=True, revision=head, repo_type="dataset"))
        )
        return str(head), {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def ask(self, question: Callable[[], T]) -> T:
        """The answer to a question that may be asked more than once.

        Raises:
            HubError: if there is none.
        """
        for attempt in range(ATTEMPTS):
            try:
                return question()
            except FAILURES as error:
                self.again(error, attempt)
        raise AssertionError("the last attempt returns or raises")

    def again(self, error: Exception, attempt: int) -> None:
        """Wait where asking again may help; else say what is wrong.

        Raises:
            HubError: where it does not help, or after the last attempt.
        """
        final = explain(error, self.url, self.name)
        response = getattr(error, "response", None)
        status = None if response is None else int(response.status_code)
        lasting = isinstance(error, errors.LocalTokenNotFoundError | errors.OfflineModeIsEnabled | FileNotFoundError)
        if lasting or (status is not None and status not in _BUSY) or attempt == ATTEMPTS - 1:
            raise HubError(final) from error
        named = None if response is None else response.headers.get("Retry-After", "")
        self.wait(min(float(named) if named and named.isdigit() else 2.0**attempt, _LONGEST_WAIT))


def same_content(path: Path, digest: str, there: RepoFile | None) -> bool:
    """Whether the Hub has this content, of which ``digest`` is the sha256."""
    if there is None or there.size != path.stat().st_size:
        return False
    if there.lfs is not None:
        return bool(there.lfs.sha256 == digest)
    return bool(there.blob_id == _git_hash(path))


def _git_hash(path: Path) -> str:
    """The name git gives to this content."""
    found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def explain(error: Exception, where: str, name: str) -> str:
    """One sentence about what the client raised, ``where`` being the address of the repository ``name``."""
    again = "Nothing is lost: run the same command to continue."
    if isinstance(error, errors.LocalTokenNotFoundError):
        return f"no token for {where}: run `hf auth login` or give one with write permission. {again}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"HF_HUB_OFFLINE is set, so {where} cannot be reached: unset it. {again}"
    if not isinstance(error, errors.HfHubHTTPError) or error.response is None:
        return f"{where} cannot be reached ({' '.join(str(error).split()) or type(error).__name__}). {again}"
    status = error.response.status_code
    known = {
        401: "the token is missing or no longer valid: run `hf auth login` with a token that may write",
        403: f"this token may not write to {name}: use one with write permission for it",
        404: f"there is no {name}, or this token may not see it: check the name and the token",
        413: "the Hub says that a file is too large",
        429: "the Hub asks to slow down: wait a few minutes",
    }
    said = _QUERY.sub("", " ".join(str(error.server_message or error).split()))[:200]
    other = f"the Hub has trouble of its own ({status})" if status >= 500 else f"the Hub refused ({status}: {said})"
    return f"{where}: {known.get(status, other)}. {again}"
