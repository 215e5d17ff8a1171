"""Checkpoints: one safetensors file holds every network, the configuration and where the weights come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from genmed.autoencoder import Autoencoder
from genmed.config import parse_config
from genmed.model import ShapeTextModel, build_autoencoder, build_networks
from medshape_text.files import replacing

FORMAT = "genmed-bundle-2"  # what shipped files say
_SHARED = ("autoencoder.", "pair.denoiser.prior.")  # what a model of the same latents takes from its owner


class WeightsError(RuntimeError):
    """Weights are missing, are not what was expected, or do not fit the networks."""


@dataclass(frozen=True)
class Stored:
    """What a checkpoint holds: tensors by full name, the configuration as tables, provenance and the file's hash."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    provenance: dict[str, Any]
    facts: dict[str, str]
    sha256: str


def write_tensors(
    path: Path, form: str, tensors: dict[str, Tensor], config: str, provenance: dict[str, Any], **facts: str
) -> str:
    """Write tensors in half precision; returns the file's sha256. The file appears whole or not at all."""
    halves = {
        name: (value.to(torch.float16) if value.is_floating_point() else value).contiguous()
        for name, value in tensors.items()
    }
    story = {"format": form, "config": config, "provenance": json.dumps(provenance, sort_keys=True), **facts}
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save(halves, metadata=story)
    with replacing(path) as stream:
        stream.write(data)
    return hashlib.sha256(data).hexdigest()


def read_tensors(path: Path, form: str, sha256: str | None = None) -> Stored:
    """Read what :func:`write_tensors` wrote.

    Raises:
        WeightsError: when the file is missing, has another hash than ``sha256``, or is no checkpoint of this form.
    """
    if not path.is_file():
        raise WeightsError(f"no weights at {path}; train them with: genmed-bench fit --method genmed --out {path}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 is not None and digest != sha256:
        raise WeightsError(f"{path} has sha256 {digest}, expected {sha256}; install the package again.")
    try:
        with safe_open(path, framework="pt") as stream:
            facts = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - not a mapping
        if facts.get("format") != form:
            raise WeightsError(f"{path} is no {form} file (format: {facts.get('format')}).")
        return Stored(tensors, json.loads(facts["config"]), json.loads(facts["provenance"]), facts, digest)
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as weights of this model: {error}") from error


def save_checkpoint(model: ShapeTextModel, path: Path, *, shared: bool = False) -> str:
    """Write a model of shapes and texts; returns the file's sha256.

    ``shared``: the model takes autoencoder and prior from another, so leave them out.
    """
    tensors = tensors_of(model.networks, "pair") | tensors_of(model.autoencoder, "autoencoder")
    kept = {name: value for name, value in tensors.items() if not (shared and name.startswith(_SHARED))}
    scale = repr(model.latent_scale)
    return write_tensors(path, FORMAT, kept, model.config.to_json(), model.provenance, latent_scale=scale)


def load_checkpoint(
    path: Path, device: str = "cpu", sha256: str | None = None, owner: ShapeTextModel | None = None
) -> ShapeTextModel:
    """Read weights written by :func:`save_checkpoint` in single precision, ready for inference.

    ``owner`` lends autoencoder and prior where the file leaves them out.

    Raises:
        WeightsError: when the file is missing, has another hash than ``sha256``, is no such
            checkpoint, or its tensors do not fit its configuration.
    """
    stored = read_tensors(path, FORMAT, sha256)
    tensors = stored.tensors
    if owner is not None:
        lent = tensors_of(owner.networks, "pair") | tensors_of(owner.autoencoder, "autoencoder")
        tensors = {name: value for name, value in lent.items() if name.startswith(_SHARED)} | tensors
    try:
        config = parse_config(stored.config)
        networks, autoencoder = build_networks(config), build_autoencoder(config)
        fill(networks, "pair", tensors)
        fill(autoencoder, "autoencoder", tensors)
        scale = float(stored.facts["latent_scale"])
    except (KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read as weights of this model: {error}") from error
    frozen = networks.to(device).eval().requires_grad_(False)
    ready = _for_inference(autoencoder, device)
    return ShapeTextModel(config, ready, frozen, scale, stored.provenance, stored.sha256)


def load_shipped(package: str, name: str, device: str = "cpu", owner: ShapeTextModel | None = None) -> ShapeTextModel:
    """Weights that come with a package; ``weights/<name>.json`` beside them pins their sha256.

    Raises:
        WeightsError: see :func:`load_checkpoint`.
    """
    folder = files(package).joinpath("weights")
    card = folder.joinpath(f"{name}.json")
    if not card.is_file():
        raise WeightsError(f"{package} ships no weights named {name!r}; train them with genmed-bench fit.")
    with as_file(folder.joinpath(f"{name}.safetensors")) as path:
        return load_checkpoint(path, device, json.loads(card.read_text())["sha256"], owner)


def _for_inference(autoencoder: Autoencoder, device: str) -> Autoencoder:
    """Frozen, channels last: on a CPU three-dimensional convolutions run up to twice as fast that way."""
    frozen = autoencoder.to(device).eval().requires_grad_(False)
    return frozen.to(memory_format=torch.channels_last_3d)  # type: ignore[no-any-return, call-overload]


def tensors_of(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """A module's tensors by full name; counters and other whole numbers are not weights, bytes are."""
    return {
        f"{prefix}.{name}": value.detach().cpu()
        for name, value in module.state_dict().items()
        if value.is_floating_point() or value.dtype == torch.int8
    }


def fill(module: nn.Module, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Load every weight of a module; nothing may be missing, left over or of another kind."""
    expected = tensors_of(module, prefix)
    mine = {name: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
    if set(mine) != set(expected):
        raise WeightsError(f"the weights do not fit: {sorted(set(mine) ^ set(expected))[:4]} are missing or unknown.")
    kinds = [name for name, value in mine.items() if value.is_floating_point() != expected[name].is_floating_point()]
    if kinds:
        raise WeightsError(f"the weights do not fit: {kinds[:4]} are of another number type.")
    module.load_state_dict(
        {name.removeprefix(f"{prefix}."): value.to(expected[name].dtype) for name, value in mine.items()}, strict=False
    )
