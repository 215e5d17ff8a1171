"""Layouts, invertibility and what the denoiser answers before it has learnt anything."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from genmed.autoencoder import Autoencoder, depth_to_space, reconstruction_loss, space_to_depth
from genmed.denoiser import Denoiser, DenoiserConfig
from genmed.diffusion import cosine_schedule
from genmed.pair import GIVEN, level_of


def test_depth_to_space_inverts_space_to_depth() -> None:
    volume = torch.arange(2 * 3 * 8**3, dtype=torch.float32).reshape(2, 3, 8, 8, 8)
    cells = space_to_depth(volume, 4)
    assert cells.shape == (2, 3 * 64, 2, 2, 2)
    torch.testing.assert_close(depth_to_space(cells, 4), volume)
    # A cell holds exactly its own 4^3 cube.
    torch.testing.assert_close(cells[0, :64, 1, 0, 1], volume[0, 0, 4:8, 0:4, 4:8].reshape(-1))


@pytest.mark.parametrize(("widths", "size"), [((16,), 16), ((16, 24), 8)])
def test_latent_grid_has_the_declared_size(widths: tuple[int, ...], size: int) -> None:
    model = Autoencoder(3, widths, blocks=1)
    latent = model.encode(torch.zeros(1, 1, 64, 64, 64))
    assert latent.shape == (1, 3, size, size, size)
    assert model.latent_size == size
    assert model.decode(latent).shape == (1, 1, 64, 64, 64)


def test_reconstruction_loss_is_zero_only_for_the_truth_and_counts_shapes_alike() -> None:
    axis = (torch.arange(64) + 0.5) / 32 - 1
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    big = (grid.norm(dim=0) - 0.6).clamp(-0.2, 0.2)[None, None]
    thin = (grid[:2].norm(dim=0) - 0.04).clamp(-0.2, 0.2)[None, None]
    assert float(reconstruction_loss(big, big, coarse=False)) == 0
    shift = 0.5 / 32
    # Half a voxel of error at the surface costs about the same for a ball and for a needle.
    losses = [float(reconstruction_loss(shape + shift, shape, coarse=False)) for shape in (big, thin)]
    assert losses[1] == pytest.approx(losses[0], rel=0.25)


SMALL = DenoiserConfig(
    latent_channels=2, latent_size=4, patch=2, width=32, depth=1, heads=2, text_dim=8, structures=("a", "b"), modes=3
)


def _fitted() -> Denoiser:
    """Untrained, with a prior of two structures whose means are +3 and -3."""
    model = Denoiser(SMALL)
    shapes = torch.randn(20, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    sign = torch.tensor([1.0, -1.0]).repeat(10)
    model.prior.fit(shapes + 3 * sign.reshape(-1, 1, 1, 1, 1), [0, 1] * 10)
    return model


def test_an_untrained_denoiser_answers_what_its_prior_expects() -> None:
    model = _fitted()
    with torch.no_grad():
        model.structure.bias.copy_(torch.tensor([9.0, -9.0]))  # every text means structure 0
    schedule = cosine_schedule(50)
    text, shape = torch.randn(3, 8), torch.randn(3, 2, 4, 4, 4)
    found = model(shape, text, level_of(schedule, 49, 3, "cpu"), level_of(schedule, GIVEN, 3, "cpu"))
    torch.testing.assert_close(found.shape, found.expected.shape)
    torch.testing.assert_close(found.shape, found.expected.mean, atol=0.3, rtol=0.1)  # almost pure noise
    assert float(found.shape.detach().mean()) == pytest.approx(3, abs=0.3)
    torch.testing.assert_close(found.text, text)  # a given part is answered as it is


def test_an_unknown_text_says_nothing() -> None:
    """With the text part all noise, its content must not reach the prior."""
    model = _fitted()
    with torch.no_grad():
        model.structure.weight.normal_()
    unknown = torch.tensor([[0.0, 1.0]])
    shape = torch.zeros(1, 2, 4, 4, 4)
    level = torch.tensor([[0.0, 1.0]])
    first = model(shape, torch.zeros(1, 8), level, unknown)
    second = model(shape, torch.ones(1, 8), level, unknown)
    torch.testing.assert_close(first.shape, second.shape)
    torch.testing.assert_close(first.log_structure.exp(), torch.full((1, 2), 0.5))


def test_a_conditioned_denoiser_asks_for_its_prompt() -> None:
    model = Denoiser(dataclasses.replace(SMALL, condition_channels=2))
    level = torch.tensor([[0.0, 1.0]])
    with pytest.raises(ValueError, match="prompt"):
        model(torch.zeros(1, 2, 4, 4, 4), torch.zeros(1, 8), level, level)
    prompt = torch.zeros(1, 2, 64, 64, 64, dtype=torch.int8)
    found = model(torch.zeros(1, 2, 4, 4, 4), torch.zeros(1, 8), level, level, prompt)
    assert found.shape.shape == (1, 2, 4, 4, 4)
