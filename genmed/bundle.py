"""Trained weights as one safetensors file: every network, the configuration and where they come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from genmed.autoencoder import Autoencoder
from genmed.config import Config, parse_config
from genmed.denoiser import Denoiser
from genmed.diffusion import Schedule, cosine_schedule
from genmed.pair import PairModel
from genmed.text import SmallTextTower
from medshape_text.files import replacing

FORMAT = "genmed-bundle-2"
_SHARED = ("autoencoder.", "pair.denoiser.prior.")  # what a model of the same latents takes from its owner


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
    provenance: dict[str, Any]
    sha256: str = ""

    @cached_property
    def schedule(self) -> Schedule:
        """The noise levels of the configuration."""
        return cosine_schedule(self.config.diffusion_steps)

    def encode(self, sdf: Tensor) -> Tensor:
        """Normalised latents of (B, 64, 64, 64) SDFs."""
        return self.autoencoder.encode(sdf[:, None]) / self.latent_scale

    def decode(self, latent: Tensor) -> Tensor:
        """SDFs (B, 64, 64, 64), not clipped, of normalised latents."""
        if len(latent) == 1 and latent.device.type == "cpu":
            # torch 2.13 has a slow kernel for the convolution of one small volume and a fast one for several:
            # with a copy beside it, one takes a third of the time.
            return self.decode(latent.expand(2, *latent.shape[1:]))[:1]
        return self.autoencoder.decode(latent * self.latent_scale)[:, 0]


def build_autoencoder(config: Config) -> Autoencoder:
    """An untrained autoencoder."""
    sizes = config.autoencoder
    return Autoencoder(sizes.latent_channels, sizes.widths, sizes.blocks, sizes.patch)


def build_pair(config: Config) -> PairModel:
    """An untrained denoiser with its text tower."""
    return PairModel(Denoiser(config.denoiser), SmallTextTower(config.text))


def save_bundle(bundle: Bundle, path: Path, *, shared: bool = False) -> str:
    """Write the weights in half precision; returns the file's sha256. The file appears whole or not at all.

    ``shared``: the model takes autoencoder and prior from another bundle, so leave them out.
    """
    modules: dict[str, nn.Module] = {"pair": bundle.pair, "autoencoder": bundle.autoencoder}
    tensors = {
        name: (value.to(torch.float16) if value.is_floating_point() else value).contiguous()
        for prefix, module in modules.items()
        for name, value in _tensors_of(module, prefix).items()
        if not (shared and name.startswith(_SHARED))
    }
    facts = {
        "format": FORMAT,
        "config": bundle.config.to_json(),
        "latent_scale": repr(bundle.latent_scale),
        "provenance": json.dumps(bundle.provenance, sort_keys=True),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save(tensors, metadata=facts)
    with replacing(path) as stream:
        stream.write(data)
    return hashlib.sha256(data).hexdigest()


def load_bundle(path: Path, device: str = "cpu", sha256: str | None = None, owner: Bundle | None = None) -> Bundle:
    """Read weights written by :func:`save_bundle` in single precision, ready for inference.

    ``owner`` lends autoencoder and prior where the file leaves them out.

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
        config = parse_config(json.loads(facts["config"]))
        if owner is not None:
            lent = _tensors_of(owner.pair, "pair") | _tensors_of(owner.autoencoder, "autoencoder")
            tensors = {name: value for name, value in lent.items() if name.startswith(_SHARED)} | tensors
        pair, autoencoder = build_pair(config), build_autoencoder(config)
        _fill(pair, "pair", tensors)
        _fill(autoencoder, "autoencoder", tensors)
        bundle = Bundle(
            config, _for_inference(autoencoder, device), pair.to(device).eval().requires_grad_(False),
            float(facts["latent_scale"]), json.loads(facts["provenance"]), digest,
        )  # fmt: skip
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read as weights of this model: {error}") from error
    return bundle


def load_shipped(package: str, name: str, device: str = "cpu", owner: Bundle | None = None) -> Bundle:
    """Weights that come with a package; ``weights/<name>.json`` beside them pins their sha256.

    Raises:
        WeightsError: see :func:`load_bundle`.
    """
    folder = files(package).joinpath("weights")
    card = folder.joinpath(f"{name}.json")
    if not card.is_file():
        raise WeightsError(f"{package} ships no weights named {name!r}; train them with genmed-bench fit.")
    with as_file(folder.joinpath(f"{name}.safetensors")) as path:
        return load_bundle(path, device, json.loads(card.read_text())["sha256"], owner)


def _for_inference(autoencoder: Autoencoder, device: str) -> Autoencoder:
    """Frozen, channels last: on a CPU three-dimensional convolutions run up to twice as fast that way."""
    frozen = autoencoder.to(device).eval().requires_grad_(False)
    return frozen.to(memory_format=torch.channels_last_3d)  # type: ignore[no-any-return, call-overload]


def _tensors_of(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """A module's tensors by full name; counters and other whole numbers are not weights, bytes are."""
    return {
        f"{prefix}.{name}": value.detach().cpu()
        for name, value in module.state_dict().items()
        if value.is_floating_point() or value.dtype == torch.int8
    }


def _fill(module: nn.Module, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Load every weight of a module; nothing may be missing, left over or of another kind."""
    expected = _tensors_of(module, prefix)
    mine = {name: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
    if set(mine) != set(expected):
        raise WeightsError(f"the weights do not fit: {sorted(set(mine) ^ set(expected))[:4]} are missing or unknown.")
    kinds = [name for name, value in mine.items() if value.is_floating_point() != expected[name].is_floating_point()]
    if kinds:
        raise WeightsError(f"the weights do not fit: {kinds[:4]} are of another number type.")
    module.load_state_dict(
        {name.removeprefix(f"{prefix}."): value.to(expected[name].dtype) for name, value in mine.items()}, strict=False
    )
