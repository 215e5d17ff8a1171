"""Verify, leave out what may not be handed on, and push."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from medshape_text import manifest as manifests
from medshape_text.files import locked
from medshape_text.hashing import file_sha256
from medshape_text.publish import hub, recipe, redistribution

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done and how much there is."""
_NEVER_OURS = "removed.parquet"
"""Geometries of dropped shapes: a repository that has them got them from an earlier release, and loses them."""


class PublishError(RuntimeError):
    """The data set may not or cannot be published as it is."""


@dataclass(frozen=True)
class Published:
    """What was published, or would be.

    Attributes:
        repo: ORG/NAME.
        url: of the repository; empty for a dry run, which asks nobody.
        commit: the repository's state; empty for a dry run.
        revision: of the published data (``manifest.json``).
        folder: the files lie in: the data set, or a filtered copy of it.
        files: paths → bytes.
        rows: that are published.
        excluded: number of rows left out, by licence.
        reasons: number of rows left out, by reason code.
        sent: files that were new or changed on the Hub.
        removed: files of an earlier version that went.
        dry_run: whether nothing was sent.
    """

    repo: str
    url: str
    commit: str
    revision: str
    folder: Path
    files: Mapping[str, int]
    rows: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    sent: int = 0
    removed: int = 0
    dry_run: bool = False


def publish(
    folder: Path, repo: str, *, dry_run: bool = False, endpoint: str | None = None, token: str | None = None,
    private: bool = False, command: str | None = None, progress: Progress = lambda *_: None,
) -> Published:  # fmt: skip
    """Publish the part of a data set that may be handed on as the Hub repository ``repo``.

    The folder is verified first. Rows whose licence forbids redistribution, or does not state it, are left out of a
    filtered copy beside the folder (``.<name>.publish-<hash>``), which is what is then pushed; so are files that a
    published data set does not have.
    Stopped at any moment, the same call continues: files the Hub has are not sent again, and one last commit makes
    all of them appear.

    Args:
        folder: a finished data set.
        repo: ORG/NAME; made if need be.
        dry_run: only prepare and say what would be done; touches no network.
        endpoint: of the Hub, by default the usual one.
        token: of the Hub, by default the one ``hf auth login`` keeps.
        private: whether a new repository is to be private.
        command: that rebuilds the data set, for the recipe of what is left out; by default what the manifest tells.
        progress: called as work goes on.

    Raises:
        PublishError: if the name is none, the folder is damaged, or nothing in it may be published.
        DatasetError: if the folder is no data set.
        HubError: if the Hub refuses or cannot be reached.
    """
    _check_repo(repo)
    folder = folder.absolute()
    progress("verifying", 0, 1)
    _check_names(folder)
    wrong = manifests.verify(folder)
    if wrong:
        raise PublishError(f"{folder} is damaged ({', '.join(wrong[:3])} differ from the manifest): build it anew")
    progress("verifying", 1, 1)
    manifest = manifests.read(folder)
    allowed = redistribution.share(folder, manifest)
    if len(allowed.excluded) == allowed.rows:
        first = next(iter(allowed.excluded.values()), None)
        raise PublishError(f"nothing in {folder} may be published: {first.detail if first else 'it has no rows'}")
    if not redistribution.whole(manifest, allowed):
        progress("leaving out what may not be published", 0, 1)
        folder = _copy(folder, manifest, allowed, command or recipe.command(manifest["source"]))
        manifest = manifests.read(folder)
        progress("leaving out what may not be published", 1, 1)
    files = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    files[manifests.MANIFEST] = file_sha256(folder / manifests.MANIFEST)
    result = Published(
        repo=repo, url="", commit="", revision=manifest["revision"], folder=folder,
        files={name: (folder / name).stat().st_size for name in sorted(files)},
        rows=allowed.rows - len(allowed.excluded), excluded=allowed.by_licence, reasons=allowed.by_reason,
        dry_run=dry_run,
    )  # fmt: skip
    if dry_run:
        return result
    pushed = hub.Repository(repo, endpoint, token).push(
        folder, files, _managed, f"Revision {manifest['revision'][:16]}", private=private, progress=progress
    )
    return Published(
        **{**vars(result), "url": pushed.url, "commit": pushed.commit, "sent": pushed.sent, "removed": pushed.removed}
    )


def _check_repo(repo: str) -> None:
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise PublishError(f"{repo!r} is not the name of a repository, ORG/NAME: {error}") from None
    if "/" not in repo:
        raise PublishError(f"{repo!r} is not the name of a repository: give ORG/NAME")


def _check_names(folder: Path) -> None:
    """Refuse a manifest that names files outside the folder: they would be handed to the world."""
    for name in manifests.read(folder)["files"]:
        path = folder / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise PublishError(f"{folder / manifests.MANIFEST} names {name!r}, which is not a file of the data set")
        if path.resolve() != folder.resolve() / name:
            raise PublishError(f"{path} is a link: a data set holds files only")


def _managed(path: str) -> bool:
    """Whether a file in the repository is one of ours: a reviewer's or the Hub's own file is left alone."""
    return redistribution.is_known(path) or path == _NEVER_OURS


def _copy(folder: Path, manifest: Mapping[str, object], allowed: redistribution.Share, command: str) -> Path:
    busy = PublishError(f"another command is publishing {folder}: wait for it")
    try:
        with locked(folder.parent / f".{folder.name}.publish.lock", busy):
            return redistribution.copy(folder, manifest, allowed, command)
    except OSError as error:
        raise PublishError(
            f"could not write {error.filename or folder.parent}: {error.strerror or error}; make room, then run the "
            "same command again"
        ) from error
