"""The files behind a list of links, as shapes."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from medshape_text.curate.split import HashSplit, SplitRule
from medshape_text.hashing import canonical_json, sha256
from medshape_text.names import GRAMMARS
from medshape_text.pipeline import standard_stages
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import Mesh, parse_mesh
from medshape_text.records import Shape
from medshape_text.sources.labels import SubjectTable, label_of, labelled_shape, refused
from medshape_text.sources.medshapenet.download_log import Cache
from medshape_text.sources.medshapenet.licences import CARD, NOTICE, attribution_of, origin_of, source_of
from medshape_text.sources.shared import ItemSource
from medshape_text.stage import Drop, Stage

SPLIT_RULE = "genmed-bench/medshapenet/split/v1"
_READ_VERSION = "1"


class DamagedCacheError(OSError):
    """A downloaded file is gone or no longer what the log says."""


class Item(NamedTuple):
    """One link: its file's ``sha256``, or why it has none. Plain strings, since there are a hundred thousand."""

    id: str
    file_name: str
    url: str
    sha256: str
    reason: str
    detail: str


@dataclass(frozen=True, eq=False)
class MedShapeNetSource(ItemSource[Item]):
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
        return {source_of(grammar.name): attribution_of(grammar.name) for grammar in GRAMMARS}

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
        return labelled_shape(
            label, mesh, self.subjects, id=item.id, source=source_of(label.grammar), licence=origin.licence,
            redistributable=origin.redistributable, file_name=item.file_name, input_sha256=item.sha256, url=item.url,
        )  # fmt: skip

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
        return CARD

    def notice(self) -> str:
        """Licences of the source sets."""
        return NOTICE

    def _bytes(self, item: Item) -> bytes:
        path = Cache(self.folder).file(item.sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise DamagedCacheError(errno.ENOENT, f"{path} is gone; run again without --offline to fetch it") from None
        if sha256(data) != item.sha256:
            raise DamagedCacheError(errno.EIO, f"{path} has changed since it was downloaded; delete it and run again")
        return data
