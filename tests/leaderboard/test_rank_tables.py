"""What stands in which table, who is ranked, and what every line says; by hand."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import statistics
from dataclasses import asdict

import numpy as np
import pytest
import yaml
from fake_results import CATEGORIES, CD, DICE, OBSERVED, REVISION, UHD, add, rows_of, withdraw
from huggingface_hub import EvalResultEntry
from huggingface_hub._eval_results import parse_eval_result_entries

from leaderboard.model import Column, Entry, Finding, Interval, Rank, Table
from leaderboard.rank.board import board_of
from leaderboard.rank.exports import eval_results, table_csv, table_json
from leaderboard.rank.results import read_results
from leaderboard.rank.tables import tables_of
from leaderboard.site import CaseFacts
from leaderboard.site.cases import read_cases
from leaderboard.submission.layout import submission_id
from leaderboard.views import ResultViews
from medshape_text.hashing import canonical_json, sha256


@pytest.fixture
def results(tmp_path):
    (tmp_path / "submissions").mkdir()
    return tmp_path


def measured(results):
    """Tables with submissions, without those that are only quoted."""
    return [table for table in tables_of(read_results(results)) if table.entries]


def entry_of(table, name):
    return next(entry for entry in table.entries if name in (entry.submission, entry.method))


def test_better_methods_are_ranked_first_with_values_by_hand(results):
    rows = rows_of(0.9, 1)
    good, poor = add(results, "good", rows), add(results, "poor", rows_of(0.7, 2), seconds=0.5)
    (table,) = measured(results)
    assert [entry.submission for entry in table.entries] == [good, poor]
    assert [entry.rank for entry in table.entries] == [Rank(1, 1, 1), Rank(2, 2, 2)]
    assert (table.task, table.profile, table.headline, table.data_revision) == (
        "multiplane",
        "overlap",
        "dice",
        REVISION,
    )
    assert (table.subjects, table.cases, table.data_name, table.split) == (6, 18, "mini", "test")
    by_category = {
        name: statistics.fmean(row["value"] for row in rows if row["category"] == name) for name in CATEGORIES
    }
    first = table.entries[0]
    assert first.values["dice"].value == pytest.approx(statistics.fmean(by_category.values()))
    assert first.values["dice"].low < first.values["dice"].value < first.values["dice"].high
    assert {name: values["dice"] for name, values in first.categories.items()} == pytest.approx(by_category)
    template = [row for row in rows if row["origin"] == "template"]
    macro = statistics.fmean(
        statistics.fmean(row["value"] for row in template if row["category"] == name) for name in CATEGORIES
    )
    assert first.origins["template"]["dice"] == pytest.approx(macro)
    assert (first.seconds_per_case, first.peak_mib, first.hardware) == (1.0, 500.0, "Abacus, 1 core")


def test_a_smaller_distance_is_better(results):
    add(results, "near", rows_of(0.9, 1, signatures=(CD,)))
    add(results, "far", rows_of(0.7, 2, signatures=(CD,)))
    (table,) = measured(results)
    assert [entry.method for entry in table.entries] == ["near", "far"]
    assert table.columns == (Column("cd", CD, "CD, mm", False, "mm", ".3g", "Surface distance, dense profile"),)
    assert [entry.rank.low for entry in table.entries] == [1, 2]


def test_what_must_not_be_compared_never_shares_a_table(results):
    add(results, "one", rows_of(0.9, 1))
    add(results, "other-signature", rows_of(0.9, 2, signatures=(DICE.replace("v1", "v2"),)))
    add(results, "other-revision", rows_of(0.9, 3), revision="cd" * 32)
    add(results, "other-split", rows_of(0.9, 4), data={"revision": REVISION, "split": "validation"})
    add(results, "fewer-cases", rows_of(0.9, 5, subjects=5))
    add(results, "other-task", rows_of(0.9, 6), task="oneplane")
    add(results, "other-definition", rows_of(0.9, 7), task_version=2)
    renamed = [row | {"subject": f"{row['subject']}0"} for row in rows_of(0.9, 8)]
    add(results, "other-subjects", renamed)
    tables = measured(results)
    assert sorted(len(table.entries) for table in tables) == [1] * 8
    assert len({table.id for table in tables}) == 8


def test_profiles_are_tables_of_their_own_and_carry_all_their_metrics(results):
    add(results, "one", rows_of(0.9, 1, signatures=(UHD, OBSERVED, CD, DICE)))
    tables = measured(results)
    assert [(table.profile, table.headline) for table in tables] == [
        ("overlap", "dice"),
        ("dense", "cd"),
        ("genmed", "uhd"),
    ]
    assert [column.metric for column in tables[0].columns] == ["dice", "observed_dice"]


def test_one_metric_in_two_units_has_two_columns(results):
    box = CD.replace("unit:mm", "unit:box")
    add(results, "one", rows_of(0.9, 1, signatures=(CD,)) + rows_of(0.8, 1, subjects=2, signatures=(box,)))
    (table,) = measured(results)
    assert [(column.metric, column.unit) for column in table.columns] == [("cd:mm", "mm"), ("cd:box", "box")]
    assert table.headline == "cd:mm"
    assert set(table.entries[0].values) == {"cd:mm", "cd:box"}


def test_the_cases_of_a_metric_in_two_units_have_their_scores(results):
    millimetres = rows_of(0.9, 1, signatures=(CD,))
    boxes = rows_of(0.8, 1, subjects=2, signatures=(CD.replace("unit:mm", "unit:box"),))
    name = add(results, "one", millimetres + boxes)
    (table,) = measured(results)
    scores = ResultViews(read_results(results), []).scores(table, name)
    values = {"cd:mm": millimetres[0]["value"], "cd:box": boxes[0]["value"]}
    assert scores[millimetres[0]["case"], millimetres[0]["category"]].values == values


def test_failures_are_counted_and_score_worst(results):
    rows = rows_of(0.9, 1, failing=[0, 4])
    add(results, "faulty", rows)
    (table,) = measured(results)
    (entry,) = table.entries
    assert (entry.scored, entry.expected) == (16, 18)
    assert entry.values["dice"].value == pytest.approx(statistics.fmean(row["value"] for row in rows))


def test_where_nothing_was_observed_there_is_nothing_to_score(results):
    rows = rows_of(0.9, 1)
    rows[3] |= {"value": None, "status": "nothing_observed"}
    add(results, "one", rows)
    (table,) = measured(results)
    assert (table.cases, table.entries[0].expected) == (17, 17)


def test_controls_are_shown_and_not_ranked(results):
    add(results, "oracle", rows_of(1.0, 1))
    add(results, "mean-shape", rows_of(0.6, 2))
    add(results, "modest", rows_of(0.8, 3), method={"name": "modest", "title": "x", "control": True})
    add(results, "real", rows_of(0.9, 4))
    add(results, "interpolation", rows_of(0.7, 5))
    (table,) = measured(results)
    assert {entry.method: entry.control for entry in table.entries} == {
        "real": False, "interpolation": False, "oracle": True, "modest": True, "mean-shape": True,
    }  # fmt: skip
    assert [entry.rank and entry.rank.low for entry in table.entries] == [1, 2, None, None, None]


def test_the_submitters_numbers_are_shown_apart_and_edited_ones_not_at_all(results):
    honest = rows_of(0.7, 1)
    add(results, "edited", honest, reported=rows_of(0.99, 1), verdict="differs")
    add(results, "unverified", rows_of(0.95, 2), verified=False)
    (table,) = measured(results)
    edited, unverified = entry_of(table, "edited"), entry_of(table, "unverified")
    assert (edited.tier, edited.rank) == ("recomputed", Rank(1, 1, 1))
    assert edited.values["dice"].value == pytest.approx(statistics.fmean(row["value"] for row in honest))
    assert (unverified.tier, unverified.rank) == ("self-reported", None)


def test_tiers(results):
    add(results, "remade", rows_of(0.7, 1), remade=True)
    add(results, "recomputed", rows_of(0.7, 2))
    (table,) = measured(results)
    assert {entry.method: entry.tier for entry in table.entries} == {
        "remade": "reproduced",
        "recomputed": "recomputed",
    }


@pytest.mark.parametrize("changes", [{"verdict": "cannot"}, {"findings": [Finding("truth-copied", "refused", "x")]}])
def test_what_was_refused_or_could_not_be_computed_has_no_numbers(results, changes):
    name = add(results, "bad", rows_of(0.9, 1), **changes)
    board = board_of(read_results(results))
    assert not any(table.entries for table in board.tables)
    assert [page.submission for page in board.methods] == [name]


def test_a_flag_stays_with_the_line(results):
    flag = Finding("memorised", "flagged", "copies training shapes")
    add(results, "one", rows_of(0.9, 1), findings=[flag])
    (table,) = measured(results)
    assert table.entries[0].findings == (flag,)
    assert table.entries[0].rank is not None


@pytest.mark.parametrize("code", ["prediction-is-truth", "copied-predictions", "trained-on-test"])
def test_what_is_not_its_own_answer_has_no_rank_and_replaces_nothing(results, code):
    own = add(results, "one", rows_of(0.7, 1), created="2026-11-01T00:00:00+00:00")
    add(results, "other", rows_of(0.6, 3))
    flag = Finding(code, "flagged", "x")
    taken = add(results, "one", rows_of(0.99, 2), created="2026-11-02T00:00:00+00:00", findings=[flag])
    (table,) = measured(results)
    assert entry_of(table, taken).rank is None
    assert entry_of(table, taken).findings == (flag,)
    assert entry_of(table, own).rank.low == 1


def test_the_latest_submission_counts_and_older_ones_stay(results):
    old = add(results, "one", rows_of(0.95, 1), created="2026-11-01T00:00:00+00:00")
    new = add(results, "one", rows_of(0.7, 2), created="2026-11-02T00:00:00+00:00")
    strangers = add(results, "one", rows_of(0.8, 3), created="2026-11-03T00:00:00+00:00", authors=[{"name": "Eve"}])
    (table,) = measured(results)
    assert entry_of(table, old).rank is None
    assert [finding.code for finding in entry_of(table, old).findings] == ["superseded"]
    assert {name for name in (new, strangers) if entry_of(table, name).rank} == {new, strangers}


def test_what_is_withdrawn_stays_visible_unranked_and_replaces_nothing(results):
    old = add(results, "one", rows_of(0.95, 1), created="2026-11-01T00:00:00+00:00")
    new = add(results, "one", rows_of(0.7, 2), created="2026-11-02T00:00:00+00:00")
    withdraw(results, new, "trained on the test split")
    (table,) = measured(results)
    assert entry_of(table, old).rank == Rank(1, 1, 1)
    gone = entry_of(table, new)
    assert gone.rank is None
    assert [finding.detail for finding in gone.findings] == ["withdrawn: trained on the test split"]


def test_equal_methods_share_ranks(results):
    for seed in (1, 2, 3):
        add(results, f"m{seed}", rows_of(0.9, seed))
    add(results, "poor", rows_of(0.5, 4))
    (table,) = measured(results)
    found = {entry.method: entry.rank for entry in table.entries}
    assert all(found[name] == Rank(1, 3, 1) for name in ("m1", "m2", "m3"))
    assert found["poor"] == Rank(4, 4, 2)


def test_pareto_by_hand(results):
    for method, quality, seconds in (("best", 0.9, 10.0), ("fast", 0.6, 1.0), ("middle", 0.8, 5.0), ("lost", 0.7, 6.0)):
        add(results, method, rows_of(quality, 1), seconds=seconds)
    add(results, "oracle", rows_of(1.0, 1), seconds=0.1)
    (table,) = measured(results)
    assert {entry.method for entry in table.entries if entry.pareto} == {"best", "fast", "middle"}


def test_the_wrong_files_are_not_what_was_verified(results):
    name = add(results, "one", rows_of(0.9, 1))
    other = add(results, "one", rows_of(0.5, 2), created="2026-11-02T00:00:00+00:00")
    record = json.loads((results / "verification" / f"{name}.json").read_text())
    (results / "verification" / f"{other}.json").write_text(json.dumps(record | {"submission": other}))
    found = {each.id: each for each in read_results(results).submissions}[other]
    assert (found.tier, found.verification) == ("self-reported", None)
    assert [finding.code for finding in found.findings] == ["verified-other-files"]


def resealed(folder, name, content):
    """Spoil a file, and make the list and the name of the folder fit."""
    (folder / name).write_bytes(content)
    listed = json.loads((folder / "files.json").read_bytes())
    listed[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "files.json").write_bytes(canonical_json(listed))
    folder.rename(folder.with_name(submission_id("multiplane", "one", sha256(canonical_json(listed)))))


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda folder: (folder / "run.json").unlink(), "folder-invalid", "run.json is missing"),
        (lambda folder: (folder / "run.json").write_bytes(b"{"), "files-differ", "run.json has 1 bytes"),
        (lambda folder: (folder / "run.json").write_bytes(b"[" * 100_000), "files-differ", "run.json has 100000"),
        (lambda folder: (folder / "run.json").write_bytes(b'{"a": NaN}'), "files-differ", "run.json has 10 bytes"),
        (lambda folder: (folder / "run.json").write_bytes(b"{}"), "files-differ", "run.json has 2 bytes"),
        (lambda folder: (folder / "submission.json").write_bytes(b"!!python/object:os.system x"),
         "files-differ", "submission.json has"),
        (lambda folder: resealed(folder, "submission.json", b"!!python/object x"), "json-invalid", "is no JSON"),
        (lambda folder: resealed(folder, "run.json", b"{"), "json-invalid", "run.json is no JSON"),
        (lambda folder: resealed(folder, "run.json", b"[" * 100_000), "json-too-large", "nested deeper"),
        (lambda folder: resealed(folder, "run.json", b'{"a": NaN}'), "json-invalid", "not finite"),
        (lambda folder: (folder / "files.json").write_bytes(b'{"a": 1}'), "files-differ", "do not agree"),
        (lambda folder: (folder / "files.json").rename(folder / "f") and (folder / "files.json").symlink_to("f"),
         "folder-invalid", "'files.json' is a symbolic link"),
        (lambda folder: folder.rename(folder.with_name("multiplane--one--000000000000")), "wrong-id", "its content"),
        (lambda folder: folder.rename(folder.with_name("x")) and folder.symlink_to("x"), "folder-invalid", "no folder"),
    ],
)  # fmt: skip
def test_a_hostile_folder_is_refused_and_hurts_no_other(results, spoil, code, said):
    name = add(results, "one", rows_of(0.9, 1))
    good = add(results, "good", rows_of(0.9, 2))
    spoil(results / "submissions" / name)
    found = {each.id: each for each in read_results(results).submissions}
    bad = [each for each in found.values() if any(f.code == code and said in f.detail for f in each.findings)]
    assert bad
    assert all(each.refused for each in bad)
    (table,) = measured(results)
    assert [entry.submission for entry in table.entries] == [good]


@pytest.mark.parametrize(
    "change", [{"value": 1e300}, {"value": True}, {"value": "1"}, {"signature": "x"}, {"case": ""}, {"subject": 3}]
)
def test_rows_that_are_none_make_no_table(results, change):
    rows = rows_of(0.9, 1)
    add(results, "one", rows, verified=False, reported=[rows[0] | change, *rows[1:]])
    add(results, "twice", rows, verified=False, reported=[rows[0], *rows])
    assert measured(results) == []


def test_quoted_numbers_stand_apart(results):
    add(results, "one", rows_of(0.9, 1))
    add(results, "two", rows_of(0.9, 1, signatures=(UHD,)))
    tables = tables_of(read_results(results))
    assert [entry.values for entry in tables[0].quoted] == [{"dice": Interval(0.759)}]
    assert [entry.values for entry in tables[1].quoted] == [{"uhd": Interval(10.2)}]
    assert all(entry.tier == "quoted" and entry.rank is None for table in tables for entry in table.quoted)
    alone = {table.id: table for table in tables if not table.entries}
    full = next(entry for entry in alone["quoted-segmentation"].quoted if entry.method == "GenMed-Full")
    assert [full.values[name].value for name in ("ts", "ct_ct", "ct_mri", "two_shot")] == [85.4, 83.8, 59.9, 77.7]
    assert all("not comparable" in entry.findings[0].detail for table in tables for entry in table.quoted)
    assert all("https://" in entry.findings[1].detail for table in tables for entry in table.quoted)


def test_the_board_is_the_same_for_the_same_folder_and_changes_with_it(results):
    add(results, "one", rows_of(0.9, 1))
    before = board_of(read_results(results))
    assert asdict(before) == asdict(board_of(read_results(results)))
    name = add(results, "two", rows_of(0.8, 2))
    added = board_of(read_results(results))
    withdraw(results, name)
    assert len({before.built_from, added.built_from, board_of(read_results(results)).built_from}) == 3


def test_a_method_page_says_how_to_reproduce(results):
    name = add(results, "one", rows_of(0.9, 1), paper="https://example.org/paper", code={
        "url": "https://example.org/code", "commit": "a" * 40,
    })  # fmt: skip
    (page,) = board_of(read_results(results)).methods
    assert page.reproduce == (
        f"genmed-bench verify submissions/{name} --data mini",
        "genmed-bench run --method one --task multiplane --data mini --split test --seed 0",
    )
    assert dict(page.links) == {"Paper": "https://example.org/paper", "Code": "https://example.org/code"}
    facts = dict(page.facts)
    assert (facts["Authors"], facts["Licence"], facts["Data revision"]) == ("Ada", "MIT", REVISION)
    assert facts["Code"] == f"commit {'a' * 40}"


def test_a_command_is_quoted_for_the_shell(results):
    data = {"name": "x; rm -rf ~", "revision": REVISION, "split": "test"}
    add(results, "one", rows_of(0.9, 1), data=data)
    (page,) = board_of(read_results(results)).methods
    assert "--data 'x; rm -rf ~' --split" in page.reproduce[1]


# ---- exports ----

HOSTILE = [
    "=1+1",
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "|x",
    "%0A=1",
    "＝1",
    '"=1',
    "a,b",
    'a"b\nc',
]


def a_table(method):
    entry = Entry("id", method, "", "recomputed", values={"dice": Interval(-0.5, -0.75, 1e-20)}, rank=Rank(1, 2, 1))
    return Table(
        "t", "multiplane", "overlap", "t", "", "", "test", "dice", (Column("dice", DICE, "Dice", True),), (entry,)
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_csv_cells_are_defused_and_read_back(text):
    (line,) = csv.DictReader(io.StringIO(table_csv(a_table(text)), newline=""))
    assert line["method"].removeprefix("'") == text
    assert line["method"].lstrip()[:1] not in set("=+-@\t\r|%＝")
    assert line["method"][:1] not in set("=+-@\t\r\n|%＝")


def test_csv_numbers_stay_numbers():
    (line,) = csv.DictReader(io.StringIO(table_csv(a_table("m")), newline=""))
    assert (line["dice"], line["dice_low"], line["dice_high"]) == ("-0.5", "-0.75", "1e-20")
    assert (line["rank_low"], line["rank_high"], line["seconds_per_case"]) == ("1", "2", "")


def test_json_holds_the_whole_table():
    table = a_table("</script>")
    assert json.loads(table_json(table)) == json.loads(json.dumps(asdict(table)))


def test_headlines_for_the_hub(results):
    add(results, "one", rows_of(0.9, 1, signatures=(DICE, CD)))
    add(results, "one", rows_of(0.8, 1), task="oneplane")
    add(results, "oracle", rows_of(1.0, 1))
    board = board_of(read_results(results))
    text = eval_results(board, "one", "org/genmed-bench", source_url="https://example.org")
    entries = parse_eval_result_entries(yaml.safe_load(text))
    assert all(isinstance(entry, EvalResultEntry) for entry in entries)
    assert [(entry.dataset_id, entry.task_id) for entry in entries] == [
        ("org/genmed-bench", "multiplane"),
        ("org/genmed-bench", "oneplane"),
    ]
    wanted = entry_of(next(t for t in board.tables if t.task == "multiplane" and t.headline == "dice"), "one")
    assert entries[0].value == pytest.approx(wanted.values["dice"].value, abs=1e-6)
    assert "rank 1 to 1 of 1" in entries[0].notes
    with pytest.raises(ValueError, match="no ranked headline"):
        eval_results(board, "oracle", "org/genmed-bench")


def test_a_distance_is_no_headline_for_the_hub(results):
    add(results, "one", rows_of(0.9, 1, signatures=(CD,)))
    with pytest.raises(ValueError, match="of which more is better"):
        eval_results(board_of(read_results(results)), "one", "org/name")


def test_a_refusal_counts_whatever_files_it_came_to_read(results):
    name = add(results, "bad", rows_of(0.9, 1), verdict="cannot", findings=[Finding("wrong-id", "refused", "x")])
    path = results / "verification" / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {"run.json": "0" * 64}}))
    assert read_results(results).submissions[0].refused
    assert measured(results) == []


@pytest.mark.parametrize("name", ["timings.jsonl", "cases.jsonl"])
def test_rows_and_times_that_were_changed_after_verification_are_not_shown(results, name):
    changed = add(results, "good", rows_of(0.9, 1), seconds=3.0)
    path = results / "submissions" / changed / name
    path.write_text(path.read_text().replace("3.0", "1e-05") + "\n")
    (submission,) = read_results(results).submissions
    assert [finding.code for finding in submission.findings] == ["files-differ"]
    assert measured(results) == []


def test_one_stranger_cannot_rename_the_data_set(results):
    for place, name in enumerate(("one", "two")):
        add(results, name, rows_of(0.9, place))
    for place in range(3):
        data = {"name": "imagenet", "revision": REVISION, "split": "test"}
        add(results, f"loud{place}", rows_of(0.5, place), verified=place > 1, data=data)
    assert {table.data_name for table in measured(results)} == {"mini"}


def test_a_group_has_one_rank_however_it_writes_its_names(results):
    names = ("René", "RENE\u0301 ")
    for day, name in enumerate(names, 1):
        add(results, "good", rows_of(0.9, day), authors=[{"name": name}], created=f"2026-11-0{day}T00:00:00+00:00")
    (table,) = measured(results)
    assert [entry.rank for entry in table.entries] == [Rank(1, 1, 1), None]


def test_a_case_with_a_row_a_category_is_one_case(results):
    left, right = (rows_of(0.9, seed, categories=("scan",)) for seed in (1, 2))
    rows = [row | {"category": name} for name, part in (("left", left), ("right", right)) for row in part]
    rows[0] |= {"value": 0.0, "status": "crashed"}
    name = add(results, "one", rows)
    (table,) = measured(results)
    (entry,) = table.entries
    assert (table.cases, table.subjects, entry.scored, entry.expected) == (6, 6, 5, 6)
    means = [np.mean([row["value"] for row in rows if row["category"] == side]) for side in ("left", "right")]
    assert entry.values["dice"].value == pytest.approx(np.mean(means))
    assert {side: each["dice"] for side, each in entry.categories.items()} == pytest.approx(
        dict(zip(("left", "right"), means, strict=True))
    )
    read = read_cases(table, ResultViews(read_results(results), []))
    assert len(read.facts) == 12
    assert read.shown == []  # there are no data at hand
    case = rows[0]["case"]
    assert [read.at(0, facts).values["dice"] for facts in read.facts if facts.id == case] == [
        row["value"] for row in rows if row["case"] == case
    ]
    whole = read.of_case(0, CaseFacts(case, "scan", "s0", "template"))
    assert (whole.values["dice"], whole.failure) == (pytest.approx(rows[6]["value"] / 2), "crashed")
    assert ResultViews(read_results(results), []).scores(table, name)[case, "right"].values == {
        "dice": rows[6]["value"]
    }


def test_nobody_is_ranked_by_a_metric_of_unknown_direction(results):
    for seed, name in enumerate(("one", "two")):
        add(results, name, rows_of(0.9 - seed / 10, seed, signatures=("warmth|mine|v1",)))
    (table,) = measured(results)
    assert [(column.title, column.higher_is_better, column.heading) for column in table.columns] == [
        ("warmth", None, "mine")
    ]
    assert [entry.rank for entry in table.entries] == [None, None]
