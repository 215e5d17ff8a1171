"""Generated boards of any size, with names as submissions have them, and cases that are ellipsoids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from synthetic import make_case, make_ellipsoid

from benchmark.contract import Prediction
from benchmark.drawing.scene import Scene
from benchmark.tasks.shape_completion import FAMILY
from leaderboard.model import Board, Column, Entry, Finding, Interval, MethodPage, Rank, Table, Verification
from leaderboard.site import CaseFacts, CaseScores, Place
from leaderboard.site.files import key
from medshape_text.seeds import generator_for, seed_for

TASKS = ("multiplane", "oneplane", "triplane", "broken", "noisy")
PROFILES = ("overlap", "dense")
CATEGORIES = ("femur_left", "femur_right", "hip_left", "hip_right", "kidney", "patella_left", "sacrum")
ORIGINS = ("real_subject", "synthetic_ssm")
CONTROLS = ("oracle", "mean-shape", "nearest", "random")
COLUMNS = {
    "overlap": (
        Column("dice", "dice|overlap|input:sdf<0|grid:64|empty:nan|v1", "Dice", True, "", ".3f", "Overlap"),
        Column(
            "observed_dice", "observed_dice|overlap|input:sdf<0|grid:64|where:observed|v1", "Observed Dice", True, "",
            ".3f", "Overlap",
        ),
        Column("cd", "cd|genmed|points:512|unit:box|scale:100|v1", "CD ×100", False),
        Column("uhd", "uhd|genmed|points:512|unit:box|scale:100|v1", "UHD ×100", False),
    ),
    "dense": (
        Column("dice", "dice|overlap|input:sdf<0|grid:64|empty:nan|v1", "Dice", True, "", ".3f", "Dense"),
        Column("cd", "cd|dense|points:8192|unit:mm|v1", "CD, mm", False, "mm"),
        Column("hd95", "hd95|dense|points:8192|unit:mm|v1", "HD95, mm", False, "mm"),
        Column("uhd", "uhd|dense|points:8192|unit:mm|v1", "UHD, mm", False, "mm"),
    ),
}  # fmt: skip


def make_board(submissions: int = 12, tables: int = 4, cases: int = 42, hostile: str = "") -> Board:
    """A board of ``tables`` tables with ``submissions`` lines each, controls included.

    ``hostile`` is appended to every text that a submitter chooses.
    """
    where = [(task, profile) for profile in PROFILES for task in TASKS][:tables]
    where.sort(key=lambda each: TASKS.index(each[0]))
    made = tuple(_table(task, profile, submissions, cases, hostile) for task, profile in where)
    first = {entry.submission: entry for table in made for entry in (*table.entries, *table.quoted)}
    return Board(made, tuple(_page(entry, hostile) for entry in first.values()), "0.1.0", "f" * 64)


def _table(task: str, profile: str, submissions: int, cases: int, hostile: str) -> Table:
    rng = generator_for("make-board", f"{task}/{profile}", 0)
    columns = COLUMNS[profile]
    names = [*CONTROLS, *(f"method-{index:03d}" for index in range(max(submissions - len(CONTROLS), 0)))]
    entries = tuple(_entry(task, name, index, len(names), columns, rng, hostile) for index, name in enumerate(names))
    quoted = Entry(
        f"quoted--{task}--paper{hostile}", f"GenMed (paper){hostile}", f"arXiv 2605.10645, table 2{hostile}", "quoted",
        values={"dice": Interval(0.759)},
    )  # fmt: skip
    return Table(
        f"{task}/{profile}{hostile}", f"{task}{hostile}", f"{profile}{hostile}",
        f"{task.capitalize()}, {profile}{hostile}",
        f"medshape-mini{hostile}", f"29f59a8e1914453ab6b3f6a53249d48267c9a7ea80d3698a783a5c3ac3e3a98f{hostile}",
        f"test{hostile}", "dice", columns, entries, (quoted,), 6, cases,
    )  # fmt: skip


def _entry(
    task: str, name: str, index: int, count: int, columns: tuple[Column, ...], rng: np.random.Generator, hostile: str
) -> Entry:
    control = name in CONTROLS
    level = {"oracle": 1.0, "mean-shape": 0.62, "nearest": 0.7, "random": 0.2}.get(name, 0.97 - 0.3 * index / count)
    values = {column.metric: _value(column, level, rng) for column in columns}
    rank = max(index - len(CONTROLS) + 1, 1)
    spread = int(rng.integers(0, 3))
    flagged = (Finding(f"near-training-shape{hostile}", "flagged", f"31 of 42 predictions are copies{hostile}"),)
    tiers = ("self-reported", "recomputed", "recomputed", "reproduced")
    return Entry(
        f"{task}--{name}--{index:012x}{hostile}", f"{name}{hostile}", f"One line about {name}{hostile}",
        "recomputed" if control else tiers[index % 4], control, values,
        None if control else Rank(max(rank - spread, 1), rank + spread, (rank - 1) // 3 + 1),
        41 if index % 7 == 5 else 42, 42, float(np.exp(rng.normal(0, 1.5))), float(rng.integers(300, 9000)),
        f"2 cores of some machine{hostile}",
        categories={f"{each}{hostile}": _means(columns, level, rng) for each in CATEGORIES},
        origins={each: _means(columns, level, rng) for each in ORIGINS},
        findings=flagged if index % 9 == 6 else (),
    )  # fmt: skip


def _means(columns: tuple[Column, ...], level: float, rng: np.random.Generator) -> dict[str, float]:
    return {column.metric: _value(column, level, rng).value for column in columns}


def _value(column: Column, level: float, rng: np.random.Generator) -> Interval:
    value = (
        level - 0.02 * abs(rng.normal()) if column.higher_is_better else (1.02 - level) * 8 * np.exp(0.1 * rng.normal())
    )
    width = abs(value) * 0.03
    return Interval(float(value), float(value - width), float(value + width))


def _page(entry: Entry, hostile: str) -> MethodPage:
    facts = (
        ("Authors", f"A. Author, B. Author{hostile}"),
        ("Licence", f"MIT{hostile}"),
        ("Trained on", f"medshape-mini{hostile}"),
    )
    links = (("Paper", "https://arxiv.org/abs/2605.10645"), (f"Code{hostile}", f"javascript:alert(1){hostile}"))
    commands = (
        f"genmed-bench run {entry.method} --task multiplane --seed 0",
        f"genmed-bench verify {entry.submission}",
    )
    return MethodPage(entry.submission, entry.method, entry.title, entry.tier, facts, links, commands, entry.findings)


def make_verifications(board: Board, hostile: str = "") -> dict[str, Verification]:
    """A record a submission."""
    return {
        page.submission: Verification(
            page.submission, "reproduced", 0.0, page.findings, {f"cases.jsonl{hostile}": "a" * 64}, "29f59a8e",
            toolkit={"version": f"0.1.0{hostile}", "libraries": {"numpy": "2.4"}}, memorisation={"a": 0.5, "b": 1.5},
        )
        for page in board.methods
    }  # fmt: skip


@dataclass(frozen=True)
class Ellipsoids:
    """Case views of a made board: six subjects, seven categories; predictions are shifted and swollen truths."""

    shown_count: int = 4
    hostile: str = ""

    def facts(self, table: Table) -> list[CaseFacts]:
        names = [(f"s{subject}", category) for subject in range(6) for category in CATEGORIES]
        return [CaseFacts(f"{s}/{c}{self.hostile}", c, f"{s}{self.hostile}", ORIGINS[0]) for s, c in names][
            : table.cases
        ]

    def shown(self, table: Table) -> list[CaseFacts]:
        return self.facts(table)[: self.shown_count]

    def scores(self, table: Table, submission: str) -> dict[Place, CaseScores]:
        entry = next(each for each in table.entries if each.submission == submission)
        rng = generator_for("make-board-cases", key(submission), 0)
        found = {}
        for number, facts in enumerate(self.facts(table)):
            noise = rng.normal(0, 0.03)
            values = {name: interval.value * (1 + noise) for name, interval in entry.values.items()}
            found[facts.id, facts.category] = CaseScores(
                values, f"crashed{self.hostile}" if entry.scored < 42 and number == 3 else "ok"
            )
        return found

    def scene(self, table: Table, case: str, submissions: Sequence[str]) -> Scene:
        facts = self.shown(table)
        index = [each.id for each in facts].index(case)
        made = make_case(
            make_ellipsoid((15, 11 - index, 8 + index)), table.task.removesuffix(self.hostile), case,
            facts[index].subject, facts[index].category, scale=100.0, seed=seed_for(key(case), "p"),
        )  # fmt: skip
        return FAMILY.scene(made, {name: self._prediction(name, case) for name in submissions}, {}, "")

    def _prediction(self, submission: str, case: str) -> Prediction | None:
        if "random" in submission:
            return None
        rng = generator_for("make-board-shapes", key(submission + case), 0)
        radii = tuple(np.round(np.array([15, 10, 9]) + rng.uniform(-2, 2, 3), 1).tolist())
        return Prediction({"shape": make_ellipsoid(radii)})
