"""Hostile words: documents in YAML, JSON that is deep or damaged, texts for browsers and spreadsheets."""

from __future__ import annotations

from pathlib import Path

from hostile import SCORED, Hostile, World, both, change_document, change_record, replace, write

NAME = "submission.json"
YAML = b"""schema_version: !!python/object/apply:os.system ["id"]
a: &a [x, x]
b: [*a, *a, *a, *a, *a, *a, *a, *a, *a]
"""


def _within(text: str):
    """Put a text right after the first brace."""
    return replace(NAME, "{", "{" + text)


def _append(text: str):
    def spoil(folder: Path, _: World) -> None:
        path = folder / NAME
        path.write_bytes(path.read_bytes() + text.encode())

    return spoil


DOCUMENT = [
    Hostile("a document in YAML that calls and explodes", "json-invalid", "is no JSON:", write(NAME, YAML)),
    Hostile("a document with a key twice", "json-invalid", "a key twice", _within('"task": "oneplane",')),
    Hostile(
        "a document with a key twice, deep inside", "json-invalid", "a key twice", _within('"x": [{"a": 1, "a": 2}],')
    ),
    Hostile(
        "a document of 1000 levels",
        "json-too-large",
        "nested deeper",
        write(NAME, '{"a": ' + "[" * 1000 + "]" * 1000 + "}"),
    ),
    Hostile("a document of 60,000 levels", "json-too-large", "nested deeper", write(NAME, "[" * 60_000)),
    Hostile("a document of 200 kB", "file-too-large", "at most", _append(" " * 200_000)),
    Hostile("a document of 30,000 values", "schema", "x", _within('"x": [' + "1," * 29_999 + "1],")),
    Hostile("a document and another one", "json-invalid", "is no JSON:", _append("{}")),
    Hostile("a document with a comment", "json-invalid", "is no JSON:", _within("/* hello */")),
    Hostile("a document in UTF-16", "json-invalid", "no UTF-8", write(NAME, "{}".encode("utf-16"))),
    Hostile("a document with a mark of its bytes", "json-invalid", "is no JSON:", write(NAME, b"\xef\xbb\xbf{}")),
    Hostile("a document that is a list", "json-invalid", "no JSON object", write(NAME, '["a"]')),
    Hostile("a document that is nothing", "json-invalid", "is no JSON:", write(NAME, "")),
    Hostile("a document with NaN", "json-invalid", "not finite", _within('"samples_per_case": NaN,')),
    Hostile(
        "a document with a number that overflows", "json-invalid", "not finite", _within('"samples_per_case": 1e999,')
    ),
    Hostile(
        "a document with a number beyond all", "json-invalid", "19 digits", change_document(samples_per_case=10**18)
    ),
    Hostile(
        "a document with a number beyond sense", "schema", "samples_per_case", change_document(samples_per_case=10**17)
    ),
    Hostile("a document with a prototype", "schema", "__proto__", _within('"__proto__": {"control": true},')),
    Hostile("a document with a reference", "schema", "$ref", _within('"$ref": "file:///etc/passwd",')),
    Hostile("a document with half a letter for a key", "text-refused", "half a character", _within('"\\ud800": 1,')),
]
SCHEMA = [
    Hostile("a schema of the future", "schema-version", "version", change_document(schema_version=2)),
    Hostile("a field nobody knows", "schema", "verdict", change_document(verdict="reproduced")),
    Hostile("a title of 300 characters", "schema", "method.title", change_document(method__title="x" * 300)),
    Hostile("notes of 20,000 characters", "text-refused", "20000 characters", change_document(notes="x" * 20_000)),
    Hostile("a method called like a path", "schema", "method.name", change_document(method__name="../../etc")),
    Hostile("a licence of its own", "schema", "SPDX", change_document(licence="all rights")),
    Hostile("a link with javascript", "schema", "https", change_document(paper="javascript:alert(1)")),
    Hostile("a link with data", "schema", "https", change_document(paper="data:text/html,<script>alert(1)</script>")),
    Hostile(
        "an author's link over http",
        "schema",
        "https",
        change_document(authors=[{"name": "A", "link": "http://example.org"}]),
    ),
    Hostile(
        "a link with quotes", "schema", "paper", change_document(paper='https://example.org/"onmouseover="alert(1)')
    ),
    Hostile("the training split as the test", "schema", "data.split", change_document(data__split="train")),
    Hostile(
        "the validation split as the test",
        "split-not-ranked",
        "validation",
        both(change_document(data__split="validation"), change_record(configuration__data__split="validation")),
    ),
    Hostile("a run of another split", "record-invalid", "split is", change_document(data__split="validation")),
    Hostile(
        "a task nobody has",
        "task-unknown",
        "telepathy",
        both(change_document(task="telepathy"), change_record(configuration__task__name="telepathy")),
    ),
    Hostile("no seeds", "seeds-undeclared", "", change_document(seeds=None), stage=SCORED),
    Hostile("one seed three times", "schema", "seeds", change_document(seeds=[0, 0, 0])),
    Hostile(
        "seeds without the one of the run", "seed-not-declared", "", change_document(seeds=[1, 2, 3]), stage=SCORED
    ),
    Hostile(
        "trained on the test split",
        "trained-on-test",
        "",
        change_document(training_sets=["other:genmed-bench/mini:test"]),
        stage=SCORED,
    ),
]
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
    *(
        Hostile(f"XSS: {w}", "text-markup", "", change_document(**{field: value}), SCORED)
        for w, (field, value) in XSS.items()
    ),
    *(
        Hostile(f"formula: {w}", "text-formula", "", change_document(**{field: value}), SCORED)
        for w, (field, value) in FORMULAS.items()
    ),
    Hostile("XSS: run.json", "text-markup", "", change_record(hardware__processor="<b onclick=alert(1)>"), SCORED),
    Hostile(
        "a title that reads backwards", "text-refused", "direction", change_document(method__title="safe\u202etxt.exe")
    ),
    Hostile(
        "a title with invisible letters", "text-refused", "invisible", change_document(method__title="gen\u200bmed")
    ),
    Hostile(
        "a title with an escape", "text-refused", "control characters", change_document(method__title="a\x1b[31mb")
    ),
    Hostile("a record with half a letter", "text-refused", "half a character", change_record(python="\ud800")),
    Hostile("a case that reads backwards", "text-refused", "direction", change_record(cases=["a\u2067b"])),
]
LONG = f'{{"a": {"9" * 10**6}}}'
JSON = [
    Hostile(
        "JSON of 100,000 levels", "json-too-large", "nested deeper", write("run.json", "[" * 100_000 + "]" * 100_000)
    ),
    Hostile("JSON of 40 levels", "json-too-large", "nested deeper", write("run.json", '{"a":' * 40 + "1" + "}" * 40)),
    Hostile(
        "JSON of four million lists",
        "json-too-large",
        "values",
        write("run.json", '{"a":[' + "[]," * 4_000_000 + "[]]}"),
    ),
    Hostile("JSON with NaN", "json-invalid", "not finite", change_record(created=float("nan"))),
    Hostile("JSON with a number that overflows", "json-invalid", "not finite", write("run.json", '{"a": 1e999}')),
    Hostile("JSON with an integer of a million digits", "json-invalid", "digits", write("run.json", LONG)),
    Hostile("JSON of a list", "json-invalid", "no JSON object", write("run.json", "[]")),
    Hostile("no JSON", "json-invalid", "is no JSON:", write("run.json", "{'a': 1}")),
    Hostile("JSON that is no UTF-8", "json-invalid", "no UTF-8", write("run.json", b'{"a": "\xff"}')),
    Hostile(
        "a row with a key twice",
        "json-invalid",
        "a key twice",
        replace("cases.jsonl", '"case"', '"value": 1.0, "case"'),
    ),
    Hostile(
        "a row with infinity",
        "json-invalid",
        "not finite",
        replace("cases.jsonl", '"value":', '"value": -Infinity, "x":'),
    ),
    Hostile(
        "a line of a megabyte",
        "json-too-large",
        "is too long",
        write("timings.jsonl", '{"case": "' + "x" * 2**20 + '"}\n'),
    ),
    Hostile("a torn last line", "json-invalid", "does not end", write("timings.jsonl", '{"case": "x"}')),
    Hostile("a million lines", "json-too-large", "more than the", write("timings.jsonl", '{"case":"x"}\n' * 10**6)),
]
CORPUS = [*DOCUMENT, *SCHEMA, *TEXTS, *JSON]
