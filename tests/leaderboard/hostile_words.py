"""Hostile words: YAML that constructs or explodes, JSON that is deep, texts for browsers and spreadsheets."""

from __future__ import annotations

from pathlib import Path

from hostile import SCORED, Hostile, World, both, change_record, change_yaml, replace, write


def _append(text: str):
    def spoil(folder: Path, _: World) -> None:
        path = folder / "submission.yaml"
        path.write_bytes(path.read_bytes() + text.encode())

    return spoil


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)
YAML = [
    Hostile("YAML that calls a function", "yaml-tag", _append('x: !!python/object/apply:os.system ["id"]\n')),
    Hostile("YAML with a tag of its own", "yaml-tag", _append("x: !custom 1\n")),
    Hostile("YAML of a billion laughs", "yaml-anchor", write("submission.yaml", LAUGHS)),
    Hostile("YAML with a merge", "yaml-anchor", _append("x: &x {a: 1}\ny: {<<: *x}\n")),
    Hostile("YAML with an alias to nothing", "yaml-alias", _append("x: *y\n")),
    Hostile("YAML with a directive", "yaml-directive", write("submission.yaml", "%YAML 1.1\n---\na: 1\n")),
    Hostile("YAML with a key twice", "yaml-duplicate-key", _append("task: oneplane\n")),
    Hostile("YAML of 1000 levels", "yaml-too-deep", write("submission.yaml", "a: " + "[" * 1000 + "]" * 1000)),
    Hostile("YAML of 200 kB", "yaml-too-large", write("submission.yaml", "a: 1\n" * 40_000)),
    Hostile("YAML of two documents", "yaml-invalid", _append("---\na: 1\n")),
    Hostile("YAML in UTF-16", "yaml-invalid", write("submission.yaml", "a: 1\n".encode("utf-16"))),
    Hostile("YAML of a list", "yaml-invalid", write("submission.yaml", "- a\n")),
    Hostile("YAML with a number beyond all", "schema", change_yaml(samples_per_case=10**18)),
]
SCHEMA = [
    Hostile("a schema of the future", "schema-version", change_yaml(schema_version=2)),
    Hostile("a field nobody knows", "schema", change_yaml(verdict="reproduced")),
    Hostile("a title of 300 characters", "schema", change_yaml(method__title="x" * 300)),
    Hostile("notes of 20,000 characters", "text-too-long", change_yaml(notes="x" * 20_000)),
    Hostile("a method called like a path", "schema", change_yaml(method__name="../../etc")),
    Hostile("a licence of its own", "licence", change_yaml(licence="all rights")),
    Hostile("a link with javascript", "link-not-https", change_yaml(paper="javascript:alert(1)")),
    Hostile("a link with data", "link-not-https", change_yaml(paper="data:text/html,<script>alert(1)</script>")),
    Hostile(
        "an author's link over http", "link-not-https", change_yaml(authors=[{"name": "A", "link": "http://example.org"}])
    ),
    Hostile("a link with quotes", "schema", change_yaml(paper='https://example.org/"onmouseover="alert(1)')),
    Hostile("the training split as the test", "split-not-ranked", change_yaml(data__split="train")),
    Hostile("the validation split as the test", "split-not-ranked", change_yaml(data__split="validation")),
    Hostile(
        "a task nobody has", "task-unknown",
        both(change_yaml(task="telepathy"), change_record(configuration__task__name="telepathy")),
    ),
    Hostile("no seeds", "seeds-undeclared", change_yaml(seeds=None), stage=SCORED),
    Hostile("one seed three times", "seeds-not-distinct", change_yaml(seeds=[0, 0, 0])),
    Hostile("seeds without the one of the run", "seed-not-declared", change_yaml(seeds=[1, 2, 3]), stage=SCORED),
    Hostile(
        "trained on the test split", "trained-on-test",
        change_yaml(training_sets=["other:genmed-bench/mini:test"]), stage=SCORED,
    ),
]  # fmt: skip
XSS = {
    "title": ("method__title", "<script>alert(1)</script>"),
    "name of an author": ("authors", [{"name": "<img src=x onerror=alert(1)>"}]),
    "affiliation": ("authors", [{"name": "A", "affiliation": "<svg/onload=alert(1)>"}]),
    "notes": ("notes", "{{constructor.constructor('alert(1)')()}}"),
    "processor": ("hardware__processor", "<iframe srcdoc='&#60;script&#62;'>"),
    "data set": ("data__name", "javascript:alert(1)"),
    "training set": ("training_sets", ["other:<style>@import 'https://example.org'</style>"]),
}
FORMULAS = {
    "title": ("method__title", '=HYPERLINK("https://example.org","x")'),
    "name of an author": ("authors", [{"name": "@SUM(1+1)*cmd|' /C calc'!A0"}]),
    "notes": ("notes", "+cmd|' /C calc'!A0"),
    "affiliation": ("authors", [{"name": "A", "affiliation": "-cmd|' /C calc'!A0"}]),
}
TEXTS = [
    *(Hostile(f"XSS: {w}", "text-markup", change_yaml(**{field: value}), SCORED) for w, (field, value) in XSS.items()),
    *(
        Hostile(f"formula: {w}", "text-formula", change_yaml(**{field: value}), SCORED)
        for w, (field, value) in FORMULAS.items()
    ),
    Hostile("XSS: run.json", "text-markup", change_record(hardware__processor="<b onclick=alert(1)>"), SCORED),
    Hostile("a title that reads backwards", "text-bidirectional", change_yaml(method__title="safe\u202etxt.exe")),
    Hostile("a title with invisible letters", "text-invisible", change_yaml(method__title="gen\u200bmed")),
    Hostile("a title with an escape", "text-control-character", change_yaml(method__title="a\x1b[31mb")),
    Hostile("a record with half a letter", "text-half-character", change_record(python="\ud800")),
    Hostile("a case that reads backwards", "text-bidirectional", change_record(cases=["a\u2067b"])),
]
LONG = f'{{"a": {"9" * 10**6}}}'
JSON = [
    Hostile("JSON of 100,000 levels", "json-too-deep", write("run.json", "[" * 100_000 + "]" * 100_000)),
    Hostile("JSON of 40 levels", "json-too-deep", write("run.json", '{"a":' * 40 + "1" + "}" * 40)),
    Hostile("JSON of four million lists", "json-too-large", write("run.json", '{"a":[' + "[]," * 4_000_000 + "[]]}")),
    Hostile("JSON with NaN", "number-not-finite", change_record(created=float("nan"))),
    Hostile("JSON with a number that overflows", "number-not-finite", write("run.json", '{"a": 1e999}')),
    Hostile("JSON with an integer of a million digits", "number-too-large", write("run.json", LONG)),
    Hostile("JSON of a list", "json-not-an-object", write("run.json", "[]")),
    Hostile("no JSON", "json-damaged", write("run.json", "{'a': 1}")),
    Hostile("JSON that is no UTF-8", "text-not-utf8", write("run.json", b'{"a": "\xff"}')),
    Hostile("a row with a key twice", "json-duplicate-key", replace("cases.jsonl", '"case"', '"value": 1.0, "case"')),
    Hostile("a row with infinity", "number-not-finite", replace("cases.jsonl", '"value":', '"value": -Infinity, "x":')),
    Hostile("a line of a megabyte", "line-too-long", write("timings.jsonl", '{"case": "' + "x" * 2**20 + '"}\n')),
    Hostile("a torn last line", "line-torn", write("timings.jsonl", '{"case": "x"}')),
    Hostile("a million lines", "too-many-lines", write("timings.jsonl", '{"case":"x"}\n' * 10**6)),
]  # fmt: skip
CORPUS = [*YAML, *SCHEMA, *TEXTS, *JSON]
