"""GenMed with questions it was never written for, and what inference imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.contract import CANONICAL, MethodContext, Observation, Request, Space
from benchmark.metrics import dice
from benchmark.observations import AveragePool
from benchmark.spaces import SDF, problem_of
from benchmark.tasks import find_family, find_task
from benchmark.tasks.shape_completion.prompts import observe
from genmed.method import genmed, genmed_base


@pytest.mark.parametrize("category", ["hip_right", "femur_left", "tibia_left"])
def test_a_shape_is_completed_from_a_quarter_of_its_resolution(mini_dir: Path, category: str) -> None:
    """16 x 16 x 16 means of distances: no prompt of any task, and nothing in genmed knows of it."""
    source = find_family("shape-completion").cases(find_task("oneplane"), mini_dir, "test")
    case = next(case for case in map(source.case, (g.id for g in source.groups)) if case.category == category)
    truth = case.truth["shape"]
    value = truth.reshape(16, 4, 16, 4, 16, 4).mean(axis=(1, 3, 5), dtype=np.float64).astype(np.float32)
    seen = Observation("shape", AveragePool(4), value, np.ones((16, 16, 16), bool), True, SDF)
    request = Request(case.id, case.category, case.text, CANONICAL, (seen,), {"shape": SDF}, seed=3)
    guided, unguided = (
        float(dice(factory(MethodContext()).predict(request).parts["shape"], truth, sdf=True))
        for factory in (genmed, genmed_base)
    )
    assert guided > 0.93
    assert guided > unguided + 0.05


def test_inference_does_not_import_training() -> None:
    code = "import sys, genmed.method; print([m for m in sys.modules if m.startswith(('genmed.train', 'genmed.loop'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


STRUCTURES = ("left femur", "left fibula", "left hip bone", "right hip bone", "left patella", "sacrum", "left tibia")


def test_the_name_of_a_shape_can_be_asked_for() -> None:
    """Drawn from its name, shown as eight planes, named again; one in seven would be chance."""
    named = 0
    for index, name in enumerate(STRUCTURES):
        drawn = genmed_base(MethodContext()).predict(_request(name, (), {"shape": SDF}, index)).parts["shape"]
        seen = observe("multiplane", drawn, 0)
        answer = Space("choice", "int64", names=STRUCTURES)
        parts = genmed(MethodContext()).predict(_request("", (seen,), {"text": answer}, index)).parts
        assert problem_of(parts["text"], answer, None) is None
        named += int(parts["text"]) == index
    assert named >= 5


def _request(text: str, seen: tuple[Observation, ...], outputs: dict[str, Space], seed: int) -> Request:
    return Request("case", "any", text, CANONICAL, seen, outputs, seed)
