"""The rows of the viewer section: scene, captions and thumbnail of every chosen case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.contract import Case
from benchmark.drawing.scene import Scene, View
from benchmark.metrics.base import Metric
from benchmark.report.entries import Entry
from benchmark.tasks import Draws

FIRST_IN_ROW = ("input-conditioned", "genmed")
MOST_METHODS = 6
"""Methods whose surfaces are stored; the rest would only make the file heavy."""
SHOWN_AT_FIRST = 4


Scores = tuple[tuple[str, str, str], ...]
"""What stands under a picture: (title, text, signature)."""


@dataclass(frozen=True)
class ShownCase:
    """One row of the viewer. ``goodness`` is the headline value of the run in focus, negative where less is better."""

    key: str
    id: str
    category: str
    subject: str
    origin: str
    scale: str
    error_range: str
    goodness: float | None
    headline_text: str
    exact: bool
    thumbnail: str
    structures: tuple[str, ...]
    paints: frozenset[str]
    sliced: bool
    scene: dict[str, object]
    views: list[tuple[View, Scores]]


def row_order(entries: Sequence[Entry], focus: Entry) -> list[Entry]:
    """The entries with surfaces, in the order of the row; the one in focus is always among them."""
    ranked = sorted(
        entries,
        key=lambda e: FIRST_IN_ROW.index(e.run.method) if e.run.method in FIRST_IN_ROW else len(FIRST_IN_ROW),
    )
    kept = ranked[:MOST_METHODS]
    return kept if focus in kept else [*kept[:-1], focus]


def show_cases(
    family: Draws, cases: Iterable[Case], entries: Sequence[Entry], focus: Entry, columns: Sequence[Metric]
) -> list[ShownCase]:
    """Build the rows, one after another: only one case's volumes are in memory at a time."""
    return [_show(family, f"c{index}", case, entries, focus, columns) for index, case in enumerate(cases)]


def _show(
    family: Draws, key: str, case: Case, entries: Sequence[Entry], focus: Entry, columns: Sequence[Metric]
) -> ShownCase:
    predictions = {entry.label: entry.prediction(case) for entry in entries}
    failures = {entry.label: entry.status(case.id) for entry in entries}
    scene = family.scene(case, predictions, failures, focus.label)
    captions = {entry.label: tuple(_caption(entry, case.id, columns)) for entry in entries}
    headline = columns[0]
    value = focus.mean(case.id, headline.signature)
    return ShownCase(
        key=key,
        id=case.id,
        category=case.category,
        subject=case.subject,
        origin=case.origin,
        scale=scene.scale,
        error_range=scene.error_range,
        goodness=-value if value is not None and headline.higher_is_better is False else value,
        headline_text=f"{headline.title} {headline.text(value)}",
        exact=scene.exact,
        thumbnail=scene.thumbnail,
        structures=scene.structures,
        paints=scene.paints,
        sliced=scene.slices is not None,
        scene=scene.data(),
        views=_views(scene, captions),
    )


def _views(scene: Scene, captions: dict[str, Scores]) -> list[tuple[View, Scores]]:
    return [(view, captions[view.method] if view.kind == "prediction" else ()) for view in scene.views]


def _caption(entry: Entry, case_id: str, columns: Sequence[Metric]) -> Iterable[tuple[str, str, str]]:
    for column in columns:
        if entry.has(case_id, column.signature):  # else a signature of other cases, e.g. in another unit
            text = column.text(entry.mean(case_id, column.signature))
            yield column.column.replace(",", ""), text, column.signature
