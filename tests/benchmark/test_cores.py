"""Cores and threads: what affinity, cgroups and OMP_NUM_THREADS allow, and what torch is told of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from benchmark import cores
from benchmark.determinism import make_deterministic


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "cpu_quota", lambda: None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("quota", "expected"), [(None, 8), (2.0, 2), (1.5, 1), (0.25, 1), (16.0, 8)], ids=["none", "2", "1.5", "0.25", "16"]
)
def test_cores_are_those_of_the_affinity_within_the_quota(eight_cores, quota, expected):
    eight_cores.setattr(cores, "cpu_quota", lambda: quota)
    assert cores.available_cores() == expected
    assert cores.threads(cores.available_cores()) == expected


@pytest.mark.parametrize(
    ("variable", "default", "expected"),
    [
        (None, 1, 1), (None, 8, 8), ("3", 1, 3), ("3", 8, 3), ("4,2", 1, 4), ("99", 1, 8),
        ("", 1, 1), ("0", 1, 1), ("-2", 8, 8), ("many", 1, 1),
    ],
)  # fmt: skip
def test_threads_are_one_unless_the_variable_or_the_caller_says_otherwise(eight_cores, variable, default, expected):
    if variable is not None:
        eight_cores.setenv("OMP_NUM_THREADS", variable)
    assert cores.threads(default) == expected


def write_group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


class TestQuota:
    def quota(self, root, *membership):
        (root / "membership").write_text("".join(f"{line}\n" for line in membership))
        return cores.cpu_quota(root, root / "membership")

    def test_version_2_takes_the_tightest_of_the_group_and_its_parents(self, tmp_path):
        write_group(tmp_path / "user" / "job", cpu__max="max 100000")
        write_group(tmp_path / "user", cpu__max="150000 100000")
        assert self.quota(tmp_path, "0::/user/job") == 1.5
        write_group(tmp_path / "user" / "job", cpu__max="50000 100000")
        assert self.quota(tmp_path, "0::/user/job") == 0.5
        assert self.quota(tmp_path, "0::/") is None

    def test_version_1_has_two_files_and_two_names(self, tmp_path):
        membership = "4:memory:/elsewhere", "3:cpuset:/", "2:cpu,cpuacct:/job"
        for mount in ("cpu", "cpu,cpuacct"):  # a link to one another where both are there
            write_group(tmp_path / mount / "job", cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")
            assert self.quota(tmp_path, *membership) == 3
        write_group(tmp_path / "cpu,cpuacct" / "job", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
        assert self.quota(tmp_path, *membership) is None

    def test_in_a_container_the_path_is_the_hosts_and_the_root_is_ours(self, tmp_path):
        write_group(tmp_path, cpu__max="200000 100000")
        assert self.quota(tmp_path, "0::/docker/0123abcd") == 2
        assert self.quota(tmp_path, "0::/../..") == 2

    @pytest.mark.parametrize("text", ["", "max", "many 100000", "1 0 0", "0 100000"])
    def test_what_cannot_be_read_limits_nothing(self, tmp_path, text):
        write_group(tmp_path, cpu__max=text)
        assert self.quota(tmp_path, "0::/") is None
        assert cores.cpu_quota(tmp_path / "nothing", tmp_path / "nothing") is None


class TestTorch:
    @pytest.fixture(autouse=True)
    def as_before(self, monkeypatch):
        for name in ("CUBLAS_WORKSPACE_CONFIG", "TORCHINDUCTOR_DETERMINISTIC"):
            monkeypatch.setenv(name, os.environ.get(name, ""))  # is put back afterwards
            monkeypatch.delenv(name)
        count, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
        yield
        torch.set_num_threads(count)
        torch.set_deterministic_debug_mode(mode)

    def test_threads_follow_the_variable(self, eight_cores):
        make_deterministic()
        assert torch.get_num_threads() == 1
        eight_cores.setenv("OMP_NUM_THREADS", "2")
        make_deterministic()
        assert torch.get_num_threads() == 2

    def test_the_operators_flag_is_that_of_the_public_function(self):
        torch.use_deterministic_algorithms(True, warn_only=True)
        expected = torch.get_deterministic_debug_mode(), torch.is_deterministic_algorithms_warn_only_enabled()
        torch.set_deterministic_debug_mode("default")
        make_deterministic()
        assert torch.are_deterministic_algorithms_enabled()
        assert expected == (torch.get_deterministic_debug_mode(), torch.is_deterministic_algorithms_warn_only_enabled())


PROGRAM = """
import os, sys
class Watch:
    def find_spec(self, name, *_):
        if name == "torch":
            print("torch after", os.environ.get("OMP_WAIT_POLICY"), os.environ.get("KMP_BLOCKTIME"))
sys.meta_path.insert(0, Watch())
from {package}.cli import app
import benchmark.determinism
benchmark.determinism.make_deterministic()
print("compiler" if "torch._inductor" in sys.modules or "sympy" in sys.modules else "no compiler")
import torch._inductor.config
print("deterministic", torch._inductor.config.deterministic)
"""


@pytest.mark.parametrize(("said", "waits"), [({}, "PASSIVE 0"), ({"OMP_WAIT_POLICY": "active"}, "active 0")])
def test_openmp_is_told_to_sleep_before_torch_and_no_compiler_is_imported(said, waits):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "KMP_", "TORCH"))}
    program = PROGRAM.format(package="leaderboard")
    answer = subprocess.run([sys.executable, "-c", program], env=environment | said, capture_output=True, text=True)
    assert answer.stdout.splitlines() == [f"torch after {waits}", "no compiler", "deterministic True"], answer.stderr
