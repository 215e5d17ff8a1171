"""Pull requests with submissions, by the Hub's real client: one, whole, and the same after every fault."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from fake_hub import FakeHub, Fault
from submitting_process import CARD
from submitting_server import contents

from leaderboard.submission import SubmissionError
from leaderboard.submission.hub import Pushed, push_submission
from leaderboard.submission.making import make_submission

REPO = "org/results"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a results data set; the client's waits between attempts take no time."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with FakeHub() as running:
        running.create("datasets", REPO)
        yield running


@pytest.fixture(scope="module")
def submission(run_of: Callable[..., Path], data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_submission(run_of("fair"), tmp_path_factory.mktemp("made"), CARD, data_set)


def push(folder: Path, server: FakeHub, **options: object) -> Pushed:
    return push_submission(folder, REPO, endpoint=server.url, token="hf_fake", wait=lambda _: None, **options)  # noqa: S106


def proposed(server: FakeHub) -> dict[int, dict[str, bytes]]:
    """Pull request -> the files it adds to what everybody sees, which is nothing yet."""
    repo = server.repos["datasets", REPO]
    assert set(repo.files) == {".gitattributes"}
    found = {number: repo.at(f"refs/pr/{number}") for number in repo.discussions}
    return {
        number: {path: body for path, body in state[1].items() if path not in repo.files}
        for number, state in found.items() if state is not None
    }  # fmt: skip


def placed(folder: Path) -> dict[str, bytes]:
    return {f"submissions/{folder.name}/{name}": body for name, body in contents(folder).items()}


def test_a_pull_request_has_all_files_in_one_commit(submission: Path, server: FakeHub) -> None:
    result = push(submission, server)
    assert proposed(server) == {1: placed(submission)}
    repo = server.repos["datasets", REPO]
    assert len(repo.commits) == 2
    assert repo.discussions[1].pull_request
    assert repo.discussions[1].title == result.title == f"Submission {submission.name}"
    assert (result.state, result.number) == ("opened", 1)
    assert result.url == f"{server.url}/datasets/{REPO}/discussions/1"
    assert result.files == {path: len(body) for path, body in placed(submission).items()}
    assert server.requests("POST", "/api/repos/create") == 0
    asked = [path for method, path, _ in server.log if method == "POST" and re_search(path)]
    assert all("create_pr=1" in path for path in asked)  # else somebody who may only read is refused
    assert "Mine" not in repo.discussions[1].description  # nothing a submitter wrote


def re_search(path: str) -> bool:
    return "/preupload/" in path or "/commit/" in path


def test_a_second_run_opens_no_second(submission: Path, server: FakeHub) -> None:
    first = push(submission, server)
    puts = server.requests("PUT", "/_lfs/")
    second = push(submission, server)
    assert (second.state, second.url, second.number) == ("already-open", first.url, 1)
    assert len(proposed(server)) == 1
    assert server.requests("PUT", "/_lfs/") == puts
    huggingface_hub.HfApi(endpoint=server.url, token="hf_fake").merge_pull_request(REPO, 1, repo_type="dataset")  # noqa: S106
    third = push(submission, server)
    assert third.state == "already-merged"
    assert len(server.repos["datasets", REPO].discussions) == 1


def test_a_squatter_is_not_taken_for_us(submission: Path, server: FakeHub) -> None:
    """Anybody may open a pull request of this title: without the same files it is not this submission."""
    api = huggingface_hub.HfApi(endpoint=server.url, token="hf_fake")  # noqa: S106
    title = f"Submission {submission.name}"
    api.create_pull_request(REPO, title=title, repo_type="dataset")
    api.create_discussion(REPO, title=title, repo_type="dataset")
    files = placed(submission)
    path = next(iter(files))
    operations = [
        huggingface_hub.CommitOperationAdd(name, body[::-1] if name == path else body) for name, body in files.items()
    ]
    api.create_commit(REPO, operations, commit_message=title, repo_type="dataset", create_pr=True)
    result = push(submission, server)
    assert (result.state, result.number) == ("opened", 4)
    assert proposed(server)[4] == files
    assert push(submission, server).number == 4


def test_a_closed_request_is_not_waited_for(submission: Path, server: FakeHub) -> None:
    push(submission, server)
    server.repos["datasets", REPO].discussions[1].status = "closed"
    assert push(submission, server).number == 2


def test_a_dry_run_asks_nobody(submission: Path, server: FakeHub) -> None:
    result = push(submission, server, dry_run=True)
    assert server.log == []
    assert (result.state, result.number) == ("dry-run", None)
    assert result.files == {path: len(body) for path, body in placed(submission).items()}
    assert submission.name in result.title
    assert "verify" in result.description


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/paths-info/"), ("GET", "/discussions"), ("POST", "/preupload/"), ("POST", "/objects/batch"),
     ("PUT", "/_lfs/"), ("POST", "/commit/")],
)  # fmt: skip
@pytest.mark.parametrize("status", [503, 429, 0])
@pytest.mark.parametrize("lost", [False, True])
def test_a_hub_in_trouble_is_asked_again(
    submission: Path, server: FakeHub, method: str, path: str, status: int, lost: bool
) -> None:
    """``lost``: what was asked for is done all the same, and only the answer is wrong."""
    server.faults.append(Fault(method, path, status, times=2, lost=lost, headers={"Retry-After": "1"}))
    push(submission, server)
    assert server.faults[0].seen >= 1
    assert proposed(server) == {1: placed(submission)}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [("/paths-info/", 401, "hf auth login"), ("/preupload/", 403, "may not write"), ("/paths-info/", 404, "check the"),
     ("/commit/", 400, "refused"), ("/commit/", 500, "trouble of its own"), ("/_lfs/", 503, "trouble of its own"),
     ("/discussions", 429, "slow down"), ("/commit/", 0, "cannot be reached"), ("/_lfs/", 0, "cannot be reached")],
)  # fmt: skip
def test_a_refusal_is_one_message_and_leaves_nothing(
    submission: Path, server: FakeHub, path: str, status: int, message: str
) -> None:
    server.faults.append(Fault("", path, status, times=999))
    with pytest.raises(SubmissionError, match=message) as caught:
        push(submission, server)
    assert caught.value.code == "hub"
    assert "\n" not in str(caught.value)
    assert proposed(server) == {}
    server.faults.clear()
    push(submission, server)
    assert proposed(server) == {1: placed(submission)}


def test_no_network_is_one_message(submission: Path, server: FakeHub) -> None:
    server.__exit__()
    with pytest.raises(SubmissionError, match="cannot be reached"):
        push(submission, server)


def test_what_the_store_says_without_http_is_one_message(
    submission: Path, server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub's newer store raises a plain RuntimeError of its own."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Data processing error: CAS service error")

    monkeypatch.setattr(huggingface_hub.HfApi, "preupload_lfs_files", refuse)
    with pytest.raises(SubmissionError, match="CAS service error"):
        push(submission, server)
    monkeypatch.undo()
    assert proposed(server) == {}


def test_a_damaged_submission_is_not_sent(submission: Path, server: FakeHub, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(submission, tmp_path / submission.name))
    with (copy / "cases.jsonl").open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(SubmissionError) as caught:
        push(copy, server)
    assert caught.value.code == "damaged"
    assert server.log == []


PROGRAM = """
import sys
from pathlib import Path
from leaderboard.submission.hub import push_submission
result = push_submission(Path(sys.argv[1]), "org/results")
print(result.state, result.number)
"""


def started(submission: Path, server: FakeHub, home: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(submission)], env=os.environ | server.environment(home),
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(("method", "path", "lost"), [("PUT", "/_lfs/", False), ("POST", "/commit/", True)])
def test_killed_while_sending_and_run_again(
    submission: Path, tmp_path: Path, server: FakeHub, method: str, path: str, lost: bool
) -> None:
    """Killed while its file is on the way there is nothing; once the commit was asked for, there may be all of it."""
    never = threading.Event()
    server.faults.append(Fault(method, path, 503, hold=never, lost=lost))
    child = started(submission, server, tmp_path)
    try:
        while not server.faults[0].seen and child.poll() is None:
            threading.Event().wait(0.02)
        assert child.poll() is None, child.communicate()[1]
        assert proposed(server) == {}
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        never.set()
    while lost and not server.repos["datasets", REPO].discussions:
        threading.Event().wait(0.02)
    again = started(submission, server, tmp_path)
    said, errors = again.communicate()
    assert said.split() == ["already-open" if lost else "opened", "1"], errors
    assert proposed(server) == {1: placed(submission)}
    sent = [status for asked, where, status in server.log if asked == "PUT" and "/_lfs/" in where and status == 200]
    assert len(sent) == 1
