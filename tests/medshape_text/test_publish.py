"""Publishing with the Hub's own clients: only what may be handed on, whole or not at all, and after every fault."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_set
from fake_hub import FakeHub, Fault
from huggingface_hub import CommitOperationAdd, HfApi

from medshape_text import DatasetError, licences, manifest, provenance, shards
from medshape_text.publish import HubError, Published, PublishError, hub, publish
from medshape_text.report import write_report

REPO = "org/name"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub that this process may talk to; waits between attempts take no time."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(hub.Repository.__init__, "__defaults__", (None, None, lambda _: None))
    with FakeHub() as running:
        yield running


@pytest.fixture(scope="module")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of which everything may be published, in several files."""
    return small_set.write(tmp_path_factory.mktemp("allowed") / "set", small_set.rows(), rows_per_shard=2)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A data set with a licence that forbids changes, one that is not stated, and a row its source keeps back."""
    rows = small_set.rows(("bones", "hearts", "teeth", "livers"))
    next(row for row in rows if row["id"] == "hearts-2")["redistributable"] = False
    return small_set.write(tmp_path / "mixed", rows, rows_per_shard=3)


def push(folder: Path, server: FakeHub, **options: object) -> Published:
    return publish(folder, REPO, endpoint=server.url, token="hf_fake", **options)  # noqa: S106


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shown(server: FakeHub) -> dict[str, bytes]:
    """What people see, without the file that the Hub itself puts there."""
    files = dict(server.repos["datasets", REPO].files)
    del files[".gitattributes"]
    return files


PROGRAM = """
import json, sys
import datasets, medshape_text
from pathlib import Path
from medshape_text.publish import publish
folder = Path(sys.argv[1])
publish(folder, "org/name")
splits = ("train", "validation", "test", "zero_shot")
local = {split: list(medshape_text.load(folder, "sdf64", split)) for split in splits}
for split, rows in local.items():
    assert list(datasets.load_dataset("org/name", "sdf64", split=split, streaming=True)) == rows, split
whole = datasets.load_dataset("org/name", "sdf64")
assert {split: list(whole[split]) for split in whole} == local
assert set(whole) == set(local)
streamed = medshape_text.load("org/name", "mesh", "test", streaming=True)
assert [medshape_text.decode_mesh(row)[1].tolist() for row in streamed] == [
    medshape_text.decode_mesh(row)[1].tolist() for row in medshape_text.load(folder, "mesh", "test")]
part = datasets.load_dataset("org/name", "shapes", split="train", streaming=True, columns=["id", "category"])
assert next(iter(part)) == {name: local["train"][0][name] for name in ("id", "category")}
print(json.dumps([len(local["train"]), medshape_text.decode_sdf(local["test"][0]).min().item()]))
"""


def test_published_data_set_loads_with_the_real_clients(allowed: Path, tmp_path: Path) -> None:
    with FakeHub() as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(allowed)], env=os.environ | server.environment(tmp_path),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == 6
    assert json.loads(done.stdout)[1] == pytest.approx(-0.2)
    assert server.requests("GET", r"/resolve/.*parquet") > 0


def test_one_commit_shows_everything_and_a_second_run_sends_nothing(allowed: Path, server: FakeHub) -> None:
    first = push(allowed, server)
    assert shown(server) == contents(allowed)
    assert first.files == {name: len(content) for name, content in contents(allowed).items()}
    assert [message for _, _, message in server.repos["datasets", REPO].commits][1:] == [
        f"Revision {first.revision[:16]}"
    ]
    kinds = [(method, path.split("?")[0]) for method, path, _ in server.log]
    commit = next(place for place, (_, path) in enumerate(kinds) if "/commit/" in path)
    assert all(place < commit for place, (method, _) in enumerate(kinds) if method == "PUT")
    puts = server.requests("PUT", "/_lfs/")
    second = push(allowed, server)
    assert (second.sent, second.commit) == (0, first.commit)
    assert server.requests("PUT", "/_lfs/") == puts
    assert len(server.repos["datasets", REPO].commits) == 2


def test_a_small_file_that_changed_but_not_in_length_is_sent(allowed: Path, server: FakeHub) -> None:
    push(allowed, server)
    repo = server.repos["datasets", REPO]
    notice = repo.files["NOTICE"]
    server.commit(repo, repo.files | {"NOTICE": notice[::-1]})
    assert push(allowed, server).sent == 1
    assert shown(server)["NOTICE"] == notice


def test_progress_is_told_while_files_are_sent(allowed: Path, server: FakeHub) -> None:
    seen: list[tuple[str, int, int]] = []
    push(allowed, server, progress=lambda *step: seen.append(step))
    total = len(contents(allowed))
    assert [step for step in seen if step[0] == "uploading"] == [
        ("uploading", done, total) for done in (*range(0, total, 8), total)
    ]


def test_what_may_not_be_handed_on_stays_here_and_is_named(mixed: Path, server: FakeHub) -> None:
    kept_back = {f"{source}-{index}" for source in ("teeth", "livers") for index in range(6)} | {"hearts-2"}
    result = push(mixed, server, command="medshape-build --source folder DIR --out OUT")
    assert result.excluded == {"CC BY 4.0": 1, "CC BY-NC-ND 4.0": 6, "not stated": 6}
    assert result.reasons == {"licence-not-stated": 6, "no-derivatives": 6, "source-forbids": 1}
    assert result.rows == 24 - 13
    target = result.folder
    assert manifest.verify(target) == []
    assert shown(server) == contents(target)
    recipe = {row["id"]: row for row in pq.read_table(target / "recipe" / "excluded.parquet").to_pylist()}
    assert set(recipe) == kept_back
    assert recipe["teeth-1"]["input_sha256"] == f"{5:064d}"
    assert recipe["teeth-1"]["file_name"] == "teeth-1.stl"
    assert "medshape-build --source folder DIR --out OUT" in (target / "recipe" / "README.md").read_text()
    for config in ("shapes", "sdf64", "surface", "mesh"):
        found = [row for path in sorted((target / config).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
        before = [row for path in sorted((mixed / config).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
        assert found == [row for row in before if row["id"] not in kept_back]
        assert len(found) == 11
    elsewhere = b"".join(body for name, body in contents(target).items() if name.endswith((".md", ".json", ".svg")))
    assert b"teeth" not in elsewhere.replace(b"Balls", b"")
    assert "cc-by-nc-nd" not in (target / "README.md").read_text()
    assert "13 of 24 shapes of this data set are not here" in (target / "README.md").read_text()
    stage = manifest.read(target)["stages"][-1]
    assert (stage["name"], stage["n_in"], stage["n_out"], sum(stage["dropped"].values())) == ("publish", 24, 11, 13)


def relist(folder: Path, **changes: object) -> Path:
    """Write the manifest anew after a file was added or the manifest was changed."""
    found = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    tables = {path: pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet")}
    rows = {path.relative_to(folder).as_posix(): number for path, number in tables.items()}
    found |= {"files": provenance.list_files(folder, rows)} | changes
    found["revision"] = manifest.revision(found)
    (folder / "manifest.json").write_text(json.dumps(found))
    return folder


def test_geometry_of_dropped_shapes_stays_here(tmp_path: Path, server: FakeHub) -> None:
    """``removed.parquet`` has no licences: a copy of a shape that may go may itself be one that may not."""
    folder = small_set.write(tmp_path / "set", small_set.rows())
    shards.write_table(folder / "removed.parquet", pa.table({"id": ["teeth-9"], "sdf": [b"SDF of a tooth"]}))
    (folder / "notes.txt").write_text("mine, but the manifest has it")
    result = push(relist(folder), server)
    assert (result.rows, result.excluded) == (12, {})
    assert shown(server) == contents(result.folder)
    assert not {"removed.parquet", "notes.txt", "recipe/README.md"} & set(shown(server))
    assert b"SDF of a tooth" not in b"".join(shown(server).values())
    assert manifest.verify(result.folder) == []
    assert "are not here" not in (result.folder / "README.md").read_text()
    repo = server.repos["datasets", REPO]
    server.commit(repo, repo.files | {"removed.parquet": b"of an earlier release"})
    assert push(folder, server).removed == 1
    assert "removed.parquet" not in shown(server)


def test_without_dropped_shapes_the_very_folder_is_published(tmp_path: Path) -> None:
    folder = small_set.write(tmp_path / "set", small_set.rows())
    shards.write_table(folder / "removed.parquet", pa.table({"id": pa.array([], pa.string())}))
    result = publish(relist(folder), REPO, dry_run=True)
    assert result.folder == folder
    assert result.revision == manifest.read(folder)["revision"]


def test_a_report_on_the_published_copy_adds_up(mixed: Path, tmp_path: Path) -> None:
    target = publish(relist(mixed, writer={}, seeds={}), REPO, dry_run=True).folder
    left = [row for row in pq.read_table(target / "dropped.parquet").to_pylist() if row["stage"] == "publish"]
    assert len(left) == 13
    write_report(target, tmp_path / "page.html")
    assert "All 5 checks hold" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("source", "command"),
    [({"name": "mini", "inputs": [{"synthetic": {"per_category": 6}}, {"package": "mricron-data 1.2"}]},
      "--source mini --synthetic 6 --brain MRICRON --out DIR"),
     ({"name": "medshapenet", "list": {"limit": None}, "subject_table": "ab"},
      "--source medshapenet --urls LIST --meta META.csv --out DIR"),
     ({"name": "folder", "licence": "mine; rm -rf", "subject_table": ""},
      "--source folder FOLDER --licence 'mine; rm -rf' --out DIR")],
)  # fmt: skip
def test_the_recipe_names_a_command_that_builds_that_source(
    mixed: Path, source: dict[str, object], command: str
) -> None:
    target = publish(relist(mixed, source=source), REPO, dry_run=True).folder
    assert f"    medshape-build {command}\n" in (target / "recipe" / "README.md").read_text()


def test_the_copy_is_found_again_and_made_anew_when_it_is_damaged(mixed: Path, server: FakeHub) -> None:
    target = push(mixed, server).folder
    before, written = contents(target), (target / "README.md").stat().st_mtime_ns
    assert push(mixed, server).folder == target
    assert (target / "README.md").stat().st_mtime_ns == written
    (target / "sdf64" / "test-00000-of-00001.parquet").write_bytes(b"")
    assert push(mixed, server).folder == target
    assert contents(target) == before
    (target / "manifest.json").write_bytes(b"{")
    assert push(mixed, server).folder == target
    assert contents(target) == before


def test_nothing_to_publish_is_refused(tmp_path: Path) -> None:
    folder = small_set.write(tmp_path / "set", small_set.rows(("livers",)))
    with pytest.raises(PublishError, match="no licence"):
        publish(folder, REPO)


def test_a_dry_run_asks_nobody(mixed: Path, server: FakeHub) -> None:
    result = push(mixed, server, dry_run=True)
    assert server.log == []
    assert result.dry_run
    assert result.files == {name: len(content) for name, content in contents(result.folder).items()}
    assert sum(result.excluded.values()) == 13


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/repos/create"), ("GET", f"/api/datasets/{REPO}"), ("GET", "/tree/"), ("POST", "/preupload/"),
     ("POST", "/objects/batch"), ("PUT", "/_lfs/"), ("POST", "/commit/")],
)  # fmt: skip
@pytest.mark.parametrize("status", [503, 429, 0])
def test_a_hub_in_trouble_is_asked_again(allowed: Path, server: FakeHub, method: str, path: str, status: int) -> None:
    server.faults.append(Fault(method, path, status, times=2, headers={"Retry-After": "1"}))
    push(allowed, server)
    assert server.faults[0].seen >= 3
    assert shown(server) == contents(allowed)
    assert len(server.repos["datasets", REPO].commits) == 2


def test_a_commit_whose_answer_got_lost_is_not_made_twice(allowed: Path, server: FakeHub) -> None:
    server.faults.append(Fault("POST", "/commit/", 0, lost=True))
    result = push(allowed, server)
    assert len(server.repos["datasets", REPO].commits) == 2
    assert result.commit == server.repos["datasets", REPO].refs["main"]


def test_somebody_elses_commit_meanwhile_is_kept(allowed: Path, server: FakeHub) -> None:
    repo = server.create("datasets", REPO)
    held = threading.Event()
    server.faults.append(Fault("POST", "/commit/", 412, hold=held))

    def interfere() -> None:
        while not server.faults[0].seen:
            threading.Event().wait(0.01)
        server.commit(repo, repo.files | {"eval.yaml": b"theirs"})
        held.set()

    other = threading.Thread(target=interfere)
    other.start()
    push(allowed, server)
    other.join()
    assert shown(server) == contents(allowed) | {"eval.yaml": b"theirs"}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [("/api/repos/create", 401, "hf auth login"), ("/api/repos/create", 403, "may not write to org/name"),
     ("/preupload/", 403, "may not write"), ("/tree/", 404, "check the name"), ("/commit/", 400, "refused"),
     ("/api/repos/create", 500, "trouble of its own"), ("/api/repos/create", 429, "slow down")],
)  # fmt: skip
def test_a_refusal_is_one_clear_message(allowed: Path, server: FakeHub, path: str, status: int, message: str) -> None:
    server.faults.append(Fault("", path, status, times=99))
    with pytest.raises(HubError, match=message) as caught:
        push(allowed, server)
    assert "\n" not in str(caught.value)
    assert "same command" in str(caught.value)
    assert server.faults[0].seen == (1 if status in (400, 401, 403, 404) else 5)
    server.faults.clear()
    push(allowed, server)
    assert shown(server) == contents(allowed)


def test_no_network_is_one_clear_message(allowed: Path, server: FakeHub) -> None:
    server.__exit__()
    with pytest.raises(HubError, match="cannot be reached"):
        push(allowed, server)


@pytest.mark.parametrize("token", ["hf_SECRET\u00e9", "hf_SECRET\x07", "hf_SEC\nRET"])
def test_no_message_shows_the_token(allowed: Path, server: FakeHub, token: str) -> None:
    with pytest.raises(HubError, match="the token holds characters") as caught:
        publish(allowed, REPO, endpoint=server.url, token=token)
    assert "SEC" not in str(caught.value)
    assert server.log == []


def test_no_message_shows_how_to_log_in_or_write_to_the_store(allowed: Path, server: FakeHub) -> None:
    server.faults.append(Fault("POST", "/api/repos/create", 400, headers={
        "X-Error-Message": "no https://store.example/a?X-Signature=SECRET&b=c here"}))  # fmt: skip
    with pytest.raises(HubError) as caught:
        publish(allowed, REPO, endpoint=server.url.replace("//", "//me:SECRET@"), token="hf_fake")  # noqa: S106
    assert "SECRET" not in str(caught.value)
    assert f"{server.url}/datasets/{REPO}" in str(caught.value)
    assert "https://store.example/a here" in str(caught.value)


KILLED = """
import sys
from pathlib import Path
from medshape_text.publish import publish
publish(Path(sys.argv[1]), "org/name")
"""


def test_killed_while_uploading_and_run_again(allowed: Path, tmp_path: Path, server: FakeHub) -> None:
    never = threading.Event()
    server.faults.append(Fault("PUT", "/_lfs/", 503, times=1000, after=5, hold=never))
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(allowed)], env=os.environ | server.environment(tmp_path),
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while server.faults[0].seen <= 5 and child.poll() is None:
            threading.Event().wait(0.02)
        assert child.poll() is None, child.communicate()[1]
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        never.set()
    assert shown(server) == {}  # never half a data set
    server.faults.clear()
    stored = set(server.store)
    assert len(stored) == 5
    before = server.requests("PUT", "/_lfs/")
    push(allowed, server)
    assert shown(server) == contents(allowed)
    large = {hashlib.sha256(body).hexdigest() for name, body in contents(allowed).items() if name.endswith(".parquet")}
    assert sum(status == 200 for _, _, status in server.log[:]) > 0
    answered = [path for method, path, status in server.log if method == "PUT" and status == 200]
    assert sorted(path.removeprefix("/_lfs/") for path in answered) == sorted(large)  # each was taken exactly once
    assert server.requests("PUT", "/_lfs/") - before >= len(large - stored)


def test_a_new_version_takes_the_place_of_the_old_one(allowed: Path, tmp_path: Path, server: FakeHub) -> None:
    push(allowed, server)
    repo = server.repos["datasets", REPO]
    server.commit(repo, repo.files | {"eval.yaml": b"theirs", "docs/shapes/test.parquet": b"theirs"})
    newer = small_set.write(tmp_path / "newer", small_set.rows(("bones",), 4))
    result = push(newer, server)
    assert result.removed > 0
    theirs = {"eval.yaml": b"theirs", "docs/shapes/test.parquet": b"theirs"}
    assert shown(server) == contents(newer) | theirs


def test_a_damaged_set_and_foreign_files_are_refused(allowed: Path, tmp_path: Path) -> None:
    folder = small_set.write(tmp_path / "set", small_set.rows(("bones",), 4))
    (folder / "notes.txt").write_text("private")
    assert "notes.txt" not in publish(folder, REPO, dry_run=True).files
    path = folder / "manifest.json"
    whole = path.read_text()
    for name in ("../secret", "/etc/hostname", "shapes/../../secret"):
        found = json.loads(whole)
        found["files"][name] = {"sha256": "0" * 64, "bytes": 1}
        path.write_text(json.dumps(found))
        with pytest.raises(PublishError, match="not a file of the data set"):
            publish(folder, REPO, dry_run=True)
    path.write_text(whole)
    (folder / "NOTICE").unlink()
    (folder / "NOTICE").symlink_to(allowed / "NOTICE")
    with pytest.raises(PublishError, match="is a link"):
        publish(folder, REPO, dry_run=True)
    (folder / "NOTICE").unlink()
    with pytest.raises(PublishError, match=r"damaged \(NOTICE"):
        publish(folder, REPO, dry_run=True)
    with pytest.raises(DatasetError, match="not a finished data set"):
        publish(tmp_path, REPO, dry_run=True)
    for name in ("name", "a/b/c", "org/", "/name", "org/na me", "../name", "org/na..me", "org/na--me"):
        with pytest.raises(PublishError, match="ORG/NAME"):
            publish(allowed, name, dry_run=True)


def test_the_fake_hub_takes_pull_requests(server: FakeHub) -> None:
    """For those who hand in by pull request; with the real client."""
    api = HfApi(endpoint=server.url, token="hf_fake")  # noqa: S106
    server.create("datasets", REPO)
    made = api.create_commit(
        REPO, [CommitOperationAdd("a.txt", b"hello"), CommitOperationAdd("b.bin", b"large")], commit_message="mine",
        repo_type="dataset", create_pr=True,
    )  # fmt: skip
    assert made.pr_num == 1
    assert set(api.list_repo_files(REPO, repo_type="dataset", revision="refs/pr/1")) >= {"a.txt", "b.bin"}
    assert set(api.list_repo_files(REPO, repo_type="dataset")) == {".gitattributes"}
    (found,) = api.get_repo_discussions(REPO, repo_type="dataset")
    assert (found.num, found.title, found.status, found.is_pull_request) == (1, "mine", "open", True)
    api.comment_discussion(REPO, 1, "thank you", repo_type="dataset")
    assert server.repos["datasets", REPO].discussions[1].comments == ["thank you"]
    assert api.get_discussion_details(REPO, 1, repo_type="dataset").title == "mine"
    api.merge_pull_request(REPO, 1, repo_type="dataset")
    assert set(api.list_repo_files(REPO, repo_type="dataset")) == {".gitattributes", "a.txt", "b.bin"}


@pytest.mark.parametrize(
    ("licence", "redistributable", "reason"),
    [("CC0-1.0", True, None), ("CC BY 4.0", True, None), ("cc-by-sa-4.0", True, None), ("CC-BY-NC-4.0", True, None),
     ("CC BY-NC-SA 4.0", True, None), ("MIT", True, None), ("Apache-2.0", True, None), ("MPL-2.0", True, None),
     ("BSD-3-Clause", True, None), ("CC BY-NC-ND 4.0", True, "no-derivatives"),
     ("CC-BY-ND-4.0", True, "no-derivatives"),
     ("", True, "licence-not-stated"), ("  ", True, "licence-not-stated"), ("free", True, "licence-unknown"),
     ("CC BY", True, "licence-unknown"), ("MIT?", True, "licence-unknown"), ("cC_by 4.0", True, None),
     ("CC BY 4.0 (только для исследований)", True, "licence-unknown"), ("≠ CC0 1.0", True, "licence-unknown"),
     ("TCIA restricted", True, "licence-restricted"),
     ("MIT", False, "source-forbids")],
)  # fmt: skip
def test_licences(licence: str, redistributable: bool, reason: str | None) -> None:
    """As Creative Commons, the OSI and the table of MedShapeNet's sources have it."""
    refusal = licences.refusal(licence, redistributable)
    assert (None if refusal is None else refusal.reason) == reason
