"""Finding methods by name, ours and a stranger's alike, without importing them."""

from __future__ import annotations

import sys

import pytest

from benchmark.contract import MethodContext
from benchmark.errors import MethodError, UnknownNameError
from benchmark.methods import find_method, method_names

BUILDS = "class M:\n    def predict(self, request): return request\ndef build(context): return M()\n"


def spec_with(**changes):
    fields = {
        "title": '"t"', "task_families": '["shape-completion"]', "licence": '"MIT"', "paper": '"none"',
        "implementation": '"ours"', "training_data": '"none"',
    } | changes  # fmt: skip
    return "[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in fields.items() if value is not None)


def test_a_strangers_method_is_found_and_described_without_being_imported(stranger):
    folder = stranger("stranger", "raise RuntimeError('imported')", spec_with(samples="4", fit='"on-run"'))
    assert "stranger" in method_names()
    entry = find_method("stranger")
    assert entry.folder == folder
    assert (entry.spec.name, entry.spec.samples, entry.spec.fit) == ("stranger", 4, "on-run")
    assert entry.spec.task_families == ("shape-completion",)
    assert not entry.spec.sees_truth
    assert not any(module.startswith("stranger_pkg") for module in sys.modules)


def test_building_it_imports_it(stranger):
    stranger("stranger", BUILDS)
    method = find_method("stranger").build(MethodContext())
    assert method.predict("x") == "x"


def test_our_own_methods_are_found_the_same_way():
    entry = find_method("oracle")
    assert entry.spec.sees_truth
    assert entry.folder.name == "oracle"


def test_unknown_names_say_what_was_probably_meant(stranger):
    stranger("nearest-plus")
    with pytest.raises(UnknownNameError, match="did you mean 'nearest-plus'"):
        find_method("nearest-pluss")
    with pytest.raises(UnknownNameError, match=r"known: .*nearest-plus.*oracle"):
        find_method("qqqqqq")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (None, "no readable spec"),
        ("[other]\n", r"no table \[broken\]"),
        ("[[[", "not valid TOML"),
        (spec_with(licence=None), "missing field 'licence'"),
        (spec_with(colour='"red"'), "unknown field 'colour'"),
        (spec_with(samples='"many"'), "'samples' must be of type int"),
        (spec_with(samples="0"), "at least 1"),
        (spec_with(samples="true"), "'samples' must be of type int"),
        (spec_with(fit='"often"'), "'fit' must be one of never, on-run, weights"),
        (spec_with(implementation='"theirs"'), "must be one of ours, official"),
        (spec_with(task_families='"shape-completion"'), "'task_families' must be of type"),
        (spec_with(name='"somebody"'), "its name is 'somebody'"),
    ],
)
def test_a_missing_or_invalid_spec_is_one_clear_error(stranger, spec, complaint):
    stranger("broken", BUILDS, spec)
    with pytest.raises(MethodError, match=complaint) as caught:
        find_method("broken")
    assert "'broken'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import a_package_nobody_has", "does not import"),
        ("pass", "not a factory"),
        ("def build(context): raise FileNotFoundError('weights are missing')", "does not start: weights are missing"),
    ],
)
def test_a_method_that_does_not_load_is_one_clear_error(stranger, code, complaint):
    stranger("broken", code)
    with pytest.raises(MethodError, match=complaint):
        find_method("broken").build(MethodContext())


def test_a_name_declared_twice_is_refused(stranger):
    stranger("twin", BUILDS, package="one_pkg")
    stranger("twin", BUILDS, package="two_pkg")
    with pytest.raises(MethodError, match=r"more than once: one_pkg\.method:build, two_pkg\.method:build"):
        find_method("twin")


def test_an_entry_point_to_nowhere(stranger):
    folder = stranger("ghost", BUILDS)
    (folder / "method.py").unlink()
    with pytest.raises(MethodError, match=r"no module 'ghost_pkg\.method'"):
        find_method("ghost")


def test_hashes_follow_the_spec_and_the_code(stranger):
    folder = stranger("stranger", BUILDS)
    code, spec = find_method("stranger").code_hash, find_method("stranger").spec_hash
    assert find_method("stranger").code_hash == code
    (folder / "method.py").write_text(BUILDS + "\n# changed\n")
    assert find_method("stranger").code_hash != code
    assert find_method("stranger").spec_hash == spec
    (folder / "spec.toml").write_text(spec_with(title='"another"').replace("{name}", "stranger"))
    assert find_method("stranger").spec_hash != spec


def test_training_needs_a_fit_command(stranger):
    stranger("stranger", BUILDS)
    with pytest.raises(MethodError, match="cannot be trained"):
        find_method("stranger").fit_command()
    stranger("trainable", BUILDS + "def fit_command(*arguments): return arguments\n")
    assert find_method("trainable").fit_command()(1, 2) == (1, 2)


def test_of_a_method_that_is_one_module_only_its_file_and_spec_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "alone_pkg.py").write_text(BUILDS)
    (tmp_path / "spec.toml").write_text(spec_with().replace("{name}", "alone"))
    info = tmp_path / "alone-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: alone\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[genmed_bench.methods]\nalone = alone_pkg:build\n")
    before = find_method("alone").code_hash
    (tmp_path / "somebody.py").write_text("")
    assert find_method("alone").code_hash == before
    (tmp_path / "alone_pkg.py").write_text(BUILDS + "# changed\n")
    assert find_method("alone").code_hash != before
