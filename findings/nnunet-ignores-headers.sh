#!/usr/bin/env bash
# nnunetv2 2.8.1: a prediction 50 mm off, with voxels three times as long, has a Dice of 1.
#
# compute_metrics_on_folder, which validation calls, reads both files with their geometry and compares the arrays only.
# A truth without a prediction is left out of the mean (its argument chill is True by default). Nothing is said of either.
#
# Seen:
#   case a, prediction moved by 50 mm, spacing 3 instead of 1: Dice 1.0
#   with case b, which has no prediction: 1 case scored, mean Dice 1.0
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install nnunetv2==2.8.1 SimpleITK==2.5.7 torch==2.13.0 numpy==2.4.6
export nnUNet_raw=$place nnUNet_preprocessed=$place nnUNet_results=$place
cat >evaluate.py <<'PYTHON'
import os

import numpy as np
import SimpleITK
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO


def write(path, origin, spacing):
    mask = np.zeros((10, 10, 10), np.uint8)
    mask[2:6, 2:6, 2:6] = 1
    image = SimpleITK.GetImageFromArray(mask)
    image.SetOrigin(origin)
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, path)


def evaluate():
    return compute_metrics_on_folder("truth", "found", "out.json", SimpleITKIO(), ".nii.gz", [1], num_processes=1)


if __name__ == "__main__":  # it starts processes that import this file
    os.mkdir("truth")
    os.mkdir("found")
    write("truth/a.nii.gz", (0, 0, 0), (1, 1, 1))
    write("found/a.nii.gz", (50, 0, 0), (1, 1, 3))
    one = evaluate()
    write("truth/b.nii.gz", (0, 0, 0), (1, 1, 1))
    two = evaluate()
    print("case a, prediction moved by 50 mm, spacing 3 instead of 1: Dice", one["foreground_mean"]["Dice"])
    print("with case b, which has no prediction:", len(two["metric_per_case"]), "case scored, mean Dice",
          two["foreground_mean"]["Dice"])
    assert one["foreground_mean"]["Dice"] == 1
    assert (len(two["metric_per_case"]), two["foreground_mean"]["Dice"]) == (1, 1)
PYTHON
"$python" -W ignore evaluate.py
