#!/usr/bin/env bash
# torchmetrics 1.9.0: the Dice score of two label maps is above 1, even if a class is missed.
#
# dice_score takes (N, H, W) or (N, D, H, W) integers in its default input format, which means one-hot: it takes the
# first spatial axis for classes and the labels for numbers of voxels, and multiplies them. No error, no warning. With
# input_format="index" the same call is right.
#
# Seen (labels 1 and 2, Dice over all classes):
#   default: equal to itself 1.6667, class 1 missed 1.6000
#   index:   equal to itself 1.0000, class 1 missed 0.3333
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6
"$python" -W ignore - <<'PYTHON'
import torch
from torchmetrics.functional.segmentation import dice_score

truth = torch.zeros(1, 8, 8, dtype=torch.long)
truth[0, :, :4] = 1
truth[0, :, 4:] = 2
missed = torch.where(truth == 1, 0, truth)
found = {}
for name, options in (("default:", {}), ("index:  ", {"input_format": "index"})):
    found[name] = [float(dice_score(each, truth, num_classes=3, **options)) for each in (truth, missed)]
    print(name, "equal to itself {:.4f}, class 1 missed {:.4f}".format(*found[name]))
assert min(found["default:"]) > 1.5
assert found["index:  "][0] == 1
assert found["index:  "][1] < 0.5
PYTHON
