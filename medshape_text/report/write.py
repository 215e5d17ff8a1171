"""One self-contained HTML file from a data set: `write_report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medshape_text import manifest
from medshape_text.files import replacing
from medshape_text.report import counts, pairs, pictures, times
from medshape_text.report.counts import check, integrity
from medshape_text.report.declared import declared
from medshape_text.report.pictures import Pictures, Progress, bar, split_kinds
from medshape_text.report.rows import Columns, read_shapes
from medshape_text.web import Page

PAGE = Page("medshape_text.report", ("page.css", "report.css"), "report.js", longest=300)


@dataclass(frozen=True)
class Shown:
    """A shape on the page; one that was dropped has no ``split``.

    ``picture`` is None if its SDF is damaged, or was not ``found`` at all.
    """

    id: str
    picture: object
    found: bool
    split: str | None = None
    place: int = 0
    flags: tuple[str, ...] = ()


def write_report(folder: Path, target: Path, progress: Progress = lambda *_: None) -> None:
    """Write a page about the data set in ``folder`` that opens from disk, without any network.

    The page is the same bytes for the same files. Times are read from ``<folder>.timings.json`` beside it.

    Args:
        folder: a finished data set.
        target: the HTML file; written whole or not at all.
        progress: called with what is going on, how much is done and how much there is.

    Raises:
        DatasetError: if ``folder`` is no data set, or a table in it cannot be read. Files that can be read but are
            not the ones the manifest states are told on the page.
        OSError: if ``target`` cannot be written.
    """
    html = render(folder, progress)
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as stream:
        stream.write(html.encode("utf-8"))


def render(folder: Path, progress: Progress = lambda *_: None) -> str:
    """The page as text; see `write_report`."""
    told = declared(manifest.read(folder))
    columns = read_shapes(folder)
    drops = counts.read_drops(folder)
    duplicates, leaks = pairs.read_duplicates(folder), pairs.read_leaks(folder)
    chosen = pictures.choose(columns)
    alike = [*duplicates.pairs[: pairs.WITH_PICTURES], *(pair for each in leaks.findings for pair in each.pairs)]
    wanted = {shape_id for ids in chosen.values() for shape_id in ids}
    wanted.update(shape_id for pair in alike for shape_id in (pair.first, pair.second))
    drawn = pictures.draw(folder, wanted, progress)
    progress("checking every file", 0, 1)
    checks = integrity(folder, told, columns, counts.problems(told.steps, drops, len(columns["id"])))
    progress("checking every file", 1, 1)
    shared = counts.shared_subjects(columns)
    leak_checks = [check("No subject is in two of train, validation and test", [f"{s}: {w}" for s, w in shared])]
    if leaks.open is not None:
        found = [f"open leaks: {leaks.open}"] if leaks.open else []
        leak_checks.append(check("The leak report of the build has no open leak", found))
    splits = counts.splits_of(columns)
    by_category = counts.categories(columns, splits)
    rows = {shape_id: place for place, shape_id in enumerate(columns["id"])}
    show = partial(_shown, columns=columns, drawn=drawn, splits=splits, rows=rows)
    reasons = counts.reasons(told.steps, drops)
    return PAGE.render("report.html", {
        "told": told,
        "shapes": len(columns["id"]),
        "offered": told.steps[0].n_in if told.steps else 0,
        "subjects": len(set(columns["subject"])),
        "checks": checks,
        "sound": not any(each.count for each in checks),
        "reasons": reasons[: counts.MOST_REASONS],
        "reasons_left_out": max(0, len(reasons) - counts.MOST_REASONS),
        "dropped": sum(each.count for each in reasons),
        "splits": splits,
        "kinds": split_kinds(len(splits)),
        "split_totals": [columns["split"].count(split) for split in splits],
        "categories": by_category[: counts.MOST],
        "categories_left_out": max(0, len(by_category) - counts.MOST),
        "category_count": len(by_category),
        "largest": max(row.count for row in by_category),
        "groups": counts.groups(columns, splits),
        "gallery": [(row, chosen[row.label]) for row in by_category if row.label in chosen],
        "duplicates": duplicates,
        "pictured": pairs.WITH_PICTURES,
        "leaks": leaks,
        "leak_checks": leak_checks,
        "show": show,
        "times": times.read_times(folder, told.revision),
        "medshapenet": times.MEDSHAPENET,
        "duration": times.duration,
        "rate": times.rate,
        "bar": bar,
        "number": lambda value: f"{value:,}",
        "size": _size,
    })  # fmt: skip


def _shown(shape_id: str, columns: Columns, drawn: Pictures, splits: Sequence[str], rows: Mapping[str, int]) -> Shown:
    place = rows.get(shape_id)
    found, picture = shape_id in drawn, drawn.get(shape_id)
    if place is None:
        return Shown(shape_id, picture, found)
    split = columns["split"][place]
    return Shown(shape_id, picture, found, split, splits.index(split), tuple(columns["flags"][place] or ()))


def _size(count: int) -> str:
    """Bytes in words."""
    if count < 1000:
        return f"{count} bytes"
    power = min((len(str(count)) - 1) // 3, 4)
    return f"{count / 1000**power:.3g} {('kB', 'MB', 'GB', 'TB')[power - 1]}"
