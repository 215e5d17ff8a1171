"""Training: a killed run ends with the same weights, weights survive a round trip, bad files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import Balls, request_of, tiny_config

from benchmark.contract import MethodContext
from benchmark.tasks.shape_completion.prompts import observe
from genmed import train
from genmed.checkpoint import WeightsError, load_checkpoint, save_checkpoint
from genmed.config import LoopConfig, load_config
from genmed.diffusion import cosine_schedule
from genmed.job import with_structures
from genmed.loop import Workspace, run_loop
from genmed.method import genmed, genmed_base, genmed_paper
from genmed.model import ShapeTextModel, build_autoencoder, build_networks
from genmed.train_denoiser import Batch, draw_shape_steps, pair_loss


class KilledError(Exception):
    """Stands for SIGKILL: leaves whatever was on disk at that moment."""


def _linear(seed: int) -> torch.nn.Linear:
    torch.manual_seed(seed)
    return torch.nn.Linear(3, 1)


def _loss(model: torch.nn.Module, generator: torch.Generator, _step: int) -> torch.Tensor:
    x = torch.randn(8, 3, generator=generator)
    return (model(x).float() - x.sum(1, keepdim=True)).square().mean()


@pytest.mark.parametrize("dies_at", [1, 7, 13])
def test_a_killed_loop_ends_with_the_same_bytes(tmp_path: Path, dies_at: int) -> None:
    config = LoopConfig(steps=20, batch=8, learning_rate=1e-2, warmup=3, save_every=5, precision="fp32", restart=12)

    def run(folder: Path, fatal: int | None) -> torch.nn.Module:
        def loss(model: torch.nn.Module, generator: torch.Generator, step: int) -> torch.Tensor:
            if step == fatal:
                raise KilledError
            return _loss(model, generator, step)

        return run_loop("toy", _linear(0), loss, lambda _: {}, config, Workspace(folder, 0, "cpu", "print"))

    whole = run(tmp_path / "whole", None)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", dies_at)
    resumed = run(tmp_path / "killed", None)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    curves = [
        [
            {k: v for k, v in json.loads(line).items() if k == "step"}
            for line in (folder / "toy.jsonl").read_text().splitlines()
        ]
        for folder in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert curves[0] == curves[1]


def test_a_state_of_another_configuration_is_refused(tmp_path: Path) -> None:
    config = LoopConfig(steps=2, batch=8, learning_rate=1e-2, precision="fp32")
    run_loop("toy", _linear(0), _loss, lambda _: {}, config, Workspace(tmp_path, 0, "cpu", "one"))
    with pytest.raises(ValueError, match="another configuration"):
        run_loop("toy", _linear(0), _loss, lambda _: {}, config, Workspace(tmp_path, 0, "cpu", "two"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the tiny model, trained by the real command."""
    out = tmp_path_factory.mktemp("fit") / "tiny.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "load_config", lambda _name: tiny_config())
        train.fit_command("tiny", Balls(), Balls(2), out, "cpu")
    return out


def test_fit_writes_weights_with_their_story(trained: Path) -> None:
    story = load_checkpoint(trained).provenance
    assert story["data"] == "balls"
    assert story["seed"] == 0
    assert [row["step"] for row in story["curves"]["denoiser"]] == [2, 4, 6]
    assert set(story["curves"]) == {"autoencoder", "decoder", "denoiser"}


@pytest.mark.parametrize("factory", [genmed, genmed_base, genmed_paper])
@pytest.mark.parametrize("prompt", ["oneplane", "broken"])
def test_every_sampler_answers_the_same_request_with_the_same_bytes(
    trained: Path, factory: object, prompt: str
) -> None:
    method = factory(MethodContext("cpu", trained))  # type: ignore[operator]
    request = request_of(observe(prompt, Balls().sdf(1), 5))
    first, second = method.predict(request).parts["shape"], method.predict(request).parts["shape"]
    assert first.shape == (64, 64, 64)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


def test_guided_completion_agrees_with_the_planes(trained: Path) -> None:
    """Even a model that knows nothing has to keep what was seen."""
    observation = observe("multiplane", Balls().sdf(1), 0)
    sdf = genmed(MethodContext("cpu", trained)).predict(request_of(observation)).parts["shape"]
    np.testing.assert_array_equal((sdf < 0)[observation.mask], observation.value[observation.mask] > 0.5)


def test_bad_weights_give_one_clear_error(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights at"):
        load_checkpoint(tmp_path / "absent.safetensors")
    with pytest.raises(WeightsError, match="expected 0000"):
        load_checkpoint(trained, sha256="0000")
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(trained.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cannot be read"):
        load_checkpoint(torn)
    pickle = tmp_path / "pickle.safetensors"
    torch.save({"a": torch.ones(1)}, pickle)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_checkpoint(pickle)


def test_the_paper_configuration_builds_takes_a_step_and_survives_a_round_trip(tmp_path: Path) -> None:
    config = with_structures(load_config("paper"), Balls())
    assert (config.autoencoder.latent_channels, build_autoencoder(config).latent_size) == (8, 8)
    assert config.diffusion_steps == 50
    networks = build_networks(config)
    schedule = cosine_schedule(config.diffusion_steps)
    optimiser = torch.optim.AdamW(networks.parameters(), lr=1e-3)
    clean = torch.randn(2, 8, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    before = networks.denoiser.shape_out.weight.detach().clone()
    examples = Batch(clean, ["a ball", "a needle"], torch.tensor([0, 1]))
    loss = pair_loss(networks, examples, schedule, torch.Generator().manual_seed(0))
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    assert not torch.equal(before, networks.denoiser.shape_out.weight)
    path = tmp_path / "paper.safetensors"
    digest = save_checkpoint(ShapeTextModel(config, build_autoencoder(config), networks, 1.0, {}), path)
    again = load_checkpoint(path, sha256=digest)
    torch.testing.assert_close(
        again.networks.denoiser.shape_out.weight, networks.denoiser.shape_out.weight, atol=1e-3, rtol=1e-3
    )


@pytest.mark.parametrize(("noisiest", "late"), [(0.0, 0.1), (0.6, 0.64), (1.0, 1.0)])
def test_the_share_of_draws_from_the_last_tenth(noisiest: float, late: float) -> None:
    steps = draw_shape_steps(cosine_schedule(50), 4000, torch.Generator().manual_seed(0), noisiest)
    assert float((steps >= 45).float().mean()) == pytest.approx(late, abs=0.03)
    assert 0 <= int(steps.min()) <= int(steps.max()) < 50


def test_unknown_configurations_are_named() -> None:
    with pytest.raises(ValueError, match="mini, paper"):
        load_config("minni")
