"""The rows of the viewer section: scene, captions and thumbnail of every chosen case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.contract import Case
from benchmark.report.columns import Column
from benchmark.report.evidence import Entry
from benchmark.report.scenes import ERROR_RANGE_VOXELS, Scene, View, build_scene
from medshape_text.frame import HALF_BOX_VOXELS
from medshape_text.thumbnail import thumbnail

FIRST_IN_ROW = ("input-conditioned", "genmed")
MOST_METHODS = 6
"""Methods whose surfaces are stored; the rest would only make the file heavy."""
SHOWN_AT_FIRST = 4


Scores = tuple[tuple[str, str, str], ...]
"""What stands under a picture: (title, text, signature)."""


@dataclass(frozen=True)
class ShownCase:
    """One row of the viewer. ``dice`` is the headline value of the run in focus."""

    key: str
    id: str
    category: str
    subject: str
    origin: str
    scale: str
    error_range: str
    dice: float | None
    dice_text: str
    planes: bool
    thumbnail: str
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
    cases: Iterable[Case], entries: Sequence[Entry], focus: Entry, columns: Sequence[Column]
) -> list[ShownCase]:
    """Build the rows, one after another: only one case's volumes are in memory at a time."""
    return [_show(f"c{index}", case, entries, focus, columns) for index, case in enumerate(cases)]


def _show(key: str, case: Case, entries: Sequence[Entry], focus: Entry, columns: Sequence[Column]) -> ShownCase:
    predictions = {entry.label: entry.prediction(case.id) for entry in entries}
    failures = {entry.label: entry.row(case.id, columns[0].signature)[1] for entry in entries}
    scene = build_scene(case, predictions, failures, focus.label)
    captions = {entry.label: tuple(_caption(entry, case.id, columns)) for entry in entries}
    headline = columns[0]
    dice, _ = focus.row(case.id, headline.signature)
    return ShownCase(
        key=key,
        id=case.id,
        category=case.category,
        subject=case.subject,
        origin=case.origin,
        scale=scale_text(case),
        error_range=error_range_text(case),
        dice=dice,
        dice_text=f"{headline.title} {headline.text(dice)}",
        planes=case.observation.kind == "planes",
        thumbnail=thumbnail(case.truth),
        scene=scene.data(),
        views=_views(scene, captions),
    )


def _views(scene: Scene, captions: dict[str, Scores]) -> list[tuple[View, Scores]]:
    return [(view, captions[view.method] if view.kind == "prediction" else ()) for view in scene.views]


def _caption(entry: Entry, case_id: str, columns: Sequence[Column]) -> Iterable[tuple[str, str, str]]:
    for column in columns:
        value, status = entry.row(case_id, column.signature)
        if status == "not run":
            continue  # a signature of other cases, e.g. in another unit
        yield column.title.replace(",", ""), column.text(value), column.signature


def scale_text(case: Case) -> str:
    """How large a voxel is; empty where nobody knows."""
    if case.millimetres_per_unit is None:
        return ""
    return f"1 voxel = {case.millimetres_per_unit / HALF_BOX_VOXELS:.2f} mm"


def error_range_text(case: Case) -> str:
    """Where the error colours saturate, in voxels and, where the scale is known, millimetres."""
    voxels = f"{ERROR_RANGE_VOXELS:g} voxels"
    if case.millimetres_per_unit is None:
        return voxels
    return f"{voxels} = {ERROR_RANGE_VOXELS * case.millimetres_per_unit / HALF_BOX_VOXELS:.3g} mm"
