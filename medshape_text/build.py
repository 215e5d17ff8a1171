"""From a source to a data-set folder that appears whole or not at all, and resumes where it was stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from medshape_text import card, engine, manifest, provenance, records, shards
from medshape_text.files import sync
from medshape_text.one_thread import one_thread
from medshape_text.pipeline import READ, Dropped, Source, StageCount, funnel, process
from medshape_text.store import Store

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done and how much there is."""


class BuildError(RuntimeError):
    """The data set could not be built; finished shapes are kept and the same command continues."""


@dataclass(frozen=True)
class Built:
    """What a build did. ``resumed`` shapes were found finished; ``rows`` counts shapes by split."""

    folder: Path
    revision: str
    rows: dict[str, int]
    dropped: int
    resumed: int = 0
    up_to_date: bool = False


@dataclass(frozen=True)
class _Work:
    """The unit of work a worker does: one shape through all stages, its result into the store."""

    source: Source
    store: Store

    def __call__(self, shape_id: str) -> None:
        key = self.store.key(self.source, shape_id)
        with one_thread():
            result = process(self.source, shape_id)
        if isinstance(result, Dropped):
            self.store.put_drop(key, result)
        else:
            self.store.put_row(key, records.to_row(result))


def build(source: Source, out: Path, *, workers: int = 1, progress: Progress = lambda *_: None) -> Built:
    """Take every shape of ``source`` through the pipeline and write the data set to the folder ``out``.

    The result does not depend on ``workers`` nor on how often the build was interrupted. Work in
    progress lies beside ``out`` in ``.<name>.partial`` and goes away with success. If ``out`` holds the
    very same data set already, its files are verified and nothing is done.

    Raises:
        BuildError: if ``out`` holds something else, another build is writing it, a worker died, or the
            disk is full or not writable.
    """
    if workers < 1:
        raise ValueError(f"at least one worker is needed, got {workers}")
    out = out.absolute()
    work = out.parent / f".{out.name}.partial"
    try:
        finished = _finished(source, out)
        if finished:
            return finished
        (work / "shapes").mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=0):
            built = _build(source, out, work, workers, progress)
        shutil.rmtree(work)
    except Timeout:
        raise BuildError(f"another build is writing {out}; wait for it or choose another folder.") from None
    except engine.WorkerDiedError as error:
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
    dropped = sum(sum(stage["dropped"].values()) for stage in found["stages"])
    return Built(out, found["revision"], rows, dropped, up_to_date=True)


def _build(source: Source, out: Path, work: Path, workers: int, progress: Progress) -> Built:
    store = Store(work / "shapes")
    keys = {shape_id: store.key(source, shape_id) for shape_id in source.ids()}
    todo = [shape_id for shape_id, key in keys.items() if not store.has(key)]
    resumed = len(keys) - len(todo)
    progress("curating shapes", resumed, len(keys))
    for done, _ in enumerate(engine.run(_Work(source, store), todo, workers), start=resumed + 1):
        progress("curating shapes", done, len(keys))

    drops = [drop for key in keys.values() if (drop := store.get_drop(key))]
    gone = {drop.id for drop in drops}
    kept = [key for shape_id, key in keys.items() if shape_id not in gone]
    counts = funnel([READ, *(stage.name for stage in source.stages)], len(keys), len(kept), drops)
    if not kept:
        raise BuildError(f"all {len(keys)} shapes were dropped, the first because: {drops[0].detail}" if drops else
                         "the source offers no shapes")  # fmt: skip
    assembled = work / "assembled"
    shutil.rmtree(assembled, ignore_errors=True)
    assembled.mkdir()
    rows, revision = _assemble(source, store, assembled, kept, drops, counts, progress)
    _publish(assembled, out)
    return Built(out, revision, rows, len(drops), resumed)


def _assemble(
    source: Source, store: Store, folder: Path, kept: Sequence[str], drops: Sequence[Dropped],
    counts: Sequence[StageCount], progress: Progress,
) -> tuple[dict[str, int], str]:  # fmt: skip
    light = [store.get_row(key, list(records.features("shapes"))) for key in kept]
    by_split = {split: [key for key, row in zip(kept, light, strict=True) if row["split"] == split]
                for split in records.SPLITS}  # fmt: skip
    written = []
    for number, config in enumerate(records.CONFIGS):
        progress("writing Parquet", number, len(records.CONFIGS))
        for split, keys in by_split.items():
            written += shards.write_config(folder, config, split, keys, store.get_row)
    progress("writing Parquet", len(records.CONFIGS), len(records.CONFIGS))
    shards.write_table(folder / "dropped.parquet", [asdict(drop) for drop in drops],
                       records.dropped_features().arrow_schema)  # fmt: skip
    splits = [split for split, keys in by_split.items() if keys]
    (folder / "README.md").write_text(card.render(source, light, counts, splits), encoding="utf-8")
    (folder / "NOTICE").write_text(source.notice(), encoding="utf-8")
    rows = {shard.path: shard.rows for shard in written} | {"dropped.parquet": len(drops)}
    revision = provenance.write(folder, source, counts, rows)
    return {split: len(keys) for split, keys in by_split.items()}, revision


def _publish(assembled: Path, out: Path) -> None:
    """One rename makes the data set appear; before it everything is on the disk."""
    for path in [*assembled.rglob("*"), assembled]:
        sync(path)
    assembled.rename(out)
    sync(out.parent)
