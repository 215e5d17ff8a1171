"""Whether predictions can be what they are said to be: copies, what a single look shows, scores too good to be true.

A finding is a reason to look, with its evidence, and no verdict.

Scores that are better than they should be are told by a test whose rate of false alarms is known. The null hypothesis
is that a submission is one more draw of the same kind as k references. Then it is the best of the k + 1 for a subject
with probability 1 / (k + 1), whatever the distribution of the errors, and the number of subjects it is best for is
binomial as far as subjects are independent. The probability of as many or more is compared with
`FALSE_ALARMS`, which therefore bounds how often an honest draw is flagged. Subjects, not cases, are counted, because
the bones of one person are not independent.

References are, first, other submissions of the same method (other seeds of it); and second, those of all other
contenders, at least `CONTENDERS` methods of them, whose errors are divided by `LEAP` first: being better is no offence,
a quarter of everybody's error for everybody is worth a look.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from scipy.stats import binom

from benchmark.contract import Prediction
from benchmark.metrics.base import Metric
from benchmark.metrics.packed import PackedMasks, pairwise_packed_dice
from benchmark.records.rows import Row
from benchmark.records.writer import RECORD
from benchmark.tasks import Family
from leaderboard.findings import RefusedError, found, shown
from leaderboard.model import Finding
from leaderboard.submission.layout import DOCUMENT
from leaderboard.submission.reading import Submission
from leaderboard.verify.screening import ALIKE, Answer, Training, alike, joined, nearly_same

SHARE = 0.1
"""Of the cases; fewer copies than that may be chance."""

Read = Callable[[str], Prediction]
"""The prediction of a case."""
FALSE_ALARMS = 1e-3
LEAP = 4.0
CONTENDERS = 3

Errors = Mapping[str, float]
"""Subject -> mean error of the task's headline over its cases; see `errors_of`."""
_TEST = re.compile(r"(?:^|[^a-z])test(?:$|[^a-z])", re.IGNORECASE)
_RANGES = {"seconds": (1e-6, 1e7), "peak_rss_mib": (1.0, 2.0**30), "peak_device_mib": (0.0, 2.0**30)}
"""Between which a prediction can have taken."""
_CONTRADICTED = 0.01
"""Share of observed voxels; fewer come of rounding at the surface."""
_MARKUP = re.compile(
    r"<[a-zA-Z/!?]|&#?\w{1,31};|\b(?:java|vb)script\s*:|\bdata\s*:\s*text|\{\{|\{%|\bon[a-z]{3,20}\s*=", re.I
)
_FORMULA = re.compile(r"^\s*[=+@|%]|^\s*-\s*[^\s\d.]")
_MOST_TEXTS = 20
"""Findings about texts that are kept, of a submission that has more of them."""


@dataclass(frozen=True, eq=False)
class Other:
    """Another submission, as far as it is compared with.

    Attributes:
        id: its name.
        method: name of its method.
        authors: their names, sorted.
        control: whether it is a floor or a ceiling.
        packed: case -> its mask, one each, or None where nothing has an inside.
        digests: case -> hash of its prediction, where that tells a copy.
        read: gives its prediction of one of these cases.
        errors: gives its errors by subject, computed here from its predictions.
    """

    id: str
    method: str
    authors: tuple[str, ...]
    control: bool
    packed: Mapping[str, PackedMasks | None]
    digests: Mapping[str, str]
    read: Read
    errors: Callable[[], Errors]


@dataclass(frozen=True)
class Memorisation:
    """How near predictions are to training shapes.

    Attributes:
        ratios: case -> (1 - overlap with the nearest training example) / (1 - overlap with the truth), where there are
            masks; without the cases that are the truth voxel by voxel.
        copies: case -> id of the training example it is, or nearly.
    """

    ratios: dict[str, float] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)


def truth_findings(answers: Sequence[Answer], told: bool) -> Iterator[Finding]:
    """Predictions that are the truth; ``told`` if the method says it is a control that is given the truth."""
    cases = [one.case for one in answers if one.is_truth]
    if cases and len(cases) >= SHARE * len(answers):
        detail = f"{len(cases)} of {len(answers)} cases, {shown(cases[0])} first"
        yield found("truth-control" if told else "prediction-is-truth", detail)


def copy_findings(
    submission: Submission, answers: Sequence[Answer], read: Read, others: Sequence[Other], family: Family
) -> Iterator[Finding]:
    """Predictions that are somebody else's, for every submission they are of.

    The same authors may submit a method again, and anybody may run a control. The name of a method alone is no excuse:
    it would be the easiest way to hand in what others made.
    """
    for other in others:
        if other.method == submission.method and (other.control or other.authors == submission.authors):
            continue
        try:
            cases = [one.case for one in answers if _same_prediction(one, read, other, family)]
        except RefusedError as refusal:  # of the other one, which was changed since it was first read
            yield found("other-not-read", f"{other.id}: {refusal.code}")
            continue
        if cases and len(cases) >= SHARE * len(answers):
            detail = f"{len(cases)} of {len(answers)} cases are those of {other.id}, {shown(cases[0])} first"
            yield found("copied-predictions", detail)


def memorisation(answers: Sequence[Answer], read: Read, family: Family, training: Training) -> Memorisation:
    """Distance of every prediction to the nearest training example and to the truth."""
    predicted = [one for one in answers if one.digest]
    best, which = np.full(len(predicted), -1.0), np.zeros(len(predicted), dtype=np.int64)
    copies: dict[str, str] = {}
    for block in training.blocks() if predicted else ():
        ids = {example.digest: example.id for example in block.examples if example.digest}
        copies |= {one.case: ids[one.digest] for one in predicted if one.telling and one.digest in ids}
        if block.packed is None:
            continue
        shape = block.packed.shape
        places = [i for i, one in enumerate(predicted) if one.packed is not None and one.packed.shape == shape]
        masks = joined([mask for i in places if (mask := predicted[i].packed) is not None])
        if masks is None:
            continue
        overlaps = pairwise_packed_dice(masks, block.packed, empty=0)
        for place, overlap, nearest in zip(places, overlaps.max(axis=1), overlaps.argmax(axis=1), strict=True):
            if overlap > best[place]:
                best[place], which[place] = overlap, block.start + nearest
    answer = Memorisation()
    for one, nearest, index in zip(predicted, best, which, strict=True):
        if nearest >= 0 and one.right is not None and one.right < 1:
            answer.ratios[one.case] = float((1 - nearest) / (1 - one.right))
        if one.case in copies:
            answer.copies[one.case] = copies[one.case]
        elif nearest >= ALIKE and nearly_same(family, read(one.case), training.example(int(index))):
            answer.copies[one.case] = training.id(int(index))
    return answer


def memorisation_findings(remembered: Memorisation, cases: int) -> Iterator[Finding]:
    """What to say of it."""
    copies = remembered.copies
    if copies and len(copies) >= SHARE * cases:
        case, shape = next(iter(copies.items()))
        yield found(
            "copies-training-shapes", f"{len(copies)} of {cases} cases; {shown(case)} is training shape {shown(shape)}"
        )
    ratios = list(remembered.ratios.values())
    nearer = sum(ratio < 1 for ratio in ratios)
    if ratios and nearer > len(ratios) / 2:
        yield found("nearer-to-training", f"{nearer} of {len(ratios)} cases; median ratio {np.median(ratios):.3f}")


def _same_prediction(one: Answer, read: Read, other: Other, family: Family) -> bool:
    if one.telling and other.digests.get(one.case) == one.digest:
        return True
    overlap = alike(one.packed, other.packed.get(one.case))
    return overlap is not None and overlap >= ALIKE and nearly_same(family, read(one.case), other.read(one.case))


def best_of_all(errors: Errors, references: Sequence[Errors]) -> tuple[int, float]:
    """For how many subjects the error is below that of every reference, and how probable as many are by chance.

    >>> best_of_all({"a": 0.1, "b": 0.3}, [{"a": 0.2, "b": 0.2}])
    (1, 0.75)
    """
    best = sum(all(errors[subject] < reference[subject] for reference in references) for subject in errors)
    return best, float(binom.sf(best - 1, len(errors), 1 / (len(references) + 1)))


def too_good_findings(method: str, control: bool, errors: Errors, others: Sequence[Other]) -> Iterator[Finding]:
    """Compare a submission with others.

    Args:
        method: its name.
        control: controls are not contenders and are not tested.
        errors: by subject.
        others: whom it is compared with.
    """
    if control or not errors:
        return
    same = [other for other in others if other.method == method]
    contenders = [other for other in others if other.method != method and not other.control]
    if len({other.method for other in contenders}) < CONTENDERS:
        contenders = []
    for code, references, whom, leap in (
        ("too-good-for-method", same, "submissions of the same method", 1.0),
        ("too-good", contenders, f"contenders, with their errors divided by {LEAP:g},", LEAP),
    ):
        values = []
        for other in references:
            try:
                known = other.errors()
            except RefusedError as refusal:
                yield found("other-not-read", f"{other.id}: {refusal.code}")
                continue
            if known.keys() >= errors.keys():
                values.append({key: value / leap for key, value in known.items()})
        if not values or (leap != 1 and min(min(each.values()) for each in (errors, *values)) < 0):
            continue  # an error below nothing has no parts
        best, chance = best_of_all(errors, values)
        if chance <= FALSE_ALARMS:
            yield found(
                code,
                f"best of {len(values)} {whom} for {best} of {len(errors)} subjects; by chance with probability "
                f"{chance:.2g} (flagged up to {FALSE_ALARMS:g})",
            )


def errors_of(rows: Sequence[Row], metric: Metric) -> Errors:
    """Mean errors by subject: the values of a metric, or what they lack to one where more is better."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        if row.signature == metric.signature and row.value is not None:
            error = 1 - row.value if metric.higher_is_better else row.value
            groups.setdefault(row.subject, []).append(error)
    return {subject: float(np.mean(group)) for subject, group in groups.items()}


def constant_findings(answers: Sequence[Answer]) -> Iterator[Finding]:
    """One answer for everything, or for everything of a category."""
    digests = [one.digest for one in answers if one.digest]
    if len(digests) > 1 and len(set(digests)) == 1:
        yield found("constant-predictions", f"all {len(digests)} predictions are the same")
        return
    categories: dict[str, list[str]] = {}
    for one in answers:
        if one.digest:
            categories.setdefault(one.category, []).append(one.digest)
    same = [name for name, group in categories.items() if len(group) > 1 and len(set(group)) == 1]
    if same and len(same) > len(categories) / 2:
        yield found("constant-in-category", f"{len(same)} of {len(categories)} categories, {shown(same[0])} first")


def observation_findings(answers: Sequence[Answer]) -> Iterator[Finding]:
    """Disagreement with what was observed without any error."""
    shares = [one.contradicted for one in answers if one.contradicted is not None]
    against = [share for share in shares if share > _CONTRADICTED]
    if against:
        yield found(
            "contradicts-observation",
            f"{len(against)} of {len(shares)} cases; on average {100 * float(np.mean(shares)):.2f} % of the voxels",
        )


def seed_findings(submission: Submission) -> Iterator[Finding]:
    """Seeds: declared, and the one of the run among them."""
    seeds = submission.document.get("seeds")
    if not seeds:
        yield found("seeds-undeclared", "submission.json has no seeds")
        return
    used = submission.configuration.get("seed")
    if used is not None and used not in seeds:
        yield found("seed-not-declared", f"the run used {shown(used)}, declared are {shown(seeds)}")


def training_findings(submission: Submission) -> Iterator[Finding]:
    """Training sets that hold what is tested on."""
    split = submission.split
    for name in submission.document["training_sets"]:
        if _TEST.search(str(name)) or str(name).endswith(f":{split}"):
            yield found("trained-on-test", f"declared is {shown(name)}, tested is on split {split}")


def timing_findings(submission: Submission) -> Iterator[Finding]:
    """Times and memory that cannot be, or are not told."""
    wrong = []
    for case, told in submission.timings.items():
        for name, (least, most) in _RANGES.items():
            value = told.get(name)
            if value is not None and not _between(value, least, most):
                wrong.append(f"{name} of {shown(case)} is {shown(value)}")
    if wrong:
        yield found("timings-impossible", f"{len(wrong)} values; {wrong[0]}")
    if any("seconds" not in submission.timings.get(case, {}) for case in submission.cases):
        yield found("timings-missing", "not every case has the seconds it took")


def _between(value: object, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, float | int):
        return False
    return math.isfinite(value) and least <= value <= most


def said_findings(submission: Submission) -> Iterator[Finding]:
    """What can be told of a submission's words alone."""
    yield from seed_findings(submission)
    yield from training_findings(submission)
    yield from timing_findings(submission)
    yield from text_findings(submission)


def text_findings(submission: Submission) -> Iterator[Finding]:
    """Texts for browsers and spreadsheets among what people may come to see of a submission."""
    record = {key: value for key, value in submission.record.items() if key != "cases"}
    told = (*suspicions(submission.document, DOCUMENT), *suspicions(record, RECORD))
    yield from islice(told, _MOST_TEXTS)


def suspicions(value: object, name: str) -> Iterator[Finding]:
    """Texts that look as if they were meant for a browser or a spreadsheet instead of a reader."""
    if isinstance(value, str):
        if _MARKUP.search(value):
            yield found("text-markup", f"{name} has a text that looks like code for a browser: {shown(value)}")
        if _FORMULA.search(value):
            yield found("text-formula", f"{name} has a text that looks like a formula: {shown(value)}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from suspicions(key, f"{name}, a key")
            yield from suspicions(item, f"{name}, {key if str(key).isidentifier() else shown(key)}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from suspicions(item, name)
