"""Training data to nnU-Net raw, then nnU-Net's own commands: plan, preprocess, train.

Runs inside nnU-Net's environment; imports nothing of the toolkit. What is left in the work folder is ``model``, as
``nnUNetv2_predict_from_modelfolder`` takes it. Stopped and run again it goes on after the last finished epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

DATASET = "Dataset001_genmed"
FOLD = "all"
"""No cross-validation: fold 0 of five would need five cases, and few-shot tasks have two."""
TRAINER = "nnUNetTrainerBudget"
CONFIGURATION = "3d_fullres"
CHANNELS = {"ct": "CT"}
"""Modality -> nnU-Net's channel name, which decides normalisation: CT by the statistics of all foreground voxels."""
OTHER_CHANNEL = "zscore"
"""Every other modality: each image by its own mean and standard deviation."""


def channel_name(modality: str) -> str:
    """What nnU-Net is told of a modality.

    >>> channel_name("ct"), channel_name("mr")
    ('CT', 'zscore')
    """
    return CHANNELS.get(modality.lower(), OTHER_CHANNEL)


def usable(examples: list[dict[str, Any]], structures: list[str]) -> list[dict[str, Any]]:
    """The examples in which every structure is annotated; nnU-Net would learn the others as background.

    Raises:
        SystemExit: if there are none.
    """
    found = [each for each in examples if each["annotated"] is None or set(structures) <= set(each["annotated"])]
    if not found:
        raise SystemExit("no training case has all structures annotated, and nnU-Net cannot leave some out")
    return found


def write_raw(training: Path, raw: Path) -> int:
    """Write ``raw/Dataset001_genmed`` in nnU-Net's layout; returns the number of cases.

    Cases are named by their place, so any id will do.
    """
    import nibabel

    told = json.loads((training / "training.json").read_text(encoding="utf-8"))
    structures = told["spaces"]["labels"]["names"]
    (modality,) = told["spaces"]["image"]["names"]
    examples = usable(told["examples"], structures)
    folder = raw / DATASET
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(examples):
        with np.load(training / example["file"], allow_pickle=False) as parts:
            image, labels = np.asarray(parts["image"], np.float32), np.asarray(parts["labels"], np.uint8)
        affine = np.array(example["grid"]["affine"] if example["grid"]["affine"] is not None else np.eye(4))
        case = f"case{number:05d}"
        for array, name in ((image, f"imagesTr/{case}_0000.nii.gz"), (labels, f"labelsTr/{case}.nii.gz")):
            nibabel.Nifti1Image(array, affine).to_filename(folder / name)  # type: ignore[no-untyped-call]
    described = {
        "channel_names": {"0": channel_name(modality)},
        "labels": {"background": 0} | {name: index + 1 for index, name in enumerate(structures)},
        "numTraining": len(examples),
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
    return len(examples)


def variables(work: Path, epochs: int, iterations: int) -> dict[str, str]:
    """Environment variables of nnU-Net's commands."""
    return dict(os.environ) | {
        "nnUNet_raw": str(work / "raw"),
        "nnUNet_preprocessed": str(work / "preprocessed"),
        "nnUNet_results": str(work / "results"),
        "nnUNet_extTrainer": str(work / "trainer"),
        "nnUNet_compile": "f",
        "nnUNet_n_proc_DA": "1",  # planning takes it for a number of threads
        "nnUNet_def_n_proc": "1",
        "GENMED_EPOCHS": str(epochs),
        "GENMED_ITERATIONS": str(iterations),
    }


def keep_model(results: Path, model: Path) -> None:
    """Copy what predicting takes, without optimiser, curves and times, so that the same training is the same bytes."""
    import torch

    (trained,) = (results / DATASET).glob(f"{TRAINER}__*__{CONFIGURATION}")
    part = model.with_name("model.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / f"fold_{FOLD}").mkdir(parents=True)
    for name in ("plans.json", "dataset.json"):
        shutil.copyfile(trained / name, part / name)
    state = torch.load(trained / f"fold_{FOLD}" / "checkpoint_final.pth", map_location="cpu", weights_only=False)
    kept = {name: state[name] for name in ("network_weights", "init_args", "inference_allowed_mirroring_axes")}
    # Our trainer builds nnU-Net's network; by this name it is found anywhere.
    torch.save(kept | {"trainer_name": "nnUNetTrainer"}, part / f"fold_{FOLD}" / "checkpoint_final.pth")
    part.rename(model)


def main(arguments: list[str]) -> None:
    """Learn; see `docs/external_methods.md` of the toolkit for what the folders hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("training", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    work, device = given.work, given.device.split(":")[0]
    told = variables(work, given.epochs, given.iterations)
    if (work / "model").is_dir():
        return
    if not (work / "planned").exists():
        for name in ("raw", "preprocessed", "results"):
            shutil.rmtree(work / name, ignore_errors=True)
        write_raw(given.training, work / "raw")
        plan = ["nnUNetv2_plan_and_preprocess", "-d", "1", "-c", CONFIGURATION, "-npfp", "1", "-np", "1"]
        subprocess.run([*plan, "--verify_dataset_integrity"], env=told, check=True)  # noqa: S603
        (work / "planned").touch()
    started = list((work / "results").glob("*/*/*/checkpoint_latest.pth"))
    train = ["nnUNetv2_train", "1", CONFIGURATION, FOLD, "-tr", TRAINER, "-device", device]
    told["nnUNet_n_proc_DA"] = "0"  # batches are drawn in the process that is seeded
    subprocess.run([*train, *(["--c"] if started else [])], env=told, check=True)  # noqa: S603
    keep_model(work / "results", work / "model")
    for name in ("raw", "preprocessed", "results"):
        shutil.rmtree(work / name, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
