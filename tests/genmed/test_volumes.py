"""The joint model of image and structures: codec, augmentation, losses, weights, and what it answers on toy images."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import genmed as genmed_package
from benchmark.contract import Grid, MethodContext, Observation, Request, Space
from benchmark.data.volumes.distances import labels_of_distances
from benchmark.errors import MethodError
from benchmark.metrics import dice
from benchmark.observations import AveragePool, Identity
from benchmark.spaces import problem_of
from genmed.checkpoint import WeightsError
from genmed.diffusion import cosine_schedule
from genmed.loop import Workspace
from genmed.method import genmed
from genmed.pair import level_of
from genmed.volumes.augment import augment
from genmed.volumes.checkpoint import load_volume_model, save_volume_model
from genmed.volumes.config import Augmentation, VolumeConfig, load_sizes, parse_volume_config
from genmed.volumes.denoiser import VoxelDenoiser
from genmed.volumes.method import shows_all
from genmed.volumes.model import VolumeModel
from genmed.volumes.train import Volumes, draw_steps, fit_command, joint_loss, train
from genmed.volumes.window import Window

SIDE = 16
STILL = Augmentation(0, 0, 0, 0, 0, 0, 0)
TABLE = {
    "structures": ["ball", "cube"], "modality": "ct", "size": [SIDE] * 3, "window": [0.0, 100.0], "patch": 2,
    "widths": [16, 16], "blocks": [1, 1], "diffusion_steps": 50, "augmentation": {"shift": 1.0, "bend": 0.5},
    "train": {"steps": 4, "batch": 2, "learning_rate": 2e-3, "warmup": 10, "save_every": 2, "precision": "bf16"},
}  # fmt: skip
CONFIG = parse_volume_config(TABLE)


class Toys:
    """A bright ball and a cube of middle brightness, somewhere, as segmentation training data."""

    revision = "toys"

    def __init__(self, count: int = 4, start: int = 0) -> None:
        self.described = SimpleNamespace(name="toys", structures=("ball", "cube"), shape=(SIDE,) * 3)
        self.modality = SimpleNamespace(name="ct", window=(0.0, 100.0))
        self.spaces = {"labels": Space("labels", "uint8", names=("ball", "cube"))}
        self.ids: Sequence[str] = [f"toy_{start + index}" for index in range(count)]
        self._start = start

    def __len__(self) -> int:
        return len(self.ids)

    def _distances(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(self._start + index)
        grid = np.stack(np.meshgrid(*[np.arange(SIDE, dtype=np.float64)] * 3, indexing="ij"))
        ball = np.linalg.norm(grid - rng.uniform(4, 6, 3)[:, None, None, None], axis=0) - rng.uniform(2.5, 3.5)
        cube = np.abs(grid - rng.uniform(10, 11, 3)[:, None, None, None]).max(axis=0) - 2.5
        return np.stack([ball, cube])

    def part(self, index: int, name: str) -> np.ndarray:
        """Image, labels or distances."""
        distances = self._distances(index)
        if name == "sdf":
            return np.clip(distances / 32, -0.2, 0.2).astype(np.float32)
        labels = np.where(distances[0] < 0, 1, np.where(distances[1] < 0, 2, 0)).astype(np.uint8)
        if name == "labels":
            return labels
        noise = np.random.default_rng(index).normal(0, 2, labels.shape)
        return (np.array([10.0, 90.0, 50.0])[labels] + noise).astype(np.float32)

    def annotated(self, index: int) -> np.ndarray:
        """Both, always."""
        return np.ones(2, bool)


def test_the_window_is_linear_inside_and_can_be_undone_outside() -> None:
    window = Window(-250.0, 800.0, (2,))
    values = torch.tensor([-1024.0, -250.0, 275.0, 800.0, 3000.0])
    codes = window.encode(values)
    torch.testing.assert_close(codes[1:4], torch.tensor([-1.0, 0.0, 1.0]))
    assert float(codes[0]) == pytest.approx(-1 - (774 / 525) / 8)
    torch.testing.assert_close(window.decode(codes), values)


def test_nothing_is_varied_by_nothing() -> None:
    toys = Volumes.read(Toys(), CONFIG)  # type: ignore[arg-type]
    image, sdf = augment(toys.images.float(), toys.sdfs.float(), STILL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(image, toys.images.float(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(sdf, toys.sdfs.float(), atol=1e-4, rtol=1e-4)


def test_image_and_structures_move_together_and_every_example_its_own_way() -> None:
    image = torch.randn(1, SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(3)).expand(2, -1, -1, -1)
    amount = dataclasses.replace(STILL, rotation=10.0, scale=0.1, shift=2.0, bend=1.0)
    moved, along = augment(image, image[:, None], amount, torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved, along[:, 0])
    assert not torch.allclose(moved[0], moved[1])
    assert not torch.allclose(moved[0], image[0])


def test_a_shift_moves_by_voxels_along_the_right_axis() -> None:
    """The only voxel that is not zero is found again where the inverse of the drawn shift puts it."""
    image = torch.zeros(1, 9, 11, 13)
    image[0, 4, 5, 6] = 1
    amount = dataclasses.replace(STILL, shift=1.0)
    moved, _ = augment(image, image[:, None], amount, torch.Generator().manual_seed(1))
    total = moved[0].sum()
    centre = [float((moved[0].sum(dim=[a for a in range(3) if a != axis]) * torch.arange(size)).sum() / total)
              for axis, size in enumerate(moved.shape[1:])]  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    torch.randn(1, 3, generator=generator), torch.randn(1, 1, 1, generator=generator)
    torch.randn(1, 3, 5, 5, 5, generator=generator)
    shift = torch.randn(1, 1, 3, generator=generator).clamp(-2, 2)[0, 0]
    np.testing.assert_allclose(centre, [4 - shift[0], 5 - shift[1], 6 - shift[2]], atol=0.02)


def test_a_given_part_comes_back_as_it_is() -> None:
    denoiser = VoxelDenoiser(CONFIG)
    torch.nn.init.normal_(denoiser.last.weight)
    image, sdf = torch.randn(2, SIDE, SIDE, SIDE), torch.randn(2, 2, SIDE, SIDE, SIDE)
    given, unknown = torch.tensor([[1.0, 0.0]] * 2), torch.tensor([[0.0, 1.0]] * 2)
    clean = denoiser(image, sdf, given, unknown)
    torch.testing.assert_close(clean.image, image)
    assert not torch.allclose(clean.sdf, sdf)


def test_an_untrained_denoiser_answers_what_its_prior_expects() -> None:
    """One voxel at a time the Wiener filter: mean 2, spread 0.5, read through alpha 0.6 and sigma 0.8."""
    denoiser = VoxelDenoiser(CONFIG)
    denoiser.sdf_prior.mean.fill_(2.0)
    denoiser.sdf_prior.spread.fill_(0.5)
    image, sdf = torch.randn(1, SIDE, SIDE, SIDE), torch.randn(1, 2, SIDE, SIDE, SIDE)
    level = torch.tensor([[0.6, 0.8]])
    found = denoiser(image, sdf, level, level)
    total = 0.36 * 0.25 + 0.64
    torch.testing.assert_close(found.sdf, 2 + 0.6 * 0.25 / total * (sdf - 1.2))
    assert float(found.sdf_error.max()) == pytest.approx(0.5 * 0.8 / total**0.5)


def test_what_nobody_looked_for_is_not_learnt_from() -> None:
    denoiser, schedule = VoxelDenoiser(CONFIG), cosine_schedule(50)
    torch.nn.init.normal_(denoiser.last.weight, std=0.1)
    toys = Volumes.read(Toys(2), CONFIG)  # type: ignore[arg-type]
    image, sdf = toys.images.float(), toys.sdfs.float()
    annotated = torch.tensor([[True, False], [True, False]])
    losses = []
    for other in (sdf[:, 1], -sdf[:, 1]):
        changed = torch.stack([sdf[:, 0], other], dim=1)
        losses.append(joint_loss(denoiser, image, changed, annotated, schedule, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(losses[0], losses[1])


def test_times_are_drawn_for_every_kind_of_question() -> None:
    image, sdf = draw_steps(cosine_schedule(50), 4000, torch.Generator().manual_seed(0))
    assert float((image == -1).float().mean()) == pytest.approx(0.4, abs=0.03)
    assert float(((image == sdf) & (image >= 0)).float().mean()) > 0.25
    assert float((image == 49).float().mean()) > 0.05
    assert float((sdf == 49).float().mean()) > 0.25
    assert int(sdf.min()) == 0
    assert int(image.max()) == 49


def test_labels_are_of_the_deepest_structure() -> None:
    sdf = np.array([[0.1, -0.1, -0.2, 0.1], [0.2, -0.2, -0.1, -0.1]], np.float32).reshape(2, 4, 1, 1)
    assert labels_of_distances(sdf).ravel().tolist() == [0, 2, 1, 2]
    assert labels_of_distances(sdf).dtype == np.uint8


@pytest.fixture(scope="module")
def learnt() -> VolumeModel:
    """A toy model, trained in seconds."""
    config = dataclasses.replace(CONFIG, train=dataclasses.replace(CONFIG.train, steps=500, save_every=500))
    return _train(config)


def _train(config: VolumeConfig) -> VolumeModel:
    data, validation = Volumes.read(Toys(6), config), Volumes.read(Toys(2, 100), config)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        return train(config, data, validation, Workspace(Path(folder), 0, "cpu", "toys"))


@pytest.fixture(scope="module")
def weights(learnt: VolumeModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "toys.safetensors"
    save_volume_model(learnt, path)
    return path


def _request(seen: Observation) -> Request:
    labels = Space("labels", "uint8", names=("ball", "cube"))
    return Request("case", "toys", "", Grid((SIDE,) * 3), (seen,), {"labels": labels}, seed=5)


def _seen(operator: AveragePool | Identity, image: np.ndarray) -> Observation:
    value = operator(torch.from_numpy(image)).numpy().copy()
    space = Space("image", "float32", tuple(value.shape), ("ct",), "HU")
    return Observation("image", operator, value, np.ones(value.shape, bool), True, space)


@pytest.mark.parametrize(("operator", "least"), [(Identity(), 0.7), (AveragePool(2), 0.6)])
def test_the_same_weights_answer_whole_images_and_coarse_ones(
    weights: Path, operator: AveragePool | Identity, least: float
) -> None:
    labels = Space("labels", "uint8", names=("ball", "cube"))
    method = genmed(MethodContext("cpu", weights, {"labels": labels}))
    toys, scores = Toys(3, 200), []
    for index in range(len(toys)):
        request = _request(_seen(operator, toys.part(index, "image")))
        found = method.predict(request).parts["labels"]
        assert problem_of(found, labels, request.grid) is None
        np.testing.assert_array_equal(found, method.predict(request).parts["labels"])
        truth = toys.part(index, "labels")
        scores += [float(dice(found == label, truth == label, empty=1)) for label in (1, 2)]
    assert float(np.mean(scores)) > least


def test_only_the_image_itself_is_taken_as_given() -> None:
    image = Toys(1).part(0, "image")
    assert shows_all(_seen(Identity(), image), (SIDE,) * 3)
    assert not shows_all(_seen(AveragePool(2), image), (SIDE,) * 3)
    noisy = dataclasses.replace(_seen(Identity(), image), exact=False)
    assert not shows_all(noisy, (SIDE,) * 3)
    half = dataclasses.replace(_seen(Identity(), image), mask=np.arange(SIDE**3).reshape((SIDE,) * 3) % 2 == 0)
    assert not shows_all(half, (SIDE,) * 3)


def test_weights_survive_a_round_trip_and_know_their_structures(weights: Path, learnt: VolumeModel) -> None:
    again = load_volume_model(weights)
    assert again.config == learnt.config
    torch.testing.assert_close(again.denoiser.last.weight, learnt.denoiser.last.weight, atol=1e-3, rtol=1e-3)
    other = {"labels": Space("labels", "uint8", names=("liver",))}
    with pytest.raises(WeightsError, match=r"ball, cube.*liver"):
        genmed(MethodContext("cpu", weights, other))
    with pytest.raises(MethodError, match="--checkpoint WEIGHTS"):
        genmed(MethodContext("cpu", None, other, "nobody's data"))
    shapes = Path(genmed_package.__file__).parent / "weights" / "mini.safetensors"
    with pytest.raises(WeightsError, match="no genmed-volumes-1 file"):
        load_volume_model(shapes)


def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genmed.volumes import train as module

    sizes = {name: TABLE[name] for name in ("patch", "widths", "blocks", "diffusion_steps", "augmentation", "train")}
    monkeypatch.setattr(module, "load_sizes", lambda _name: sizes)
    fit_command("toys", Toys(), Toys(1), tmp_path / "whole.safetensors", "cpu")  # type: ignore[arg-type]

    class KilledError(Exception):
        pass

    calls = 0
    real = module.joint_loss

    def fatal(*arguments: object) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KilledError
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "joint_loss", fatal)
    with pytest.raises(KilledError):
        fit_command("toys", Toys(), Toys(1), tmp_path / "killed.safetensors", "cpu")  # type: ignore[arg-type]
    monkeypatch.setattr(module, "joint_loss", real)
    fit_command("toys", Toys(), Toys(1), tmp_path / "killed.safetensors", "cpu")  # type: ignore[arg-type]
    first, second = (load_volume_model(tmp_path / f"{name}.safetensors") for name in ("whole", "killed"))
    for one, other in zip(first.denoiser.parameters(), second.denoiser.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["mini", "paper"])
def test_shipped_configurations_build_take_a_step_and_survive_a_round_trip(name: str, tmp_path: Path) -> None:
    facts = {"structures": ["a", "b", "c", "d", "e"], "modality": "ct", "size": [32, 32, 32], "window": None}
    config = parse_volume_config({**load_sizes(name), **facts})
    model = VolumeModel(config, VoxelDenoiser(config))
    optimiser = torch.optim.AdamW(model.denoiser.parameters(), lr=1e-3)
    image, sdf = torch.randn(1, 32, 32, 32), torch.rand(1, 5, 32, 32, 32)
    before = model.denoiser.last.bias.detach().clone()
    loss = joint_loss(
        model.denoiser, image, sdf, torch.ones(1, 5, dtype=torch.bool), model.schedule, torch.Generator().manual_seed(0)
    )
    loss.backward()
    optimiser.step()
    assert not torch.equal(before, model.denoiser.last.bias)
    digest = save_volume_model(model, tmp_path / "weights.safetensors")
    assert load_volume_model(tmp_path / "weights.safetensors", sha256=digest).config == config
    level = level_of(model.schedule, 10, 1, "cpu")
    assert model.denoiser(image, sdf, level, level).sdf.shape == sdf.shape
