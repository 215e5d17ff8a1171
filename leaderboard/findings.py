"""What may be found about a submission: every reason code with its severity and meaning, findings, and refusals.

A code says what somebody would do about it; the detail of a finding says what exactly was wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leaderboard.model import Finding


@dataclass(frozen=True)
class Code:
    """``severity`` is "refused" (nothing is shown), "flagged" (shown with the finding) or "note"."""

    severity: str
    meaning: str


_REFUSED = {
    "folder-invalid": "not a folder with the files of a submission and nothing else: links, others, too few",
    "file-too-large": "a file is larger than is read",
    "changed-while-reading": "a file was not the same twice",
    "files-differ": "files.json is not the list of the files that are there, with their sizes and sha256",
    "wrong-id": "the folder is not named after its content",
    "json-invalid": "no JSON of the accepted kind: one object, no key twice, finite numbers, UTF-8, whole lines",
    "json-too-large": "JSON of too many values, lines or levels",
    "text-refused": "a text that people could not see as it is, or of a length that is not shown",
    "schema-version": "written for another version of the schema",
    "schema": "submission.json is not as the schema says",
    "split-not-ranked": "the cases are of a split that nothing is ranked on",
    "task-unknown": "a task that nobody has",
    "record-invalid": "the run record or a row is not as the runner writes it, or says otherwise than submission.json",
    "cases-differ": "not the cases of the split in its order, each with the rows of all metrics",
    "parser-died": "the process that parsed the predictions crashed",
    "parser-limits": "parsing the predictions took too long, or too much memory",
    "predictions-invalid": "no Parquet file of the accepted kind, with at most one prediction of every case in order",
    "cell-invalid": "a prediction that the runner would not have stored so",
    "cell-unscorable": "a prediction that the metrics fail on, or would take minutes for: noise",
}
_FLAGGED = {
    "data-revision-differs": "made on another revision of the data than the one at hand: cannot be recomputed",
    "data-manifest-differs": "the manifest had another hash, though the revision is the same",
    "task-differs": "the run's definition of the task is not that of this toolkit",
    "signatures-differ": "the run's metric signatures are not those of this toolkit",
    "scores-differ": "reported numbers are not what the predictions score",
    "facts-differ": "subject, category or origin of a case are not those of the data",
    "observation-differs": "the run saw another observation than the task makes",
    "prediction-missing": "a case is reported as scored, but there is no prediction",
    "prediction-of-failed-case": "a case is reported as failed, but there is a prediction",
    "prediction-is-truth": "predictions equal the hidden truth, or nearly",
    "copied-predictions": "predictions equal those of another method or of other authors, or nearly",
    "copies-training-shapes": "predictions are training shapes, or nearly",
    "constant-predictions": "one prediction for all cases",
    "too-good-for-method": "better than other seeds of the same method, case by case",
    "too-good": "a quarter of the error of every contender, subject by subject",
    "trained-on-test": "the declared training sets include what is tested on",
    "seeds-undeclared": "no seeds are declared",
    "seed-not-declared": "the run used a seed that is not among the declared ones",
    "timings-impossible": "times or memory that cannot be",
    "text-markup": "a text that looks like code for a browser",
    "text-formula": "a text that looks like a formula of a spreadsheet",
}
_NOTES = {
    "toolkit-differs": "scored with another version of the toolkit or its libraries",
    "truth-control": "a control that is told the truth and says so",
    "constant-in-category": "one prediction for all cases of a category",
    "nearer-to-training": "most predictions are nearer to a training shape than to the truth",
    "contradicts-observation": "predictions disagree with what was observed exactly",
    "failed-cases": "cases without a valid prediction, which count as worst",
    "timings-missing": "no times are reported",
    "observations-missing": "hashes of the observations are not reported",
    "other-not-read": "another submission could not be read for comparison",
}
UNRANKED = frozenset({"prediction-is-truth", "copied-predictions", "trained-on-test"})
"""Flags that take the rank away: what was handed in cannot be the method's own answer to unseen cases."""
OF_OTHERS = frozenset({"copied-predictions", "too-good-for-method", "too-good", "other-not-read"})
"""Codes that depend on which other submissions there are, and so may come later."""
CODES: dict[str, Code] = {
    code: Code(severity, meaning)
    for severity, group in (("refused", _REFUSED), ("flagged", _FLAGGED), ("note", _NOTES))
    for code, meaning in group.items()
}


class RefusedError(Exception):
    """A submission, or a file of a results folder, that nothing is shown of.

    Attributes:
        code: one of `CODES`, or kebab-case like them where it is no submission.
        detail: what is wrong with this one; text of the submitter is in it only as `shown`.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail

    @property
    def finding(self) -> Finding:
        """The same as a record."""
        return Finding(self.code, "refused", self.detail)


def found(code: str, detail: str) -> Finding:
    """A finding with the severity its code has.

    Raises:
        KeyError: for a code nobody has declared.
    """
    return Finding(code, CODES[code].severity, detail)


def shown(text: object, length: int = 60) -> str:
    r"""A stranger's text as plain ASCII in quotes, cut to a length.

    >>> print(shown("a\u202eb" * 2))
    'a\u202eba\u202eb'
    """
    plain = text if isinstance(text, str) else str(text)
    whole = ascii(plain[:length])
    return whole if len(plain) <= length and len(whole) <= length + 2 else whole[: length - 3] + "..." + whole[0]


def changes(then: object, now: object, most: int = 3) -> str:
    """What differs between two JSON values: where, what it was and what it is, of the first few; empty if nothing does.

    >>> changes({"a": 1, "b": [2, 3]}, {"a": 1, "b": [2, 4], "c": None})
    "b.1: '3' -> '4', c: absent -> 'None'"
    """
    before, after = dict(_leaves(then, "")), dict(_leaves(now, ""))
    told = []
    for name in {**before, **after}:
        if (name in before, before.get(name)) != (name in after, after.get(name)):
            was, is_now = (shown(each[name], 100) if name in each else "absent" for each in (before, after))
            told.append(f"{name[:300]}: {was} -> {is_now}")
    return ", ".join(told[:most]) + (f" (and {len(told) - most} more)" if len(told) > most else "")


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Every value that has no parts, by the path to it, which is fit to be shown."""
    parts: dict[object, object] = {}
    if isinstance(value, Mapping):
        parts = dict(value)
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value))
    if not parts:
        yield name, value
    for key, item in parts.items():
        plain = str(key) if str(key).isascii() and str(key).isprintable() else ascii(key)
        yield from _leaves(item, f"{name}.{plain}" if name else plain)
