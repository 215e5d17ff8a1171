"""What ``submission.json`` and a model card may say."""

from __future__ import annotations

import copy
import math

import pytest
from jsonschema import Draft202012Validator

from leaderboard.submission import SubmissionError, check_document, read_card
from leaderboard.submission.card import Author, Code, ModelCard, Weights, card_schema, check_card
from leaderboard.submission.layout import schema, training_sets

HASH = "0123456789abcdef" * 4
GOOD = {
    "schema_version": 1,
    "made_by": "run",
    "task": "multiplane",
    "method": {"name": "my-method", "title": "Mine: a método", "control": False, "spec_sha256": HASH},
    "authors": [{"name": "Zoë O'Hara", "affiliation": "ETH", "link": "https://orcid.org/0000-0002-1825-0097"}],
    "licence": "MIT",
    "code": {"url": "https://github.com/a/b?x=1#y", "commit": "a" * 40},
    "weights": [{"sha256": HASH, "url": "https://huggingface.co/a/b/resolve/main/w.safetensors"}],
    "training_sets": ["medshapenet", "other:two hospitals"],
    "samples_per_case": 1,
    "hardware": {"processor": "AMD EPYC", "cores": 2, "memory_gib": 23.5},
    "seeds": [0, 1],
    "signatures": {"overlap/dice": "dice|overlap|input:sdf<0|grid:64|v1"},
    "data": {"name": "mini", "revision": HASH, "split": "test"},
    "paper": "https://arxiv.org/abs/2605.10645",
    "notes": "none",
}

CARD = f"""
method = "mine"
title = "Mine"
licence = "MIT"
training_sets = ["medshapenet"]
seeds = [3]
authors = [{{ name = "A. B", link = "https://orcid.org/0" }}]
code = {{ url = "https://a.org/x", commit = "{"b" * 40}" }}

[[weights]]
sha256 = "{HASH}"
"""


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"authors: [a]", "card", "no TOML"),
        (b"a: !!python/object/apply:os.system [ls]", "card", "no TOML"),
        (b"authors = 1\nauthors = 2", "card", "no TOML"),
        (b"authors = {a = 1, a = 2}", "card", "no TOML"),
        (b"[method]\n[method]", "card", "no TOML"),
        (b"a = " + b"[" * 30_000, "card", "no TOML"),
        (b"a = " + b"{b=" * 15_000, "card", "no TOML"),
        (b"a = \xff", "card", "no TOML"),
        (b"a = \x00", "card", "no TOML"),
        (b'a = "\\U00110000"', "card", "no TOML"),
        (b'a = "\\ud800"', "card", "no TOML"),
        (b"a = " + b"9" * 5000, "card", "no TOML"),
        (b"", "schema", "authors"),
        (b"a = nan", "schema", "authors"),
        (b"a = 1e999", "schema", "authors"),
        (b"seeds = [inf]", "schema", "seeds"),
        (b"title = 2026-01-01", "schema", "title"),
        (b"a." * 300 + b"b = 1", "schema", "authors"),
        (b"authors = [" + b"1," * 20_000 + b"]", "schema", "authors"),
        (b"#" + b"x" * (1 << 16), "card", "more than 65536 bytes"),
    ],
)
def test_a_card_that_is_none_is_refused_at_once(tmp_path, data: bytes, code: str, said: str) -> None:
    (tmp_path / "card.toml").write_bytes(data)
    with pytest.raises(SubmissionError) as caught:
        read_card(tmp_path / "card.toml")
    assert caught.value.code == code
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_schemas_are_schemas_and_a_good_document_passes() -> None:
    for rules in (schema(), card_schema()):
        Draft202012Validator.check_schema(rules)
    check_document(GOOD)
    least = {name: GOOD[name] for name in schema()["required"]}
    least |= {"weights": "none", "code": "none", "training_sets": ["none"], "authors": [{"name": "x"}]}
    check_document(least)


def _with(path: str, value: object) -> dict:
    document = copy.deepcopy(GOOD)
    *above, last = path.split(".")
    into: object = document
    for name in above:
        into = into[int(name) if isinstance(into, list) else name]  # type: ignore[index]
    into[int(last) if isinstance(into, list) else last] = value  # type: ignore[index]
    return document


CONTROLS = ["\n", "a\n", "\x1b[2J", "a\x7f", "a\x85b", "a\u2028b", "a\u202eb", "\ufeffa", "a\ud800", "a\x00"]
BAD_LINKS = [
    "http://a.org", "javascript:alert(1)", "https://", "https://a b", "https://user@a.org/", "https://a.org/\n",
    "https://a.org/<script>", 'https://a.org/"x', "https://a.org\\@b", "//a.org", "HTTPS://a.org", "https://ä.org",
    "data:text/html,x", "https://a.org/" + "x" * 500, "https://a.org/'x",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("extra", 1), ("method.extra", 1), ("authors.0.extra", 1), ("data.extra", 1), ("schema_version", 2),
        ("schema_version", "1"), ("made_by", "hand"), ("task", "../etc"), ("task", "a--b"), ("task", "a\n"),
        ("method.name", "a/b"), ("method.name", "a..b"), ("method.name", "A"), ("method.name", "-a"),
        ("method.name", "a--b"), ("method.name", "x" * 65), ("method.name", ""), ("method.title", ""),
        ("method.title", "x" * 201), ("method.control", "no"), ("method.spec_sha256", "0" * 63),
        ("method.spec_sha256", HASH.upper()), ("method.spec_sha256", HASH + "\n"), ("authors", []),
        ("authors", [{"name": "x"}] * 51), ("authors.0.name", ""), ("authors.0.name", "x" * 101),
        ("authors.0.name", ["x"]), ("authors", "x"), ("licence", "MIT\n"), ("licence", "<b>"), ("licence", "M" * 129),
        ("code", "github"), ("code.commit", "main"), ("weights", []), ("weights.0.sha256", "x"),
        ("training_sets", []), ("training_sets", ["mine"]), ("training_sets", ["none", "medshapenet"]),
        ("training_sets", ["medshapenet", "medshapenet"]), ("training_sets", ["other:"]),
        ("training_sets", ["other: "]),
        ("training_sets", ["other:a\x1bb"]), ("training_sets", ["other:" + "x" * 130]), ("samples_per_case", 0),
        ("samples_per_case", True), ("samples_per_case", 1.5), ("seeds", []), ("seeds", [-1]), ("seeds", [1, 1]),
        ("seeds", list(range(101))), ("seeds", [2**64]), ("hardware", {}), ("hardware.cores", 0),
        ("hardware.memory_gib", "much"), ("signatures", {}), ("signatures", {"a": "b"}),
        ("signatures", {"a/b": "x\ny"}), ("signatures", {"a/b": "x" * 401}), ("data.revision", "synthetic"),
        ("data.split", "train"), ("data.name", "a\nb"), ("notes", "x" * 2001), ("notes", None), ("paper", None),
        *((path, bad) for bad in CONTROLS for path in ("notes", "method.title", "authors.0.name")),
        *((path, bad) for bad in BAD_LINKS for path in ("paper", "code.url", "weights.0.url", "authors.0.link")),
    ],
)  # fmt: skip
def test_the_schema_refuses(path: str, value: object) -> None:
    with pytest.raises(SubmissionError) as caught:
        check_document(_with(path, value))
    assert caught.value.code == "schema"
    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()
    assert path.split(".")[0] in str(caught.value)


@pytest.mark.parametrize("name", schema()["required"])
def test_the_schema_misses(name: str) -> None:
    with pytest.raises(SubmissionError, match=name):
        check_document({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize("licence", ["free", "MIT OR", "(MIT", "()", "MIT Apache-2.0", "mit", "GPL"])
def test_a_licence_is_an_spdx_expression_in_its_spelling(licence: str) -> None:
    with pytest.raises(SubmissionError) as caught:
        check_document(GOOD | {"licence": licence})
    assert caught.value.code == "schema"
    assert "SPDX" in str(caught.value)


@pytest.mark.parametrize("licence", ["Apache-2.0", "MIT AND (Apache-2.0 OR CC-BY-4.0)", "LicenseRef-mine", "MPL-2.0"])
def test_a_licence_that_is_one(licence: str) -> None:
    check_document(GOOD | {"licence": licence})


def test_many_errors_are_one_short_message() -> None:
    with pytest.raises(SubmissionError, match=r"and \d+ more") as caught:
        check_document(
            GOOD | {f"<script>{n}": "\x1b" for n in range(50)} | {"task": 1, "notes": 2, "paper": 3, "data": 4}
        )
    assert len(str(caught.value)) < 700


def test_a_card_is_read_and_checked(tmp_path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(CARD)
    assert read_card(path) == ModelCard(
        (Author("A. B", None, "https://orcid.org/0"),), "mine", "Mine", "MIT", Code("https://a.org/x", "b" * 40),
        (Weights(HASH),), ("medshapenet",), None, (3,),
    )  # fmt: skip
    check_card(read_card(path))
    for more, code in (("sees_truth = true\n", "schema"), ('licence = "X"\n', "card")):
        path.write_text(more + CARD)
        with pytest.raises(SubmissionError) as caught:
            read_card(path)
        assert caught.value.code == code
    with pytest.raises(SubmissionError, match="cannot read the model card"):
        read_card(tmp_path / "absent.toml")
    with pytest.raises(SubmissionError, match="authors"):
        check_card(ModelCard(()))


def test_training_sets_have_distinct_names() -> None:
    assert len(set(training_sets())) == len(training_sets()) > 20
    assert math.prod(name == name.lower() for name in training_sets())
