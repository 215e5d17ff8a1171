"""Weights of the joint model of image and structures as one safetensors file."""

from __future__ import annotations

from pathlib import Path

from genmed.checkpoint import WeightsError, fill, read_tensors, tensors_of, write_tensors
from genmed.volumes.config import parse_volume_config
from genmed.volumes.denoiser import VoxelDenoiser
from genmed.volumes.model import VolumeModel

FORMAT = "genmed-volumes-1"


def save_volume_model(model: VolumeModel, path: Path) -> str:
    """Write the weights in half precision; returns the file's sha256. The file appears whole or not at all."""
    return write_tensors(path, FORMAT, tensors_of(model.denoiser, "denoiser"), model.config.to_json(), model.provenance)


def load_volume_model(path: Path, device: str = "cpu", sha256: str | None = None) -> VolumeModel:
    """Read weights written by :func:`save_volume_model` in single precision, ready for inference.

    Raises:
        WeightsError: when the file is missing, has another hash than ``sha256``, is no such checkpoint, or its tensors
            do not fit its configuration.
    """
    stored = read_tensors(path, FORMAT, sha256)
    try:
        config = parse_volume_config(stored.config)
        denoiser = VoxelDenoiser(config)
        fill(denoiser, "denoiser", stored.tensors)
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"{path} cannot be read as weights of this model: {error}") from error
    ready = denoiser.to(device).eval().requires_grad_(False)
    return VolumeModel(config, ready, provenance=stored.provenance, sha256=stored.sha256)
