"""A submission becomes a pull request on a results data set of the Hub: one commit with all of its files.

The large file goes to the Hub's store first, where nobody sees it; then one request opens the pull request and makes
its commit. So a fault leaves nothing or all of it, and the same call looks first whether it is already there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import CommitOperationAdd
from huggingface_hub.hf_api import RepoFile

from leaderboard.submission.layout import SUBMISSIONS, SubmissionError
from leaderboard.submission.reading import Submission, open_submission
from medshape_text.publish import HubError
from medshape_text.publish.hub import ATTEMPTS, FAILURES, Repository, same_content

TITLE = "Submission {id}"
_OPEN = ("open", "draft")


@dataclass(frozen=True)
class Pushed:
    """What was done, or would be.

    Attributes:
        id: of the submission.
        url: of the pull request; of the repository if it was merged before, or nothing was sent.
        state: "opened", "already-open", "already-merged" or "dry-run".
        files: path in the repository -> bytes.
        number: of the pull request.
        title, description: of the pull request.
    """

    id: str
    url: str
    state: str
    files: Mapping[str, int] = field(default_factory=dict)
    number: int | None = None
    title: str = ""
    description: str = ""


def push_submission(
    folder: Path, repo: str, *, dry_run: bool = False, endpoint: str | None = None, token: str | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Pushed:  # fmt: skip
    """Open a pull request that adds a submission to a results data set, unless there is one.

    Args:
        folder: of the submission.
        repo: ``ORG/NAME``, a data set that exists.
        dry_run: only say what would be sent; nobody is asked.
        endpoint: of the Hub; None for the usual one.
        token: None for the one that ``hf auth login`` keeps; it need not be able to write to the repository.
        wait: how to wait some seconds.

    Raises:
        SubmissionError: code ``hub``, or those of `open_submission`; the same command continues.
    """
    submission = open_submission(folder)
    target = Results(repo, endpoint, token, wait)
    if dry_run:
        return target.pushed(submission, target.url, "dry-run")
    try:
        return target.propose(submission)
    except HubError as error:
        raise SubmissionError("hub", str(error)) from error


class Results(Repository):
    """A results data set ``ORG/NAME`` on the Hub."""

    def propose(self, submission: Submission) -> Pushed:
        """Open a pull request with a submission, unless it is merged or waits already.

        Raises:
            HubError: in one sentence, with what to do.
        """
        paths = {f"{SUBMISSIONS}/{submission.id}/{name}": name for name in submission.files.hashes}
        additions = [CommitOperationAdd(path, submission.folder / name) for path, name in paths.items()]
        for attempt in range(ATTEMPTS):
            if (there := self._there(submission, paths)) is not None:
                return there
            self.ask(lambda: self.store(additions, create_pr=True))
            try:
                made = self.api.create_commit(
                    self.name, additions, commit_message=TITLE.format(id=submission.id),
                    commit_description=description(submission), repo_type="dataset", create_pr=True,
                )  # fmt: skip
            except FAILURES as error:  # it may have been made all the same: look before asking again
                self.again(error, attempt)
                continue
            return self.pushed(submission, str(made.pr_url), "opened", made.pr_num)
        raise AssertionError("the last attempt returns or raises")

    def pushed(self, submission: Submission, url: str, state: str, number: int | None = None) -> Pushed:
        """What to say of a submission."""
        sizes = submission.files.sizes
        files = {f"{SUBMISSIONS}/{submission.id}/{name}": size for name, size in sorted(sizes.items())}
        title = TITLE.format(id=submission.id)
        return Pushed(submission.id, url, state, files, number, title, description(submission))

    def _there(self, submission: Submission, paths: Mapping[str, str]) -> Pushed | None:
        if self._holds(submission, paths, None):
            return self.pushed(submission, self.url, "already-merged")
        for number in self._waiting(submission.id):
            if self._holds(submission, paths, f"refs/pr/{number}"):
                return self.pushed(submission, f"{self.url}/discussions/{number}", "already-open", number)
        return None

    def _waiting(self, name: str) -> Iterator[int]:
        """Numbers of open pull requests that say they are this submission; anybody may say so."""
        found = self.ask(
            lambda: list(
                self.api.get_repo_discussions(
                    self.name, repo_type="dataset", discussion_type="pull_request", discussion_status="open"
                )
            )
        )
        for item in found:
            if item.is_pull_request and item.status in _OPEN and item.title == TITLE.format(id=name):
                yield item.num

    def _holds(self, submission: Submission, paths: Mapping[str, str], revision: str | None) -> bool:
        """Whether a revision has all files of a submission with their content."""
        entries = self.ask(
            lambda: self.api.get_paths_info(self.name, list(paths), revision=revision, repo_type="dataset")
        )
        there = {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
        digests = submission.files.hashes
        return all(
            same_content(submission.folder / name, digests[name], there.get(path)) for path, name in paths.items()
        )


def description(submission: Submission) -> str:
    """What the pull request says: names and hashes only, nothing a submitter wrote."""
    document = submission.document
    listing = "\n".join(f"- `{name}` `{digest}`" for name, digest in sorted(submission.files.hashes.items()))
    return (
        f"Submission `{submission.id}` to task `{document['task']}`, "
        f"split `{document['data']['split']}` of data revision `{document['data']['revision']}`.\n\n"
        f"Files and their SHA-256:\n\n{listing}\n\n"
        f"To check it: `genmed-bench verify {SUBMISSIONS}/{submission.id}`\n"
    )
