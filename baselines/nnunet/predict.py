"""Requests to nnU-Net's predictor and its labels to predictions, case by case.

Runs inside nnU-Net's environment; imports nothing of the toolkit. nnU-Net takes whole images, so one that was degraded
is replaced by the smoothest that reads as observed, as the toolkit's ``smoothest`` has it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SMOOTHNESS = 1e-3
ITERATIONS = 150
_CLOSE = 1e-5

Array = np.ndarray[Any, np.dtype[np.float32]]
Linear = Callable[[Array], Array]


def operator_of(declared: dict[str, Any], shape: tuple[int, ...]) -> tuple[Linear, Linear]:
    """A declared operator on images of this shape, and its transpose.

    Raises:
        ValueError: for an operator that is not known here.
    """
    name = declared["operator"]
    if name == "identity":
        return (lambda image: image), (lambda read: read)
    if name == "average-pool":
        factor = int(declared["factor"])
        blocks = [part for side in shape for part in (side // factor, factor)]

        def spread(read: Array) -> Array:
            for axis in range(3):
                read = read.repeat(factor, axis)
            return read / np.float32(factor**3)

        return (lambda image: image.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)), spread
    if name == "slices":
        axis, indices = int(declared["axis"]), list(declared["indices"])

        def put_back(read: Array) -> Array:
            image = np.zeros(shape, np.float32)
            image[(slice(None),) * axis + (indices,)] = read
            return image

        return (lambda image: image.take(indices, axis)), put_back
    raise ValueError(f"operator {name!r} is not known to this driver: nnU-Net needs a whole image")


def smoothest(value: Array, mask: Array, declared: dict[str, Any], shape: tuple[int, ...]) -> Array:
    """The image (X, Y, Z) that minimises ``|mask (A(x) - value)|^2 + SMOOTHNESS |gradient of x|^2``, float32."""
    forward, transposed = operator_of(declared, shape)
    seen = value[mask > 0]
    middle = np.float32(seen.mean()) if seen.size else np.float32(0)
    right = transposed((value - forward(np.full(shape, middle, np.float32))) * mask)
    found, residual = np.zeros_like(right), right.copy()
    direction, size = residual.copy(), float((residual**2).sum())
    least = _CLOSE**2 * size
    for _ in range(ITERATIONS):
        if size <= least:
            break
        turned = transposed(forward(direction) * mask) + np.float32(SMOOTHNESS) * _laplacian(direction)
        step = np.float32(size / float((direction * turned).sum()))
        found += step * direction
        residual -= step * turned
        size, before = float((residual**2).sum()), size
        direction = residual + np.float32(size / before) * direction
    return np.asarray(found + middle, np.float32)


def _laplacian(image: Array) -> Array:
    result = np.zeros_like(image)
    for axis in range(3):
        steps = np.diff(image, axis=axis)
        lower, upper = [slice(None)] * 3, [slice(None)] * 3
        lower[axis], upper[axis] = slice(1, None), slice(None, -1)
        result[tuple(lower)] += steps
        result[tuple(upper)] -= steps
    return result


def read_whole(folder: Path, case: dict[str, Any]) -> tuple[Array, tuple[float, ...]]:
    """The image (X, Y, Z) of a case and its spacing in mm."""
    (observed,) = case["observations"]
    if observed["format"] == "nifti":
        from nibabel import nifti1

        files = [nifti1.load(folder / observed[key]) for key in ("value", "mask")]  # type: ignore[no-untyped-call]
        value, mask = (np.asarray(file.dataobj) for file in files)
    else:
        with np.load(folder / observed["value"], allow_pickle=False) as arrays:
            value, mask = arrays["value"], arrays["mask"]
    grid = case["grid"]
    affine = np.eye(4) if grid["affine"] is None else np.array(grid["affine"])
    steps = tuple(float(step) for step in np.linalg.norm(affine[:3, :3], axis=0))
    whole = smoothest(
        np.asarray(value, np.float32), np.asarray(mask, np.float32), observed["operator"], tuple(grid["shape"])
    )
    return whole, steps


def write_labels(path: Path, labels: Array) -> None:
    """Write a prediction; it is there when it is whole."""
    part = path.with_name(path.name + ".tmp")
    with part.open("wb") as stream:
        np.savez_compressed(stream, labels=np.asarray(labels, np.uint8))
    part.rename(path)


def predictor_of(model: Path, device: str) -> Callable[[Array, tuple[float, ...]], Array]:
    """nnU-Net's own predictor with its defaults (tiles half a patch apart, mirrored): image, spacing -> labels."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        device=torch.device(device), perform_everything_on_device=device != "cpu", allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(model), use_folds=("all",))

    def predict(image: Array, steps: tuple[float, ...]) -> Array:
        # As SimpleITK reads it: axes (channel, z, y, x), spacing likewise.
        ordered = np.ascontiguousarray(image.transpose(2, 1, 0))[None]
        found = predictor.predict_single_npy_array(ordered, {"spacing": list(steps[::-1])}, None, None, False)
        return np.ascontiguousarray(np.asarray(found).transpose(2, 1, 0))

    return predict


def main(arguments: list[str]) -> None:
    """Answer a folder of requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("requests", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(name, str(given.checkpoint / "unused"))  # else nnU-Net warns that they are not set
    predict = predictor_of(given.checkpoint / "model", given.device)
    cases = json.loads((given.requests / "requests.json").read_text(encoding="utf-8"))["cases"]
    for number, case in enumerate(cases, start=1):
        image, steps = read_whole(given.requests / case["folder"], case)
        write_labels(given.predictions / f"{case['folder']}.npz", predict(image, steps))
        print(f"PROGRESS {number}/{len(cases)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
