"""The board: all tables, and a page of what every submission says about itself, with the commands that check it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.provenance import toolkit_version
from leaderboard.model import Board, MethodPage
from leaderboard.rank.lines import hardware_text, peak_mib, seconds_per_case
from leaderboard.rank.results import Result, Results
from leaderboard.rank.tables import revision_of, tables_of
from leaderboard.submission.layout import SUBMISSIONS


def board_of(results: Results) -> Board:
    """Everything the site shows, from a results folder and nothing else: the same folder gives the same board."""
    return Board(
        tables=tables_of(results),
        methods=tuple(page_of(submission) for submission in results.submissions),
        toolkit=toolkit_version(),
        built_from=results.built_from,
    )


def page_of(submission: Result) -> MethodPage:
    """All about a submission that is not a score. Of a refused one, only why."""
    document = submission.document if not submission.refused else {}
    return MethodPage(
        submission=submission.id,
        method=submission.method,
        title=str(document.get("method", {}).get("title", "")),
        tier=submission.tier,
        facts=tuple(_facts(submission)) if document else (),
        links=tuple((name, link) for name, link in _links(document) if link.startswith("https://")),
        reproduce=tuple(reproduce(submission)) if document else (),
        findings=submission.all_findings,
    )


def reproduce(submission: Result) -> Iterator[str]:
    """Commands, run in the results folder, that compute the numbers again; and, of a run, the predictions too."""
    document = submission.document
    data = document["data"]
    source = ["--data", str(data.get("name", "mini"))]
    yield shlex.join(["genmed-bench", "verify", f"{SUBMISSIONS}/{submission.id}", *source])
    if document.get("made_by") != "run":
        return
    command = [
        "genmed-bench", "run", "--method", submission.method, "--task", document["task"],
        *source, "--split", data["split"],
    ]  # fmt: skip
    for seed in document.get("seeds", [0]):
        yield shlex.join([*command, "--seed", str(seed)])


def _facts(submission: Result) -> Iterator[tuple[str, str]]:
    document, record = submission.document, submission.record
    data = document["data"]
    yield "Task", str(document["task"])
    yield "Data set", str(data.get("name", "not named"))
    yield "Data revision", revision_of(submission)
    yield "Split", str(data["split"])
    yield "Authors", "; ".join(_author(author) for author in document["authors"])
    yield "Licence", str(document["licence"])
    if document["code"] != "none":
        yield "Code", f"commit {document['code']['commit']}"
    else:
        yield "Code", "not published"
    weights = document["weights"]
    yield "Weights", "none" if weights == "none" else "; ".join(f"sha256 {each['sha256']}" for each in weights)
    yield "Trained on", ", ".join(document["training_sets"])
    if "samples_per_case" in document:
        yield "Samples per case", str(document["samples_per_case"])
    if "seeds" in document:
        yield "Seeds", ", ".join(map(str, document["seeds"]))
    if hardware := hardware_text(document, record):
        yield "Hardware", hardware
    if (seconds := seconds_per_case(submission.timings)) is not None:
        yield "Seconds per case", f"{seconds:.3g} (measured by the submitter)"
    if (peak := peak_mib(submission.timings)) is not None:
        yield "Peak memory", f"{peak:.0f} MiB (measured by the submitter)"
    yield (
        "Predictions",
        "by the runner" if document["made_by"] == "run" else "made elsewhere, scored by the toolkit",
    )
    if submission.created:
        yield "Run made", submission.created
    if submission.withdrawn is not None:
        yield "Withdrawn", submission.withdrawn
    if "notes" in document:
        yield "Notes", str(document["notes"])


def _author(author: Mapping[str, Any]) -> str:
    place = author.get("affiliation")
    return f"{author['name']} ({place})" if place else str(author["name"])


def _links(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "paper" in document:
        yield "Paper", str(document["paper"])
    if isinstance(document.get("code"), Mapping):
        yield "Code", str(document["code"]["url"])
    if isinstance(document.get("weights"), list):
        for number, weights in enumerate(document["weights"], 1):
            if "url" in weights:
                yield f"Weights {number}", str(weights["url"])
    for author in document.get("authors", ()):
        if "link" in author:
            yield str(author["name"]), str(author["link"])
