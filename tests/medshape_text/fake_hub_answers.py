"""What the fake hub answers to each request that its clients are known to make."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from fake_hub_state import Discussion, Repo

if TYPE_CHECKING:
    from fake_hub import FakeHub

LARGE = (".parquet", ".safetensors", ".bin", ".npz")
_EPOCH = "2026-01-01T00:00:00.000Z"


class Answer(Exception):  # noqa: N818 (an answer need not be an error)
    """Ends the handling of a request."""

    def __init__(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.body, self.status, self.headers = body, status, headers or {}


def as_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"} | (headers or {}))


def missing(code: str) -> Answer:
    return as_json({"error": code}, 404, {"X-Error-Code": code, "X-Error-Message": code})


def _entry(path: str, content: bytes) -> dict[str, Any]:
    git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    found: dict[str, Any] = {"type": "file", "oid": git, "size": len(content), "path": path}
    if path.endswith(LARGE):
        found["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return found


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}


@dataclass
class Request:
    """One request, and what the hub says to it."""

    hub: FakeHub
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes

    def answer(self) -> Answer:
        for method, pattern, handle in ROUTES:
            match = re.fullmatch(pattern, self.path)
            if match and self.method in method:
                return handle(self, **{name: unquote(text or "") for name, text in match.groupdict().items()})
        return missing("EntryNotFound")

    def repo(self, kind: str, name: str) -> Repo:
        found = self.hub.repos.get((kind.strip("/") or "models", name))
        if found is None:
            raise missing("RepoNotFound")
        return found

    def revision(self, repo: Repo, revision: str) -> tuple[str, dict[str, bytes]]:
        found = repo.at(revision or "main")
        if found is None:
            raise missing("RevisionNotFound")
        return found

    def who(self) -> Answer:
        token = {"type": "access_token", "accessToken": {"role": "write", "displayName": "t"}}
        return as_json({"type": "user", "name": "tester", "fullname": "t", "email": "t@t", "orgs": [], "auth": token})

    def create(self) -> Answer:
        asked = json.loads(self.body)
        kind = f"{asked.get('type', 'model')}s"
        name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
        url = f"{self.hub.url}/{'' if kind == 'models' else f'{kind}/'}{name}"
        if (kind, name) in self.hub.repos:
            return as_json({"error": "You already created this repo", "url": url}, 409)
        self.hub.create(kind, name, bool(asked.get("private")))
        return as_json({"url": url, "id": name})

    def resolve(self, kind: str, name: str, revision: str, file: str) -> Answer:
        repo = self.repo(kind, name)
        commit, files = self.revision(repo, revision)
        if file not in files:
            raise missing("EntryNotFound")
        content, entry = files[file], _entry(file, files[file])
        tag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if not wanted or wanted[0] == "bytes=0-":
            return Answer(content, 200, headers)
        first, last = wanted.groups()
        start = int(first) if first else max(len(content) - int(last), 0)
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        return Answer(content[start : end + 1], 206, headers | {"Content-Range": f"bytes {start}-{end}/{len(content)}"})

    def info(self, kind: str, name: str, revision: str = "") -> Answer:
        repo = self.repo(kind, name)
        commit, files = self.revision(repo, revision)
        return as_json({
            "_id": "1", "id": name, "author": name.split("/")[0], "sha": commit, "private": repo.private,
            "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0,
            "lastModified": _EPOCH, "createdAt": _EPOCH,
            "siblings": [{"rfilename": path} for path in files], "cardData": {},
        })  # fmt: skip

    def refs(self, kind: str, name: str) -> Answer:
        repo = self.repo(kind, name)
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.refs["main"]}
        return as_json({"branches": [main], "tags": [], "converts": []})

    def tree(self, kind: str, name: str, revision: str, folder: str = "") -> Answer:
        _, files = self.revision(self.repo(kind, name), revision)
        prefix = f"{folder.rstrip('/')}/" if folder else ""
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        found, folders = [], set()
        for path in sorted(files):
            if path.startswith(prefix):
                above = path[len(prefix) :].split("/")[:-1]
                folders |= {
                    prefix + "/".join(above[: depth + 1]) for depth in range(len(above) if deep else min(len(above), 1))
                }
                if deep or not above:
                    found.append(_entry(path, files[path]))
        if prefix and not found and not folders:
            raise missing("EntryNotFound")
        return as_json([*map(_folder, sorted(folders)), *found])

    def paths_info(self, kind: str, name: str, revision: str) -> Answer:
        _, files = self.revision(self.repo(kind, name), revision)
        sentas_json = "json" in (self.headers.get("Content-Type") or "")
        asked = json.loads(self.body)["paths"] if sentas_json else parse_qs(self.body.decode()).get("paths", [])
        found = [_entry(path, files[path]) for path in asked if path in files]
        above = [path for path in asked if any(file.startswith(f"{path.rstrip('/')}/") for file in files)]
        return as_json([*found, *map(_folder, above)])

    def preupload(self, kind: str, name: str, revision: str) -> Answer:
        self.revision(self.repo(kind, name), revision)
        modes = [
            {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
             "shouldIgnore": False, "oid": None}
            for file in json.loads(self.body)["files"]
        ]  # fmt: skip
        return as_json({"files": modes})

    def lfs_batch(self, kind: str, name: str) -> Answer:
        self.repo(kind, name)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            known = asked["oid"] in self.hub.store
            upload = {"actions": {"upload": {"href": f"{self.hub.url}/_lfs/{asked['oid']}", "header": {}}}}
            objects.append(
                {"oid": asked["oid"], "size": asked["size"], "authenticated": True} | ({} if known else upload)
            )
        return as_json({"transfer": "basic", "objects": objects}, 200, {"Content-Type": "application/vnd.git-lfs+json"})

    def lfs_put(self, oid: str) -> Answer:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return as_json({"error": "content does not match its name"}, 400)
        self.hub.store[oid] = self.body
        return Answer(b"")

    def commit(self, kind: str, name: str, revision: str) -> Answer:
        repo = self.repo(kind, name)
        head, files = self.revision(repo, revision)
        files, message, description = dict(files), "", ""
        for line in filter(None, map(bytes.strip, self.body.splitlines())):
            part = json.loads(line)
            key, value = part["key"], part["value"]
            if key == "header":
                message, description = value.get("summary", ""), value.get("description", "")
                if value.get("parentCommit") not in (None, head):
                    return as_json({"error": "the branch has moved on"}, 412)
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                if value["oid"] not in self.hub.store:
                    return as_json({"error": f"{value['path']} was never uploaded"}, 400)
                files[value["path"]] = self.hub.store[value["oid"]]
            elif key == "deletedFile":
                files.pop(value["path"], None)
            elif key == "deletedFolder":
                files = {
                    path: body for path, body in files.items() if not path.startswith(f"{value['path'].rstrip('/')}/")
                }
        extra = {}
        ref = revision
        if self.query.get("create_pr", ["0"])[0].lower() in ("1", "true"):
            request = self._discuss(repo, message, description, pull_request=True)
            ref = f"refs/pr/{request.number}"
            extra["pullRequestUrl"] = (
                f"{self.hub.url}/{'' if kind == 'models' else f'{kind}/'}{name}/discussions/{request.number}"
            )
        made = self.hub.commit(repo, files, message, ref)
        return as_json({"success": True, "commitOid": made, "commitUrl": f"{self.hub.url}/{kind}/{name}/commit/{made}",
                      "hookOutput": ""} | extra)  # fmt: skip

    def _discuss(self, repo: Repo, title: str, description: str, *, pull_request: bool) -> Discussion:
        number = len(repo.discussions) + 1
        repo.discussions[number] = Discussion(number, title, description, pull_request)
        return repo.discussions[number]

    def discussions(self, kind: str, name: str) -> Answer:
        repo = self.repo(kind, name)
        if self.method == "POST":
            asked = json.loads(self.body)
            made = self._discuss(
                repo, asked["title"], asked.get("description", ""), pull_request=bool(asked.get("pullRequest"))
            )
            if made.pull_request:
                made.status = "draft"
                self.hub.commit(repo, repo.files, made.title, f"refs/pr/{made.number}")
            return as_json({"num": made.number, "pullRequest": made.pull_request})
        found = [_discussion(repo, item) for item in reversed(repo.discussions.values())]
        return as_json({"discussions": found, "count": len(found), "start": 0, "numClosedDiscussions": 0})

    def discussion(self, kind: str, name: str, number: str, verb: str = "") -> Answer:
        repo = self.repo(kind, name)
        item = repo.discussions.get(int(number))
        if item is None:
            raise missing("EntryNotFound")
        if self.method == "GET":
            return as_json(_discussion(repo, item) | {"events": [_event(item.description, 0)], "diff": "",
                "filesWithConflicts": [], "changes": {"base": "refs/heads/main", "mergeCommitId": None}})  # fmt: skip
        asked = json.loads(self.body or b"{}")
        if verb == "comment":
            item.comments.append(asked["comment"])
            return as_json({"newMessage": _event(asked["comment"], len(item.comments))})
        if verb == "status":
            item.status = asked["status"]
            return as_json({"newStatus": {**_event("", 0), "type": "status-change", "data": {"status": item.status}}})
        if verb == "merge" and item.pull_request:
            found = repo.at(f"refs/pr/{item.number}")
            assert found is not None
            self.hub.commit(repo, repo.files | found[1], item.title)
            item.status = "merged"
            return as_json({"success": True})
        raise missing("EntryNotFound")

    def lfs_verify(self, kind: str, name: str) -> Answer:
        self.repo(kind, name)
        return as_json({})

    def yaml(self) -> Answer:
        return as_json({"errors": [], "warnings": []})


def _discussion(repo: Repo, item: Discussion) -> dict[str, Any]:
    return {
        "num": item.number, "title": item.title, "status": item.status, "isPullRequest": item.pull_request,
        "author": {"name": "tester"}, "createdAt": _EPOCH, "repo": {"name": repo.name, "type": repo.kind.rstrip("s")},
    }  # fmt: skip


def _event(text: str, number: int) -> dict[str, Any]:
    latest = {"raw": text, "html": text, "updatedAt": _EPOCH, "author": {"name": "tester"}}
    data = {"edited": False, "hidden": False, "latest": latest, "history": [latest]}
    return {"id": str(number), "type": "comment", "createdAt": _EPOCH, "author": {"name": "tester"}, "data": data}


_KIND, _NAME = r"(?P<kind>datasets|models)", r"(?P<name>[^/]+/[^/]+)"
_API = rf"/api/{_KIND}/{_NAME}"
_GIT = rf"/(?P<kind>datasets/)?{_NAME}\.git/info/lfs/objects"
ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/api/whoami-v2", Request.who),
    ("POST", "/api/repos/create", Request.create),
    ("POST", "/api/validate-yaml", Request.yaml),
    ("GET HEAD", _API, Request.info),
    ("GET HEAD", rf"{_API}/revision/(?P<revision>[^/]+)", Request.info),
    ("GET", rf"{_API}/refs", Request.refs),
    ("GET", rf"{_API}/tree/(?P<revision>[^/]+)(?:/(?P<folder>.*))?", Request.tree),
    ("POST", rf"{_API}/paths-info/(?P<revision>.+)", Request.paths_info),
    ("POST", rf"{_API}/preupload/(?P<revision>.+)", Request.preupload),
    ("POST", rf"{_API}/commit/(?P<revision>.+)", Request.commit),
    ("GET POST", rf"{_API}/discussions", Request.discussions),
    ("GET POST", rf"{_API}/discussions/(?P<number>\d+)(?:/(?P<verb>\w+))?", Request.discussion),
    ("POST", rf"{_GIT}/batch", Request.lfs_batch),
    ("POST", rf"{_GIT}/verify", Request.lfs_verify),
    ("PUT", r"/_lfs/(?P<oid>[0-9a-f]{64})", Request.lfs_put),
    ("GET HEAD", rf"/(?P<kind>datasets/)?{_NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", Request.resolve),
)
