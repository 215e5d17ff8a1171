"""From names to a plan: where a run goes, and whose words an error has."""

from __future__ import annotations

from pathlib import Path

import pytest
from external_methods import shell
from synthetic import SPEC

from benchmark.errors import DataError, MethodError
from benchmark.fitting import fit_on_run
from benchmark.methods import find_method
from benchmark.planning import Request, default_out


def test_a_run_goes_below_runs_under_the_name_of_the_method_however_it_was_asked_for(tmp_path, monkeypatch):
    folder = shell(tmp_path / "some_folder", "true")
    for asked in (str(folder), f"{folder}/", "./some_folder"):
        monkeypatch.chdir(tmp_path)
        request = Request(asked, "triplane", data="/data/of_mine", split="validation", limit=3, seed=2)
        expected = Path("runs/triplane/outsider-of_mine-validation-first3-seed2")
        assert default_out(request, find_method(asked)) == expected


class Refuses:
    def __init__(self, error):
        self.error = error

    def fit(self, training_data, workdir):
        raise self.error

    def predict(self, request):
        raise NotImplementedError


def test_a_fit_that_says_what_is_wrong_is_not_spoken_over(stranger, tmp_path):
    stranger("learner", spec=SPEC + 'fit = "on-run"\n')
    entry = find_method("learner")
    with pytest.raises(DataError) as caught:
        fit_on_run(Refuses(DataError("file 7 is damaged")), entry, [], tmp_path / "fit")
    assert str(caught.value) == "file 7 is damaged"
    with pytest.raises(MethodError, match=r"'learner' could not be fitted: KeyError\('x'\)"):
        fit_on_run(Refuses(KeyError("x")), entry, [], tmp_path / "fit")
