"""The corpus of hostile submissions: each is found out, for its own reason, and nothing is written anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hostile import PARSED, SCORED, Hostile, World, corpus, make_world, plant, seal, snapshot

from leaderboard.findings import CODES
from leaderboard.verify import Verifier

READ = [one for one in corpus() if one.stage == ""]
PARSE = [one for one in corpus() if one.stage == PARSED]
SCORE = [one for one in corpus() if one.stage == SCORED]
QUICK = ("a score one bit better", "another's predictions with noise", "the truth with noise")


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def verifier(world) -> Verifier:
    return Verifier(world.data)


def found_out(hostile: Hostile, world: World, verifier: Verifier, place: Path):
    folder = plant(hostile, world, place)
    before = snapshot(place), snapshot(world.root)
    others = world.others if hostile.stage == SCORED else ()
    answer = verifier.verify(folder, others=others)
    assert (snapshot(place), snapshot(world.root)) == before
    findings = {finding.code: finding for finding in answer.findings}
    assert hostile.code in findings
    assert hostile.said in findings[hostile.code].detail
    assert findings[hostile.code].severity == CODES[hostile.code].severity
    for finding in answer.findings:
        assert finding.detail.isprintable()
        assert len(finding.detail) < 2000
    if CODES[hostile.code].severity == "refused":
        assert (answer.verdict, answer.rows, answer.largest_difference) == ("cannot", (), None)
    assert not Path("/tmp/hostile-was-here").exists()  # noqa: S108 - what the pickles of the corpus would make
    return answer


def test_there_are_enough_of_them_and_their_names_differ():
    names = [one.name for one in corpus()]
    assert len(set(names)) == len(names) >= 60


def test_every_reason_to_refuse_is_given_to_one_of_them_or_tested_apart():
    # Races, crashes and limits of the parsing process cannot be planted in a folder.
    apart = {"changed-while-reading", "parser-died", "parser-limits"}
    refused = {code for code, meaning in CODES.items() if meaning.severity == "refused"}
    assert refused - {one.code for one in corpus()} == apart


@pytest.mark.parametrize("hostile", READ, ids=lambda one: one.name)
def test_refused_when_read(hostile, world, verifier, tmp_path):
    found_out(hostile, world, verifier, tmp_path)
    assert verifier.parsing_mib == 0


@pytest.mark.parametrize("hostile", PARSE[::4], ids=lambda one: one.name)
def test_refused_when_parsed(hostile, world, verifier, tmp_path):
    found_out(hostile, world, verifier, tmp_path)
    assert 0 < verifier.parsing_mib < 256


@pytest.mark.slow
@pytest.mark.parametrize("hostile", PARSE, ids=lambda one: one.name)
def test_all_refused_when_parsed(hostile, world, verifier, tmp_path):
    found_out(hostile, world, verifier, tmp_path)
    assert 0 < verifier.parsing_mib < 256


@pytest.mark.parametrize("hostile", [one for one in SCORE if one.name in QUICK], ids=lambda one: one.name)
def test_found_out_when_scored(hostile, world, verifier, tmp_path):
    answer = found_out(hostile, world, verifier, tmp_path)
    assert answer.verdict == "differs"


@pytest.mark.slow
@pytest.mark.parametrize("hostile", SCORE, ids=lambda one: one.name)
def test_all_found_out_when_scored(hostile, world, verifier, tmp_path):
    answer = found_out(hostile, world, verifier, tmp_path)
    assert (answer.verdict == "differs") == ("scores-differ" in {finding.code for finding in answer.findings})


@pytest.mark.slow
def test_a_flipped_byte_anywhere_in_the_predictions_is_refused_or_changes_nothing(world, verifier, tmp_path):
    honest = verifier.verify(world.honest)
    data = (world.honest / "predictions.parquet").read_bytes()
    # Most faults are possible in the footer and in the headers of pages, so half of the flips are at the end.
    places = [*range(5, len(data), len(data) // 12), *range(len(data) - 600, len(data), 50)]
    for place in places:
        folder = tmp_path / world.honest.name
        shutil.copytree(world.honest, folder)
        changed = bytearray(data)
        changed[place] ^= 0xFF
        (folder / "predictions.parquet").write_bytes(changed)
        folder = seal(folder)
        answer = verifier.verify(folder)
        shutil.rmtree(folder)
        assert answer.verdict == "cannot" or answer.rows == honest.rows, place
