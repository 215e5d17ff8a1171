"""Text encoders behind one small protocol: a tower trained with the model, or a pretrained one by name."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from genmed.text_transformer import TextTransformer


class TextEncoder(Protocol):
    """Texts to embeddings of fixed width."""

    dim: int

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(B, dim) float32 embeddings with root-mean-square 1 per text."""
        ...


@dataclass(frozen=True)
class TextConfig:
    """Sizes of the small tower. The vocabulary is open_clip's BPE vocabulary, which ships with that library."""

    dim: int = 64
    width: int = 32
    layers: int = 1
    heads: int = 2
    context: int = 32


class SmallTextTower(nn.Module):
    """A text transformer as in open_clip, of a few million parameters, trained together with the denoiser."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.dim = config.dim
        self.tokenizer = _tokenizer_module().SimpleTokenizer(context_length=config.context)
        self.tower = TextTransformer(
            context_length=config.context, vocab_size=self.tokenizer.vocab_size, width=config.width,
            heads=config.heads, layers=config.layers, output_dim=config.dim,
        )  # fmt: skip

    def encode(self, texts: Sequence[str]) -> Tensor:
        """See :class:`TextEncoder`. Differentiable in the tower's weights."""
        tokens = self.tokenizer(list(texts)).to(self.tower.positional_embedding.device)
        features: Tensor = self.tower(tokens)
        return _unit(features)


class PretrainedTextTower:
    """A frozen open_clip text tower by name; ``weights`` is a pretrained tag or a local checkpoint."""

    def __init__(self, name: str, weights: str | Path, device: str = "cpu") -> None:
        open_clip = import_open_clip()
        self._model = open_clip.create_model(name, pretrained=str(weights), device=device).eval().requires_grad_(False)
        self._tokenizer = open_clip.get_tokenizer(name)
        self._device = device
        self.dim = int(self.encode(["probe"]).shape[1])

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """See :class:`TextEncoder`."""
        features: Tensor = self._model.encode_text(self._tokenizer(list(texts)).to(self._device)).float()
        return _unit(features)


def _unit(features: Tensor) -> Tensor:
    """Scale (B, D) features to a root-mean-square of 1 per row."""
    scaled: Tensor = nn.functional.normalize(features, dim=1) * features.shape[1] ** 0.5
    return scaled


@lru_cache(maxsize=1)
def _tokenizer_module() -> ModuleType:
    """open_clip's tokenizer.py alone: importing the package takes longer than completing a shape."""
    package = importlib.util.find_spec("open_clip")
    if package is None or package.origin is None:
        raise ImportError("open_clip is not installed: pip install open_clip_torch")
    spec = importlib.util.spec_from_file_location("open_clip.tokenizer", Path(package.origin).parent / "tokenizer.py")
    assert spec is not None  # noqa: S101 - the name ends in .py
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=1)
def import_open_clip() -> ModuleType:
    """Import open_clip, also where a CUDA-built torchvision sits beside a CPU-only torch.

    open_clip imports torchvision for image transforms; that torchvision registers fake kernels for
    operators its CUDA library would define and fails without them. Declaring the two operator
    schemas lets the import pass; nothing here calls them.
    """
    _declare_torchvision_operators()
    import open_clip  # slow, and only needed for a pretrained tower

    module: ModuleType = open_clip
    return module


_libraries: list[Any] = []  # torch drops a library's operators when the object goes


def _declare_torchvision_operators() -> None:
    spec = importlib.util.find_spec("torchvision")
    if "torchvision" in sys.modules or spec is None or spec.origin is None:
        return
    for extension in Path(spec.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(extension)  # type: ignore[no-untyped-call]
        except OSError:  # built for CUDA: its libraries are not on this machine
            continue
    if not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]
        _libraries.append(library)
