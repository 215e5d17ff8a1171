"""Every reason code a verification may give, with its severity and what it means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """``severity`` is "refused" (nothing is shown), "flagged" (shown with the finding) or "note"."""

    severity: str
    meaning: str


_REFUSED = {
    # the folder
    "no-folder": "there is no folder, or it is a link to one",
    "symbolic-link": "an entry of the folder is a symbolic link",
    "hard-link": "a file has other names elsewhere",
    "not-a-file": "an entry is a folder, pipe, socket or device",
    "unexpected-file": "an entry is not part of a submission",
    "missing-file": "a file of a submission is not there",
    "file-too-large": "a file is larger than is read",
    "changed-while-reading": "a file was not the same twice",
    "wrong-id": "the folder is not named after its content",
    # files.json
    "files-path": "a path leads out of the folder",
    "files-list": "the list of files is not that of the folder",
    "files-hash": "a file has another sha256 than the list says",
    "files-size": "a file has another size than the list says",
    # texts
    "text-too-long": "a text is longer than is shown",
    "text-not-utf8": "a file is no UTF-8",
    "text-bidirectional": "a text changes the direction of reading",
    "text-invisible": "a text has characters that nobody sees",
    "text-half-character": "a text has halves of surrogate pairs",
    "text-control-character": "a text has control characters",
    # JSON
    "json-damaged": "no JSON",
    "json-not-an-object": "another JSON value than an object",
    "json-duplicate-key": "a key twice in one object",
    "json-too-deep": "nested too deep",
    "json-too-large": "too many values",
    "number-too-large": "an integer of too many digits",
    "number-not-finite": "NaN, infinity, or a number that overflows to it",
    "line-too-long": "a line of a JSON-lines file is too long",
    "line-torn": "the last line of a JSON-lines file does not end",
    "too-many-lines": "more lines than there can be",
    # submission.yaml
    "yaml-too-large": "larger than is read",
    "yaml-invalid": "no YAML of the accepted kind",
    "yaml-tag": "a tag, which would name a type to construct",
    "yaml-anchor": "an anchor",
    "yaml-alias": "an alias",
    "yaml-directive": "a directive",
    "yaml-unsafe": "something else of YAML that is not accepted",
    "yaml-duplicate-key": "a key said twice",
    "yaml-too-deep": "nested too deep, or too many values",
    "schema-version": "written for another version of the schema",
    "schema": "not as the schema says",
    "licence": "the licence is no SPDX expression",
    "link-not-https": "a link that is not https",
    "seeds-not-distinct": "a seed is declared twice",
    "split-not-ranked": "the cases are of a split that nothing is ranked on",
    # run.json and the rows
    "record-invalid": "the run record is not as the runner writes it",
    "record-contradicts": "run record and submission.yaml say different things",
    "task-unknown": "a task that nobody has",
    "row-invalid": "a row is not as the runner writes it",
    "cases-missing": "not all cases of the split are there",
    "cases-of-another-split": "cases of another split of the data",
    "cases-unknown": "cases that the split does not have",
    "cases-order": "cases twice, or not in the order of the split",
    "rows-missing": "a case has not all its metrics, or others",
    # predictions, parsed in a process of its own
    "parser-died": "the process that parsed the predictions crashed",
    "parser-timeout": "it took too long",
    "predictions-memory": "it took too much memory",
    "parquet-not-parquet": "no Parquet file",
    "parquet-encrypted": "encrypted",
    "parquet-footer": "a footer of a size that cannot be",
    "parquet-columns": "other columns",
    "parquet-types": "a column of another type",
    "parquet-rows": "more rows, or groups of them, than cases",
    "parquet-compression": "compressed in a way that is not accepted",
    "parquet-declared-size": "declares to unpack to more than it may",
    "parquet-encoding": "encoded in a way by which few bytes stand for many",
    "parquet-null": "a missing value",
    "parquet-damaged": "does not decode",
    "npz-damaged": "the archive does not unpack",
    "npz-members": "more members than cases",
    "npz-member": "a member that is no array of its own",
    "npz-path": "a member named so that it would lie outside",
    "npz-link": "a member that is a link or a device",
    "npz-encrypted": "an encrypted member",
    "npz-compression": "compressed in a way that is not accepted",
    "npz-duplicate-member": "two members of one name",
    "npz-overlap": "members that share bytes",
    "npz-declared-size": "a member that declares to unpack to more than it may",
    "npz-header": "an array of another type, shape or order",
    "npz-pickle": "pickled objects",
    "case-unknown": "a prediction of a case that the split does not have",
    "case-twice": "two predictions of one case",
    "case-order": "predictions not in the order of the split",
    "cell-size": "a prediction of another size",
    "cell-hash": "a prediction with another sha256 than its row says",
    "cell-not-finite": "NaN or infinity in a prediction",
    "cell-range": "values beyond the truncation",
    "cell-form": "values not rounded as the runner stores them (negative zero)",
    "cell-rough": "a prediction with so much surface that scoring it would take minutes: noise",
    "cell-unscorable": "a prediction that the metrics fail on",
    "cell-empty": "a prediction without a voxel inside, which is a failed case",
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
"""Flags that take the place away: what was handed in cannot be the method's own answer to unseen cases."""
OF_OTHERS = frozenset({"copied-predictions", "too-good-for-method", "too-good", "other-not-read"})
"""Codes that depend on which other submissions there are, and so may come later."""
CODES: dict[str, Code] = {
    code: Code(severity, meaning)
    for severity, group in (("refused", _REFUSED), ("flagged", _FLAGGED), ("note", _NOTES))
    for code, meaning in group.items()
}
