"""How often rank intervals hold, and how wide they are, on simulated boards whose true order is known.

    python recipes/rank_coverage.py [--boards 200] [--subjects 6 12 40] [--methods 3 10]

A board holds if *every* method's interval contains its true rank, and all ranks of its tie if it is tied. A percentile
bootstrap of the ranks, which many leaderboards print, stands beside it.

Every subject has a bone of each of seven categories. A value is what the method is worth, plus an effect of the
subject that all methods share, one of the subject on this method, and one of the case; the last two are normal, or
skewed (exponential, to the bad side), or normal with one case in thirty failed and scored 0.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboard.rank.ranks import separate
from leaderboard.rank.score_matrix import ScoreMatrix, resampled_macros
from medshape_text.seeds import generator_for

Floats = NDArray[np.float64]
CATEGORIES = 7
NOISES = ("normal", "skewed", "failures")
ORDERS = {
    "all tied": lambda m: np.zeros(m),
    "half tied at the top": lambda m: np.where(np.arange(m) < (m + 1) // 2, 0.0, -0.05 * np.arange(m)),
    "evenly spread": lambda m: -0.03 * np.arange(m),
}
WORTH, SUBJECT, INTERACTION, CASE = 0.85, 0.03, 0.01, 0.03


@dataclass(frozen=True)
class Outcome:
    """Of one board, for one way of making intervals."""

    holds: bool
    width: float


def board(worth: Floats, subjects: int, noise: str, rng: np.random.Generator) -> ScoreMatrix:
    """A simulated board of len(worth) methods."""
    shape = (len(worth), subjects, CATEGORIES)
    values = WORTH + worth[:, None, None] + SUBJECT * rng.standard_normal((1, subjects, 1))
    values = values + INTERACTION * _draw(noise, (*shape[:2], 1), rng) + CASE * _draw(noise, shape, rng)
    if noise == "failures":
        # Scored 0 whatever the method is worth: the same loss for everybody, so that the truth stays what it is.
        values = np.where(rng.random(shape) < 1 / 30, values - WORTH, values)
    cases = subjects * CATEGORIES
    return ScoreMatrix(
        values.reshape(len(worth), cases),
        [f"category {i % CATEGORIES}" for i in range(cases)],
        [f"subject {i // CATEGORIES}" for i in range(cases)],
    )


def _draw(noise: str, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    return 1.0 - rng.exponential(size=shape) if noise == "skewed" else rng.standard_normal(shape)


def true_ranks(worth: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last rank of every method: more than one where it is tied."""
    better = (worth[None, :] > worth[:, None]).sum(axis=1)
    worse = (worth[None, :] < worth[:, None]).sum(axis=1)
    return 1 + better, len(worth) - worse


def of_pairs(matrix: ScoreMatrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Our intervals."""
    better = separate(matrix).better
    return 1 + better.sum(axis=0), len(better) - better.sum(axis=1)


def of_percentiles(matrix: ScoreMatrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Percentiles of the ranks in resamples of subjects."""
    macros = resampled_macros(matrix, 1000)
    assert macros is not None  # noqa: S101 - there is more than one subject
    ranks = 1 + (macros[:, None, :] > macros[:, :, None]).sum(axis=2)
    low, high = np.percentile(ranks, [2.5, 97.5], axis=0, method="nearest")
    return low.astype(np.int64), high.astype(np.int64)


def outcome(found: tuple[NDArray[np.int64], NDArray[np.int64]], worth: Floats) -> Outcome:
    """Whether all intervals hold, and how many ranks they have on average."""
    low, high = true_ranks(worth)
    holds = bool((found[0] <= low).all() and (found[1] >= high).all())
    return Outcome(holds, float((found[1] - found[0] + 1).mean()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--subjects", type=int, nargs="+", default=[6, 12, 40])
    parser.add_argument("--methods", type=int, nargs="+", default=[3, 10])
    arguments = parser.parse_args()
    heading = ["subjects", "methods", "noise", "true order", "holds %", "ranks wide", "(truth)", "percentile holds %"]
    print(" | ".join([*heading, "ranks wide"]))
    for subjects in arguments.subjects:
        for methods in arguments.methods:
            for noise in NOISES:
                for order, make in ORDERS.items():
                    worth = make(methods)
                    low, high = true_ranks(worth)
                    ours, theirs = [], []
                    for number in range(arguments.boards):
                        rng = generator_for(f"{subjects}/{methods}/{noise}/{order}/{number}", "rank-coverage")
                        matrix = board(worth, subjects, noise, rng)
                        ours.append(outcome(of_pairs(matrix), worth))
                        theirs.append(outcome(of_percentiles(matrix), worth))
                    cells = [
                        f"{100 * np.mean([each.holds for each in ours]):.1f}",
                        f"{np.mean([each.width for each in ours]):.2f}",
                        f"{(high - low + 1).mean():.2f}",
                        f"{100 * np.mean([each.holds for each in theirs]):.1f}",
                        f"{np.mean([each.width for each in theirs]):.2f}",
                    ]
                    print(" | ".join([str(subjects), str(methods), noise, order, *cells]), flush=True)


if __name__ == "__main__":
    main()
