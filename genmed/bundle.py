"""Trained weights as one safetensors file: every network, the configuration and where they come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from genmed.autoencoder import Autoencoder
from genmed.config import Config, parse_config
from genmed.denoiser import Denoiser
from genmed.diffusion import Schedule, cosine_schedule
from genmed.text import SmallTextTower
from genmed.train_denoiser import PairModel

FORMAT = "genmed-bundle-1"


class WeightsError(RuntimeError):
    """Weights are missing, are not what was expected, or do not fit the networks."""


@dataclass
class Bundle:
    """A model ready to sample from.

    ``latent_scale``: normalised latent = encoder output / latent_scale.
    """

    config: Config
    autoencoder: Autoencoder
    pair: PairModel
    latent_scale: float
    schedule: Schedule
    provenance: dict[str, Any]
    sha256: str = ""

    def encode(self, sdf: Tensor) -> Tensor:
        """Normalised latents of (B, 64, 64, 64) SDFs."""
        return self.autoencoder.encode(sdf[:, None]) / self.latent_scale

    def decode(self, latent: Tensor) -> Tensor:
        """SDFs (B, 64, 64, 64), not clipped, of normalised latents."""
        return self.autoencoder.decode(latent * self.latent_scale)[:, 0]


def build_autoencoder(config: Config) -> Autoencoder:
    """An untrained autoencoder."""
    sizes = config.autoencoder
    return Autoencoder(sizes.latent_channels, sizes.widths, sizes.blocks, sizes.patch)


def build_pair(config: Config) -> PairModel:
    """An untrained denoiser with its text tower."""
    return PairModel(Denoiser(config.denoiser), SmallTextTower(config.text))


def save_bundle(bundle: Bundle, path: Path, *, with_autoencoder: bool = True) -> str:
    """Write the weights in half precision; returns the file's sha256. The file appears whole or not at all.

    A model that shares another's autoencoder leaves it out, and has to be given it again when loaded.
    """
    modules: dict[str, nn.Module] = {"pair": bundle.pair}
    if with_autoencoder:
        modules["autoencoder"] = bundle.autoencoder
    tensors = {
        f"{prefix}.{name}": value.detach().cpu().to(torch.float16).contiguous()
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
        if value.is_floating_point()
    }
    facts = {
        "format": FORMAT,
        "config": bundle.config.to_json(),
        "latent_scale": repr(bundle.latent_scale),
        "provenance": json.dumps(bundle.provenance, sort_keys=True),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata=facts)
    temporary.replace(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_bundle(
    path: Path, device: str = "cpu", sha256: str | None = None, autoencoder: Autoencoder | None = None
) -> Bundle:
    """Read weights written by :func:`save_bundle` in single precision, ready for inference.

    ``autoencoder`` is used where the file holds none.

    Raises:
        WeightsError: when the file is missing, has another hash than ``sha256``, is not such a
            bundle, or its tensors do not fit its configuration.
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
        if facts.get("format") != FORMAT:
            raise WeightsError(f"{path} is no {FORMAT} file (format: {facts.get('format')}).")
        config = parse_config(_untuple(json.loads(facts["config"])))
        pair = build_pair(config)
        _fill(pair, "pair.", tensors)
        if autoencoder is None:
            autoencoder = build_autoencoder(config)
            _fill(autoencoder, "autoencoder.", tensors)
        bundle = Bundle(
            config, _for_inference(autoencoder, device), pair.to(device).eval().requires_grad_(False),
            float(facts["latent_scale"]), cosine_schedule(config.diffusion_steps),
            json.loads(facts["provenance"]), digest,
        )  # fmt: skip
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read as weights of this model: {error}") from error
    return bundle


def load_shipped(package: str, name: str, device: str = "cpu", autoencoder: Autoencoder | None = None) -> Bundle:
    """Weights that come with a package; ``weights/<name>.json`` beside them pins their sha256.

    Raises:
        WeightsError: see :func:`load_bundle`.
    """
    folder = files(package).joinpath("weights")
    card = folder.joinpath(f"{name}.json")
    if not card.is_file():
        raise WeightsError(f"{package} ships no weights named {name!r}; train them with genmed-bench fit.")
    with as_file(folder.joinpath(f"{name}.safetensors")) as path:
        return load_bundle(path, device, json.loads(card.read_text())["sha256"], autoencoder)


def _for_inference(autoencoder: Autoencoder, device: str) -> Autoencoder:
    """Frozen, channels last: on a CPU three-dimensional convolutions run up to twice as fast that way."""
    frozen = autoencoder.to(device).eval().requires_grad_(False)
    return frozen.to(memory_format=torch.channels_last_3d)  # type: ignore[no-any-return, call-overload]


def _fill(module: nn.Module, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Load every floating-point tensor of a module; nothing may be missing or left over."""
    mine = {name.removeprefix(prefix): value.float() for name, value in tensors.items() if name.startswith(prefix)}
    expected = {name for name, value in module.state_dict().items() if value.is_floating_point()}
    if set(mine) != expected:
        raise WeightsError(f"the weights do not fit: {sorted(set(mine) ^ expected)[:4]} are missing or unknown.")
    module.load_state_dict(mine, strict=False)


def _untuple(config: dict[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, dict) else value for key, value in config.items()}
