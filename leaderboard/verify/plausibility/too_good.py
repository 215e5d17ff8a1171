"""Scores that are better than they should be, by a test whose rate of false alarms is known.

The null hypothesis is that a submission is one more draw of the same kind as k references. Then it is the best of the
k + 1 for a subject with probability 1 / (k + 1), whatever the distribution of the errors, and the number of subjects
it is best for is binomial as far as subjects are independent. The probability of as many or more is compared with
`FALSE_ALARMS`, which therefore bounds how often an honest draw is flagged. Subjects, not cases, are counted, because
the bones of one person are not independent.

References are, first, other submissions of the same method (other seeds of it); and second, those of all other
contenders, at least `CONTENDERS` methods of them, whose errors are divided by `LEAP` first: being better is no offence,
a quarter of everybody's error for everybody is worth a look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.stats import binom

from leaderboard.model import Finding
from leaderboard.verify.plausibility.copies import Other
from leaderboard.verify.refusal import found
from leaderboard.verify.scoring import Examined

FALSE_ALARMS = 1e-3
LEAP = 4.0
CONTENDERS = 3

Errors = Mapping[str, float]
"""Subject -> mean of 1 - Dice over its cases."""


def best_of_all(errors: Errors, references: Sequence[Errors]) -> tuple[int, float]:
    """For how many subjects the error is below that of every reference, and how probable as many are by chance.

    >>> best_of_all({"a": 0.1, "b": 0.3}, [{"a": 0.2, "b": 0.2}])
    (1, 0.75)
    """
    best = sum(all(errors[subject] < reference[subject] for reference in references) for subject in errors)
    return best, float(binom.sf(best - 1, len(errors), 1 / (len(references) + 1)))


def too_good_findings(
    method: str, control: bool, examined: Sequence[Examined], errors_of: Mapping[str, Errors], others: Sequence[Other]
) -> Iterator[Finding]:
    """Compare a submission with others.

    Args:
        method: its name.
        control: controls are not contenders and are not tested.
        examined: its cases.
        errors_of: id of each other submission -> its errors, computed here from its predictions.
        others: them.
    """
    errors = errors_by_subject([(one.subject, 1 - one.dice) for one in examined])
    if control or not errors:
        return
    same = [errors_of[other.id] for other in others if other.method == method]
    contenders = [other for other in others if other.method != method and not other.control]
    leap = [{key: value / LEAP for key, value in errors_of[other.id].items()} for other in contenders]
    if len({other.method for other in contenders}) < CONTENDERS:
        leap = []
    for code, references, whom in (
        ("too-good-for-method", same, "submissions of the same method"),
        ("too-good", leap, f"contenders, with their errors divided by {LEAP:g},"),
    ):
        if not references:
            continue
        best, chance = best_of_all(errors, references)
        if chance <= FALSE_ALARMS:
            yield found(
                code,
                f"best of {len(references)} {whom} for {best} of {len(errors)} subjects; by chance with probability "
                f"{chance:.2g} (flagged up to {FALSE_ALARMS:g})",
            )


def errors_by_subject(values: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Means of (subject, value) by subject."""
    groups: dict[str, list[float]] = {}
    for subject, value in values:
        groups.setdefault(subject, []).append(value)
    return {subject: float(np.mean(group)) for subject, group in groups.items()}
