"""The files behind a list of links, as shapes."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from medshape_text.curate.split import HashSplit, SplitRule
from medshape_text.hashing import canonical_json, sha256
from medshape_text.names import GRAMMARS
from medshape_text.pipeline import standard_stages
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import parse_mesh
from medshape_text.reading.shapes import Mesh
from medshape_text.records import Shape
from medshape_text.sources.labels import label_of, refused
from medshape_text.sources.medshapenet import fetch as fetching
from medshape_text.sources.medshapenet import texts, url_list
from medshape_text.sources.medshapenet.cache import Cache
from medshape_text.sources.medshapenet.ledger import Failed, Fetched, Outcome
from medshape_text.sources.medshapenet.licences import origin_of, source_of
from medshape_text.sources.medshapenet.politeness import Politeness
from medshape_text.sources.subject_table import SubjectTable, read_subject_table
from medshape_text.stage import Drop, Stage

SPLIT_RULE = "genmed-bench/medshapenet/split/v1"
_READ_VERSION = "1"


class DamagedCacheError(OSError):
    """A downloaded file is gone or no longer what the ledger says."""


class Item(NamedTuple):
    """One link: its file's ``sha256``, or why it has none. Plain strings, since there are a hundred thousand."""

    id: str
    file_name: str
    url: str
    sha256: str
    reason: str
    detail: str


@dataclass(frozen=True, eq=False)
class MedShapeNetSource:
    """Shapes of the links in ``items``, their files in the cache at ``folder``.

    ``listed`` tells of the list: its sha256, its lines, and how many were comments, blank or said twice.
    """

    folder: Path
    items: tuple[Item, ...]
    listed: Mapping[str, Any]
    subjects: SubjectTable = field(default_factory=SubjectTable)
    name: str = "medshapenet"
    stages: Sequence[Stage] = field(default_factory=standard_stages)
    split_rule: SplitRule = field(default_factory=lambda: HashSplit(SPLIT_RULE))

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what is derived from them is made anew where it is needed."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @cached_property
    def _by_id(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def _links_sha256(self) -> str:
        return sha256(canonical_json([list(item) for item in self.items]))

    @property
    def declared_splits(self) -> Mapping[str, str]:
        """None: MedShapeNet declares no splits."""
        return {}

    @property
    def attribution(self) -> Mapping[str, str]:
        """What to cite for each source set."""
        return {source_of(grammar.name): texts.ATTRIBUTION.get(grammar.name, texts.CITATION) for grammar in GRAMMARS}

    def ids(self) -> Sequence[str]:
        """In the order of the list."""
        return [item.id for item in self.items]

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the file or the reason there is none, of what its name says, and of what is known of the subject."""
        item = self._by_id[shape_id]
        said = item.sha256 or [item.reason, item.detail]
        made = Drop("", "") if item.reason else label_of(item.file_name)
        known = None if isinstance(made, Drop) else self.subjects.of(made.person)
        return sha256(canonical_json([_READ_VERSION, item.id, item.file_name, said, asdict(made), known]))

    def read(self, shape_id: str) -> Shape | Drop:
        """The shape in a file, as the file has it, its unit unknown.

        Reasons: those of a list's entries, of a download, of a name and of a mesh file (the last in kebab-case).

        Raises:
            DamagedCacheError: if the file is not the one that was downloaded.
        """
        item = self._by_id[shape_id]
        if item.reason:
            return Drop(item.reason, item.detail)
        label = label_of(item.file_name)
        if isinstance(label, Drop):
            return label
        try:
            mesh = parse_mesh(".stl", self._bytes(item))
        except BadShapeError as error:
            return refused(error)
        if not isinstance(mesh, Mesh):
            raise TypeError("an STL file gave no mesh")
        origin = origin_of(label.grammar)
        age, sex = self.subjects.of(label.person)
        return Shape(
            id=item.id,
            subject=label.subject,
            category=label.category,
            side=label.side,
            super_class=label.super_class,
            origin="real_subject",
            source=source_of(label.grammar),
            licence=origin.licence,
            template="",
            millimetres=False,
            vertices=mesh.vertices,
            faces=mesh.faces,
            level=label.level,
            pathology=label.pathology,
            file_name=item.file_name,
            url=item.url,
            grammar=label.grammar,
            input_sha256=item.sha256,
            age=age,
            sex=sex,
            redistributable=origin.redistributable,
            flags=label.flags,
        )

    def links(self) -> Iterator[tuple[str, str, str, str]]:
        """(id, link, sha256 or empty, reason or empty) of every entry: the recipe of what may not be passed on."""
        for item in self.items:
            yield item.id, item.url, item.sha256, item.reason

    def provenance(self) -> dict[str, Any]:
        """The list, every link with its file's sha256 as one hash, and how many failed for which reason."""
        return {
            "name": self.name,
            "version": _READ_VERSION,
            "list": dict(self.listed),
            "links": {"entries": len(self.items), "sha256": self._links_sha256},
            "failed": dict(sorted(Counter(item.reason for item in self.items if item.reason).items())),
            "subject_table": self.subjects.sha256,
        }

    def card(self) -> str:
        """What the shapes are, and what is not known of them."""
        return texts.CARD

    def notice(self) -> str:
        """Licences of the source sets."""
        return texts.NOTICE

    def _bytes(self, item: Item) -> bytes:
        path = Cache(self.folder).file(item.sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise DamagedCacheError(errno.ENOENT, f"{path} is gone; run again without --offline to fetch it") from None
        if sha256(data) != item.sha256:
            raise DamagedCacheError(errno.EIO, f"{path} has changed since it was downloaded; delete it and run again")
        return data


def open_medshapenet(
    urls: str | Path,
    cache: Path,
    *,
    limit: int | None = None,
    connections: int = 8,
    rate: float | None = None,
    offline: bool = False,
    retry_failed: bool = False,
    verify_cache: bool = False,
    meta: Path | None = None,
    politeness: Politeness | None = None,
    progress: fetching.Progress = lambda step, done, total: None,
) -> MedShapeNetSource:
    """Read a list of links, download what is not in the cache yet, and describe what there is.

    Args:
        urls: the list, a file or an ``http(s):`` address.
        cache: folder of downloads; the same one continues.
        limit: the first so many entries of the list only.
        connections: downloads at once.
        rate: requests a second to one host at most.
        offline: never touch the network; what is not in the cache fails, which is not noted in the ledger.
        retry_failed: ask again for links that failed in an earlier run.
        verify_cache: hash every file in the cache; those that changed are fetched again.
        meta: TotalSegmentator's ``meta.csv``.
        politeness: all limits of the download; ``connections`` and ``rate`` are ignored then.
        progress: called with what is going on, how much is done and how much there is.

    Raises:
        FetchError: if the list or nearly everything cannot be had.
        UrlListError, LedgerError, SubjectTableError: if one of these files cannot be read.
        OSError: if a file cannot be read or the cache cannot be written.
    """
    politeness = politeness or Politeness(connections=connections, rate=rate)
    store = Cache(cache)
    data = _list_bytes(urls, store, politeness, offline=offline)
    parsed = url_list.parse(data)
    links = parsed.links[:limit]
    wanted = [link.url for link in links if not link.reason]
    if offline:
        outcomes = fetching.from_ledger(wanted, store)
    else:
        outcomes = fetching.fetch(
            wanted, store, politeness, retry_failed=retry_failed, verify=verify_cache, progress=progress
        )
    listed = {"sha256": sha256(data), "lines": parsed.lines, "comments": parsed.comments, "blank": parsed.blank,
              "repeated": parsed.repeated, "entries": len(parsed.links), "limit": limit}  # fmt: skip
    subjects = read_subject_table(meta) if meta is not None else SubjectTable()
    return MedShapeNetSource(cache, tuple(_item(link, outcomes) for link in links), listed, subjects)


def _list_bytes(urls: str | Path, cache: Cache, politeness: Politeness, *, offline: bool) -> bytes:
    text = str(urls)
    if isinstance(urls, str) and text.lower().startswith(("http://", "https://")):
        if not offline:
            return fetching.fetch_list(text, cache, politeness, url_list.MAX_LIST_BYTES)
        path = cache.list_file(text)
        if not path.exists():
            raise fetching.FetchError(f"the list {text} was never downloaded into {cache.folder}; run once online.")
    else:
        path = Path(text)
    with path.open("rb") as stream:
        return stream.read(url_list.MAX_LIST_BYTES + 1)


def _item(link: url_list.Link, outcomes: Mapping[str, Outcome]) -> Item:
    if link.reason:
        return Item(link.id, link.file_name, link.url, "", link.reason, link.detail)
    match outcomes[link.url]:
        case Fetched(sha256=digest):
            return Item(link.id, link.file_name, link.url, digest, "", "")
        case Failed(reason=reason, detail=detail):
            return Item(link.id, link.file_name, link.url, "", reason, detail)
