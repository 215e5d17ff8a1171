"""The words of the report: title, facts and the notes that say how its numbers and pictures were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.errors import UnknownNameError
from benchmark.metrics.base import Metric
from benchmark.report.entries import Entry, group_ids
from benchmark.statistics import DRAWS
from benchmark.tasks import find_task

_REAL = frozenset({"real_subject"})


def title(focus: Entry) -> str:
    """The heading: method and task of the run in focus."""
    return f"{focus.run.method} · {focus.run.task}"


def subtitle(focus: Entry) -> str:
    """What the task asks for, in the words of its definition."""
    try:
        task = find_task(focus.run.task)
    except UnknownNameError:  # a run of another version of the toolkit
        return ""
    return f"Task: {task.description}."


def facts(entries: Sequence[Entry], focus: Entry) -> list[tuple[str, str]]:
    """The strip of facts above the table of methods."""
    scores = pd.concat([entry.scores for entry in entries])
    cases = scores.drop_duplicates("case")
    origins = ", ".join(f"{count} {name}" for name, count in cases["origin"].value_counts().items())
    configuration = focus.run.configuration
    data = _mapping(configuration.get("data"))
    listed = [
        ("Task", focus.run.task),
        ("Data", _first(data, "name", "path", "folder")),
        ("Data revision", _first(data, "revision")[:16]),
        ("Split", _first(data, "split") or str(configuration.get("split", ""))),
        ("Seed", str(configuration.get("seed", ""))),
        ("Cases", str(len(group_ids(entries)))),
        ("Subjects", str(cases["subject"].nunique())),
        ("Categories", str(scores["category"].nunique())),
        ("Origin", origins),
    ]
    return [(label, value) for label, value in listed if value]


def synthetic_note(entries: Sequence[Entry]) -> str:
    """A warning that names the origins of shapes that are no real anatomy; empty when all are real."""
    scores = pd.concat([entry.scores for entry in entries]).drop_duplicates("case")
    made = scores[~scores["origin"].isin(_REAL)]
    if made.empty:
        return ""
    kinds = ", ".join(f"{count} {name}" for name, count in made["origin"].value_counts().items())
    return f"{len(made)} of {len(scores)} cases are no scans of real people: {kinds}."


def headline_rows(focus: Entry, headline: Metric) -> pd.DataFrame:
    """The rows of the headline metric of the run in focus."""
    return focus.scores[focus.scores["signature"] == headline.signature]


def scores_note(columns: Sequence[Metric]) -> str:
    """How the averages were made."""
    first = columns[0].column
    return (
        f"Class-macro means (every category counts the same); micro {first} counts every case the same. Interval: "
        f"95 %, percentile bootstrap over subjects ({DRAWS:,} draws). Failed cases score the worst value and are "
        "counted in scored/expected. Coloured: best of the methods that do not see the truth. A heading's tooltip is "
        "the metric's signature; numbers of different signatures never share a column."
    )


def plot_note() -> str:
    """How to read the plot."""
    return (
        "Small dots: cases. Large dot: mean of the category, with its 95 % bootstrap interval over subjects. "
        "Few subjects make these intervals rough."
    )


def differences_note(focus: Entry, problems: Sequence[str]) -> str:
    """How the differences were made, and which could not be."""
    note = (
        f"Class-macro mean of ({focus.label} − other) on the same cases, with the 95 % paired bootstrap over subjects. "
        "“Better” and “worse” are said only where the interval of the first column excludes 0."
    )
    return " ".join([note, *(f"Left out: {problem}." for problem in problems)])


def surface_note(sliced: bool = False) -> str:
    """What was done to images and surfaces for display."""
    if sliced:
        return (
            "Slices show what the method was given, on its own voxels, in 254 grey levels; what was not observed is "
            "hatched. Outlines run around the voxels of the label maps on the grid of the task; scores are computed on "
            "the grid the labels came on. Surfaces are those of the same voxels with their staircases smoothed "
            "(Taubin); error colours are distances to the nearest true surface of the same structure."
        )
    return (
        "Surfaces are the zero level (marching cubes) of the very volumes that were scored, neither smoothed nor "
        "decimated, with positions rounded to 1/64 voxel. For display only: damaged prompts and what they lack are "
        "voxel masks, whose staircases are smoothed (Taubin); observed planes are drawn one voxel thick; "
        "shading includes ambient occlusion read from the distance field. Directions assume the data set's frame: x to "
        "the subject's left, y to the back, z up."
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(record: Mapping[str, Any], *keys: str) -> str:
    return next((str(record[key]) for key in keys if record.get(key) not in (None, "")), "")
