#!/usr/bin/env bash
# MONAI 1.6.1, MedPy 0.5.2, surface-distance 0.1: one pair of masks has three distances named "95th percentile Hausdorff".
#
# A cube, and the same cube with a thin spike. MONAI takes the larger of the percentiles of both directions, MedPy one
# percentile of the distances of both directions together, DeepMind's surface-distance the larger of two percentiles
# weighted by area. All three are right by their own definition and none says which it is. The unabridged distance is 6.
#
# Seen:
#   MONAI 2.25, MedPy 0.00, surface-distance 3.00
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install monai==1.6.1 MedPy==0.5.2 surface-distance==0.1 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
"$python" -W ignore - <<'PYTHON'
import medpy.metric
import numpy as np
import surface_distance
import torch
from monai.metrics import compute_hausdorff_distance

cube = np.zeros((24, 24, 24), bool)
cube[8:16, 8:16, 8:16] = True
spike = cube.copy()
spike[11:13, 11:13, 16:22] = True
tensors = [torch.from_numpy(mask)[None, None].float() for mask in (cube, spike)]
monai = compute_hausdorff_distance(*tensors, include_background=True, percentile=95).item()
medpy = medpy.metric.hd95(cube, spike)
distances = surface_distance.compute_surface_distances(cube, spike, (1, 1, 1))
deepmind = surface_distance.compute_robust_hausdorff(distances, 95)
print(f"MONAI {monai:.2f}, MedPy {medpy:.2f}, surface-distance {deepmind:.2f}")
assert np.allclose([monai, medpy, deepmind], [2.25, 0, 3], atol=1e-5)
PYTHON
