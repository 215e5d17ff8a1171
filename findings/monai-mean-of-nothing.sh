#!/usr/bin/env bash
# MONAI 1.6.1: the mean of metrics that are all undefined is 0, which is the best Hausdorff distance there is.
#
# Where a structure is in neither mask, or a prediction is empty, a metric gives NaN for the case. aggregate() leaves
# NaN out, and if nothing else is left it answers 0.0 rather than NaN: the worst Dice, but for a Hausdorff distance the
# best. A model that predicts nothing at all has HD95 0.
#
# Seen:
#   Dice, truth empty and a voxel predicted: case nan, aggregate 0.0
#   HD95, prediction empty:                  case nan, aggregate 0.0
#   surface Dice, both empty:                case nan, aggregate 0.0
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install monai==1.6.1 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
"$python" -W ignore - <<'PYTHON'
import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric, SurfaceDiceMetric

empty = torch.zeros(1, 1, 8, 8, 8)
cube = empty.clone()
cube[..., 2:5, 2:5, 2:5] = 1
for name, metric, prediction, truth in (
    ("Dice, truth empty and a voxel predicted:", DiceMetric(), cube, empty),
    ("HD95, prediction empty:                 ", HausdorffDistanceMetric(include_background=True, percentile=95), empty, cube),
    ("surface Dice, both empty:               ", SurfaceDiceMetric([1.0], include_background=True), empty, empty),
):
    case, mean = metric(prediction, truth).item(), metric.aggregate().item()
    print(name, f"case {case}, aggregate {mean}")
    assert case != case
    assert mean == 0
PYTHON
