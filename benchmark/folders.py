"""Score a folder of generated shapes against a folder of references: what ``genmed-bench metrics`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmark.data.clouds import BadShapeError, Cloud, Grid, Sampling, ShapeFolder, open_folder, read_shape
from benchmark.errors import DataError, UsageError
from benchmark.metrics.base import Signature

if TYPE_CHECKING:
    from benchmark.metrics.generation.scores import Distance, GenerationScores
    from medshape_text.reading.meshes import Floats

Side = Literal["generated", "reference"]
Progress = Callable[[str, int, int], None]
"""Told a step, how much of it is done and how much there is."""


@dataclass(frozen=True)
class SetMetric:
    """A number about a set as one convention prints it: the name of its score row, a factor, what it means."""

    name: str
    scale: float
    meaning: str
    ideal: str


CONVENTIONS: Mapping[str, tuple[SetMetric, ...]] = {
    "field": (
        SetMetric("mmd_ref", 1, "mean over references of the distance to the nearest generated shape", "low"),
        SetMetric("cov", 1, "share of references that are nearest to some generated shape", "1"),
        SetMetric("1nna", 1, "share of shapes whose nearest other shape is of their own set", "0.5"),
    ),
    "genmed": (
        SetMetric("mmd_gen", 100, "mean over generated of the distance to the nearest reference, x100", "low"),
        SetMetric("cov", 100, "percent of references that are nearest to some generated shape", "100"),
        SetMetric("1nna", 100, "percent of shapes whose nearest other shape is of their own set", "50"),
    ),
}
"""What PointFlow and its followers print, and what the published GenMed code prints (failures aside)."""


@dataclass(frozen=True)
class Search:
    """How nearest shapes are found, none of which changes a score, and how intervals are drawn.

    ``replicates`` of 0 means no intervals.
    """

    distance: Distance = "chamfer"
    replicates: int = 1000
    workers: int | None = None
    max_bytes: int = 2**32


@dataclass(frozen=True, eq=False)
class LoadedFolder:
    """A folder as clouds.

    Attributes:
        folder: what was listed.
        clouds: one for every name, None for those that failed.
        failed: name → (reason, the same with details).
        kinds: how many files held a mesh, a cloud or an sdf.
        padded: names of shapes with repeated points.
    """

    folder: ShapeFolder
    clouds: Sequence[Floats | None]
    failed: Mapping[str, tuple[str, str]]
    kinds: Mapping[str, int]
    padded: Sequence[str]

    @property
    def reasons(self) -> Mapping[str, int]:
        """How often each reason occurs, the most frequent first."""
        return dict(Counter(reason for reason, _ in self.failed.values()).most_common())


@dataclass(frozen=True)
class MeasuredMetric:
    """One line of the table; ``interval`` is the 95 % one, or None if none was asked for or can be had."""

    metric: SetMetric
    value: float
    interval: tuple[float, float] | None
    signature: str


@dataclass(frozen=True, eq=False)
class Measurement:
    """All there is to tell about two folders."""

    generated: LoadedFolder
    reference: LoadedFolder
    sampling: Sampling
    search: Search
    metrics: Sequence[MeasuredMetric]
    scores: GenerationScores
    intervals: Mapping[str, tuple[float, float]] | None
    interval_signature: str | None
    signature: str

    @property
    def notes(self) -> list[str]:
        """What a reader of the table should know."""
        notes = []
        sizes = len(self.generated.clouds), len(self.reference.clouds)
        if sizes[0] != sizes[1]:
            notes.append(
                f"{sizes[0]} generated against {sizes[1]} references: 1-NNA is ideal at one half only for sets of "
                "equal size, and COV cannot be compared between sets of different sizes"
            )
        if self.intervals is None and self.search.replicates:
            from benchmark.metrics.generation.intervals import FEWEST

            notes.append(f"no intervals: they need {FEWEST} shapes in either set, not all of them failed")
        kinds = Counter(self.generated.kinds) + Counter(self.reference.kinds)
        if kinds["sdf"] and len(kinds) > 1 and self.sampling.normalise == "none":
            notes.append("SDF grids count in edges of their box, everything else in the unit of its file")
        notes += [_unknown(side.folder) for side in (self.generated, self.reference) if side.folder.unknown]
        for side in (self.generated, self.reference):
            if side.padded:
                notes.append(f"repeated points, for want of enough, in {side.folder.path}: {len(side.padded)} shapes")
        return notes


def load_folder(path: Path, sampling: Sampling, recursive: bool, side: Side, progress: Progress) -> LoadedFolder:
    """Read and sample all shapes of a folder; those that cannot be are listed as failed.

    The draw of a shape depends on its side: the same numbers for a generated and a real shape of one name would
    put points of meshes of one topology where they correspond, and the pair too close.

    Raises:
        DataError: if there is no such folder or it has no shape files.
    """
    folder = open_folder(path, recursive)
    clouds: list[Floats | None] = []
    failed: dict[str, tuple[str, str]] = {}
    kinds: Counter[str] = Counter()
    padded = []
    for place, name in enumerate(folder.names):
        progress(f"reading {side}", place, len(folder.names))
        try:
            shape = read_shape(path / name)
            sample = sampling.draw(shape, f"{side}/{Path(name).stem}")
        except BadShapeError as error:
            failed[name] = (error.reason, str(error))
            clouds.append(None)
            continue
        kinds["cloud" if isinstance(shape, Cloud) else "sdf" if isinstance(shape, Grid) else "mesh"] += 1
        clouds.append(sample.points)
        if sample.padded:
            padded.append(name)
    progress(f"reading {side}", len(folder.names), len(folder.names))
    return LoadedFolder(folder, clouds, failed, dict(kinds), padded)


def load_folders(
    generated: Path, reference: Path, sampling: Sampling, recursive: bool, progress: Progress
) -> tuple[LoadedFolder, LoadedFolder]:
    """Both folders.

    Raises:
        DataError: as :func:`load_folder`, and for an unsound reference.
    """
    references = load_folder(reference, sampling, recursive, "reference", progress)
    if references.failed:
        name, (_, what) = next(iter(references.failed.items()))
        more = f" (and {len(references.failed) - 1} more)" if len(references.failed) > 1 else ""
        raise DataError(f"reference {reference / name}: {what}{more}; references must all be sound")
    return load_folder(generated, sampling, recursive, "generated", progress), references


def measure(
    generated: Path, reference: Path, sampling: Sampling, search: Search | None = None, recursive: bool = False,
    progress: Progress = lambda *_: None,
) -> Measurement:  # fmt: skip
    """MMD, COV and 1-NNA of a folder of shapes.

    Args:
        generated: folder of shapes to judge. Files without a sound shape are failures and count as worst.
        reference: folder of real shapes, all of which must be sound.
        sampling: how shapes become points; its convention also says which numbers are printed.
        search: see :class:`Search`.
        recursive: also read sub-folders.
        progress: told of reading and comparing.

    Raises:
        DataError: for folders without shapes or an unsound reference.
        UsageError: for settings that cannot be met (too little memory, too few points).
    """
    search = search or Search()
    candidates, references = load_folders(generated, reference, sampling, recursive, progress)
    try:
        scores, intervals, interval_signature = _score(candidates, references, sampling.seed, search, progress)
    except ValueError as error:
        raise UsageError(str(error)) from error
    metrics = []
    for metric in CONVENTIONS[sampling.convention]:
        signature = _signature(metric.name, sampling, metric.scale, scores.signature)
        span = None if intervals is None else intervals[metric.name]
        scaled = None if span is None else (span[0] * metric.scale, span[1] * metric.scale)
        metrics.append(MeasuredMetric(metric, scores.as_dict()[metric.name] * metric.scale, scaled, signature))
    common = set_signature(sampling, scores.signature)
    return Measurement(
        candidates, references, sampling, search, metrics, scores, intervals, interval_signature, common
    )  # fmt: skip


def _score(
    generated: LoadedFolder, reference: LoadedFolder, seed: int, search: Search, progress: Progress
) -> tuple[GenerationScores, Mapping[str, tuple[float, float]] | None, str | None]:
    from benchmark.metrics.generation.intervals import FEWEST, generation_intervals
    from benchmark.metrics.generation.scores import generation_scores

    done, total = 0, 2 * (len(generated.clouds) + len(reference.clouds))

    def advance(more: int) -> None:
        nonlocal done
        done = min(done + more, total)
        progress("comparing", done, total)

    settings: dict[str, Any] = {
        "distance": search.distance,
        "workers": search.workers,
        "max_bytes": search.max_bytes,
        "progress": advance,
    }
    progress("comparing", 0, total)
    enough = min(len(generated.clouds), len(reference.clouds)) >= FEWEST
    if search.replicates and enough and len(generated.failed) < len(generated.clouds):
        both = generation_intervals(
            generated.clouds, reference.clouds, replicates=search.replicates, seed=seed, **settings
        )
        progress("comparing", total, total)
        return both.scores, both.intervals, both.signature.split(";")[-1]
    scores = generation_scores(generated.clouds, reference.clouds, **settings)
    progress("comparing", total, total)
    return scores, None, None


def set_signature(sampling: Sampling, scored: str) -> Signature:
    """What pins scores of folders: the signature of the scores, and how files became clouds."""
    return _signature("generation", sampling, None, scored)


def _signature(name: str, sampling: Sampling, scale: float | None, scored: str) -> Signature:
    """The signature of the scores, with how files became clouds put before it."""
    _, distance, *choices = scored.split("|")
    factor = {} if scale is None else {"scale": f"{scale:g}"}
    told = Signature.of(name, sampling.convention, sampling.choices | factor | {"distance": distance})
    return Signature("|".join([told.removesuffix("|v1"), *choices]))


def _unknown(folder: ShapeFolder) -> str:
    names = ", ".join(folder.unknown[:5]) + (", ..." if len(folder.unknown) > 5 else "")
    return f"not of a kind that is read in {folder.path}: {len(folder.unknown)} ({names})"
