"""CLIP's text transformer (Radford et al. 2021) at the one setting that the small tower uses.

open_clip has it at every setting, and imports torchvision, timm and torch's compiler on the way: 2400 modules for one
layer. This one has its names of weights, its initial weights and its results, bit for bit.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


class TextTransformer(nn.Module):
    """Tokens (B, context) to features (B, output_dim): causal attention, read off at the token of the text's end."""

    def __init__(
        self, context_length: int, vocab_size: int, width: int, heads: int, layers: int, output_dim: int
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.positional_embedding = nn.Parameter(torch.empty(context_length, width))
        self.transformer = _Blocks(width, heads, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, output_dim))
        hidden = torch.full((context_length, context_length), float("-inf")).triu_(1)
        self.register_buffer("later_tokens", hidden, persistent=False)
        self.later_tokens: Tensor
        self._draw_weights(width, layers)

    def forward(self, tokens: Tensor) -> Tensor:
        """Features of the texts; the end of a text has the highest token."""
        features = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]
        features = self.ln_final(self.transformer(features, self.later_tokens))
        ends = features[torch.arange(len(tokens), device=tokens.device), tokens.argmax(dim=-1)]
        projected: Tensor = ends @ self.text_projection
        return projected

    def _draw_weights(self, width: int, layers: int) -> None:
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        for block in self.transformer.resblocks:
            assert isinstance(block, _Block)  # noqa: S101
            into_the_sum = width**-0.5 * (2 * layers) ** -0.5  # 2 terms a layer are added up
            nn.init.normal_(block.attn.in_proj_weight, std=width**-0.5)
            nn.init.normal_(block.attn.out_proj.weight, std=into_the_sum)
            nn.init.normal_(block.mlp.get_parameter("c_fc.weight"), std=(2 * width) ** -0.5)
            nn.init.normal_(block.mlp.get_parameter("c_proj.weight"), std=into_the_sum)
        nn.init.normal_(self.text_projection, std=width**-0.5)


class _Blocks(nn.Module):
    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        for block in self.resblocks:
            features = block(features, hidden)
        return features


class _Block(nn.Module):
    """Attention and two layers, each of the normalised features and added to them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        layers = OrderedDict(c_fc=nn.Linear(width, 4 * width), gelu=nn.GELU(), c_proj=nn.Linear(4 * width, width))
        self.mlp = nn.Sequential(layers)

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        normal = self.ln_1(features)
        features = features + self.attn(normal, normal, normal, need_weights=False, attn_mask=hidden)[0]
        changed: Tensor = features + self.mlp(self.ln_2(features))
        return changed
