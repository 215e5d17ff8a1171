"""From finished work to the files of a data set, a batch at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from medshape_text import card, croissant, provenance, records, shards
from medshape_text.collect import Collected
from medshape_text.pipeline import Dropped, Source, StageCount
from medshape_text.work import Batch, Store

Progress = Callable[[str, int, int], None]
_MOST_REMOVED = 48


def read_light(store: Store, planned: Sequence[Batch]) -> pa.Table:
    """The light columns and the signatures of all finished shapes, in the order of the source."""
    names = [*records.arrow_schema("shapes").names, records.SIGNATURE]
    return pa.concat_tables(store.read_all([batch.key for batch in planned], names)).combine_chunks()


def write(
    source: Source, store: Store, planned: Sequence[Batch], folder: Path, collected: Collected,
    drops: Sequence[Dropped], counts: Sequence[StageCount], progress: Progress,
) -> tuple[dict[str, int], str]:  # fmt: skip
    """Write every file of the data set into ``folder``; gives the rows of each split and the revision."""
    totals = dict.fromkeys(records.SPLITS, 0) | Counter(collected.splits.values())
    written: list[shards.Shard] = []
    light: list[pa.Table] = []
    for number, config in enumerate(records.CONFIGS):
        progress("writing Parquet", number, len(records.CONFIGS))
        rows = _rows(store, planned, config, collected)
        if config == "shapes":
            light = list(rows)
            rows = iter(light)
        written += shards.write_config(folder, config, totals, rows)
    progress("writing Parquet", len(records.CONFIGS), len(records.CONFIGS))

    sizes = {shard.path: shard.rows for shard in written}
    dropped = pa.Table.from_pylist([asdict(drop) for drop in drops], schema=records.dropped_schema())
    pairs = pa.Table.from_pylist([asdict(pair) for pair in collected.pairs], schema=records.duplicates_schema())
    removed = _removed(store, planned, collected)
    for name, table in (("dropped.parquet", dropped), ("duplicates.parquet", pairs), ("removed.parquet", removed)):
        shards.write_table(folder / name, table)
        sizes[name] = len(table)
    (folder / "leaks.json").write_text(json.dumps(collected.leaks.as_dict(), indent=1) + "\n", encoding="utf-8")
    about, table = _about(source, collected), pa.concat_tables(light)
    card.write(folder, about, table, counts)
    croissant.write(folder, about, table)
    (folder / "NOTICE").write_text(source.notice(), encoding="utf-8")
    return totals, provenance.write(folder, source, counts, sizes)


def _removed(store: Store, planned: Sequence[Batch], collected: Collected) -> pa.Table:
    """The first few shapes that went because they were there twice: the report shows them beside those that stayed."""
    wanted = {end for pair in collected.pairs for end in (pair.first, pair.second) if end not in collected.splits}
    tables = [pa.schema([("id", pa.string()), ("sdf", pa.binary())]).empty_table()]
    for batch in planned:
        ids = [shape_id for shape_id in batch.ids if shape_id in wanted]
        if ids and sum(map(len, tables)) < _MOST_REMOVED:
            found = store.read(batch.key, ["id", "sdf"])
            tables.append(found.filter(pc.is_in(found.column("id"), pa.array(ids))))
    return pa.concat_tables(tables).slice(0, _MOST_REMOVED).combine_chunks()


def _about(source: Source, collected: Collected) -> card.About:
    kinds = Counter(pair.kind for pair in collected.pairs)
    leaks = collected.leaks.as_dict()
    found = {name: value if isinstance(value, int) else len(value) for name, value in leaks.items()}
    return card.About(source.name, source.card(), source.attribution, dict(sorted(kinds.items())), found)


def _rows(store: Store, planned: Sequence[Batch], config: str, collected: Collected) -> Iterator[pa.Table]:
    """The published rows of a configuration, batch by batch, with the columns that needed all shapes filled in."""
    names = records.arrow_schema(config).names
    for table in store.read_all([batch.key for batch in planned], names):
        ids = table.column("id").to_pylist()
        kept = [place for place, shape_id in enumerate(ids) if shape_id in collected.splits]
        if not kept:
            continue
        rows = table.take(kept)
        splits = [collected.splits[ids[place]] for place in kept]
        rows = _with(rows, "split", pa.array(splits, pa.string()))
        flags = rows.column("flags").to_pylist()
        found = [[*own, *collected.flags.get(ids[place], ())] for place, own in zip(kept, flags, strict=True)]
        yield _with(rows, "flags", pa.array(found, pa.list_(pa.string())))


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)
