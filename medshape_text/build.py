"""From a source to a data-set folder that appears whole or not at all, and resumes where it was stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medshape_text import assemble, manifest, provenance, records
from medshape_text.collect import collect
from medshape_text.engine import Limits, Task, TaskError, run_local
from medshape_text.files import locked, sync
from medshape_text.pipeline import DEDUPLICATE, READ, SPLIT, Source, StageCount, funnel
from medshape_text.timings import Timings, write_timings
from medshape_text.work import BATCH, GIVEN_UP, Batch, Store, Work, batches, total_times

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done and how much there is."""


Engine = Callable[[Task, Sequence[int], int, Limits], Iterator[int]]
"""Who does the work: does the numbered batches with so many workers, yields each when it is done, in any order."""


class BuildError(RuntimeError):
    """The data set could not be built; finished shapes are kept and the same command continues."""


@dataclass(frozen=True)
class Built:
    """What a build did. ``resumed`` shapes were found finished; ``rows`` counts shapes by split.

    ``failed`` counts the shapes that were dropped for any other reason than being there twice.
    """

    folder: Path
    revision: str
    rows: dict[str, int]
    dropped: int
    failed: int = 0
    resumed: int = 0
    up_to_date: bool = False
    reasons: dict[str, int] = field(default_factory=dict)


def build(
    source: Source, out: Path, *, workers: int = 1, engine: Engine = run_local, limits: Limits | None = None,
    batch: int = BATCH, progress: Progress = lambda *_: None,
) -> Built:  # fmt: skip
    """Take every shape of ``source`` through the pipeline and write the data set to the folder ``out``.

    The result does not depend on ``workers``, ``engine`` or ``batch`` (how many shapes are worked on together, which is
    what is lost when a build is killed) nor on how often the build was interrupted. Work in
    progress lies beside ``out`` in ``.<name>.partial`` and goes away with success. If ``out`` holds the
    very same data set already, its files are verified and nothing is done. How long every stage took is
    written beside ``out`` (`medshape_text.timings`). Shapes that were given up under other ``limits`` are tried again
    as long as the data set is not finished.

    Raises:
        BuildError: if ``out`` holds something else, another build is writing it, a worker could not work, or
            the disk is full or not writable.
    """
    if workers < 1:
        raise ValueError(f"at least one worker is needed, got {workers}")
    out = out.absolute()
    work = out.parent / f".{out.name}.partial"
    busy = BuildError(f"another build is writing {out}; wait for it or choose another folder.")
    try:
        built = _finished(source, out)
        if built is None or work.exists():  # a build that was killed after its last rename left its work
            (work / "shapes").mkdir(parents=True, exist_ok=True)
            with locked(work / "lock", busy):
                built = built or _finished(source, out)  # another build may have written it before the lock was ours
                built = built or _build(source, out, work, _How(workers, engine, limits or Limits(), batch), progress)
            shutil.rmtree(work, ignore_errors=True)  # what stays goes the next time
    except TaskError as error:
        raise BuildError(f"{error}; finished shapes are kept in {work}, run the same command to continue.") from error
    except OSError as error:
        raise BuildError(
            f"could not write {error.filename or out}: {error.strerror or error}. Finished shapes are kept in {work}; "
            "make room or choose another folder, then run the same command to continue."
        ) from error
    return built


def _finished(source: Source, out: Path) -> Built | None:
    """The data set in ``out`` if it is the wanted one and intact; None if there is nothing yet."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    advice = "choose another folder, or delete this one first"
    try:
        found = manifest.read(out)
        wrong = manifest.verify(out)
    except manifest.DatasetError as error:
        raise BuildError(f"{out} exists and is not a data set of this version: {error} Otherwise {advice}.") from error
    if found["recipe"] != provenance.recipe(source):
        raise BuildError(f"{out} holds a data set built from another source, version or options; {advice}.")
    if wrong:
        raise BuildError(f"{out} is damaged ({', '.join(wrong[:3])} differ from the manifest); {advice}.")
    rows = {split: sum(entry.get("rows", 0) for path, entry in found["files"].items() if path.startswith(
        f"shapes/{split}-")) for split in records.SPLITS}  # fmt: skip
    counts = [StageCount(stage["name"], stage["n_in"], stage["n_out"], stage["dropped"]) for stage in found["stages"]]
    return _summary(out, str(found["revision"]), rows, counts, 0, up_to_date=True)


def _summary(
    out: Path, revision: str, rows: dict[str, int], counts: Sequence[StageCount], resumed: int, *, up_to_date: bool
) -> Built:
    reasons: dict[str, int] = {}
    failed = 0
    for count in counts:
        for reason, number in count.dropped.items():
            reasons[reason] = reasons.get(reason, 0) + number
            failed += 0 if count.stage == DEDUPLICATE else number
    return Built(out, revision, rows, sum(reasons.values()), failed, resumed, up_to_date, reasons)


@dataclass(frozen=True)
class _How:
    """What does not change the result."""

    workers: int
    engine: Engine
    limits: Limits
    batch: int


def _build(source: Source, out: Path, work: Path, how: _How, progress: Progress) -> Built:
    began = time.monotonic()
    store = Store(work / "shapes")
    planned = batches(source, how.batch)
    total = sum(len(batch.ids) for batch in planned)
    if not total:
        raise BuildError("the source offers no shapes.")
    resumed = _curate(source, store, planned, how, progress)
    curated = time.monotonic()

    drops = [drop for batch in planned for drop in store.drops(batch.key)]
    light = assemble.read_light(store, planned)
    if not len(light):
        raise BuildError(f"all {len(drops)} shapes were dropped, the first because: {drops[0].detail}")
    progress("looking for duplicates", 0, 1)
    collected = collect(source, light, store, planned)
    progress("looking for duplicates", 1, 1)
    drops += collected.drops
    stages = [READ, GIVEN_UP, *(stage.name for stage in source.stages), DEDUPLICATE, SPLIT]
    counts = funnel(stages, total, len(collected.splits), drops)
    compared = time.monotonic()

    assembled = work / "assembled"
    shutil.rmtree(assembled, ignore_errors=True)
    assembled.mkdir()
    place = {shape_id: number for number, shape_id in enumerate(source.ids())}
    drops.sort(key=lambda drop: place[drop.id])
    rows, revision = assemble.write(source, store, planned, assembled, collected, drops, counts, progress)
    _publish(assembled, out)
    phases = {"curate": curated - began, "compare": compared - curated, "write": time.monotonic() - compared}
    stages_took = total_times(store.folder, {batch.key for batch in planned})
    write_timings(out, Timings(revision, how.workers, total, resumed, phases, stages_took))
    return _summary(out, revision, rows, counts, resumed, up_to_date=False)


def _curate(source: Source, store: Store, planned: Sequence[Batch], how: _How, progress: Progress) -> int:
    todo = [number for number, batch in enumerate(planned) if not store.has(batch.key, how.limits)]
    total = sum(len(batch.ids) for batch in planned)
    resumed = done = total - sum(len(planned[number].ids) for number in todo)
    progress("curating shapes", done, total)
    for number in how.engine(Work(source, store, tuple(planned), how.limits), todo, how.workers, how.limits):
        done += len(planned[number].ids)
        progress("curating shapes", done, total)
    return resumed


def _publish(assembled: Path, out: Path) -> None:
    """One rename makes the data set appear; before it everything is on the disk."""
    for path in [*assembled.rglob("*"), assembled]:
        sync(path)
    assembled.rename(out)
    sync(out.parent)
