"""SwinUNETR: loss and patches without MONAI, a few steps with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segmentation_material import ArrayImages, anatomy, picture, request_for

from baselines.swinunetr.method import Settings, SwinSegmenter, fit_command, load_settings
from baselines.swinunetr.network import NetworkConfig, segmentation_loss
from baselines.swinunetr.patches import draw_patch, padded
from genmed.config import LoopConfig


def test_the_loss_of_a_sure_and_right_answer_is_nearly_zero() -> None:
    labels = torch.from_numpy(anatomy().astype(np.int64))[None]
    logits = 20 * torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    known = torch.ones(1, 2, dtype=torch.bool)
    assert float(segmentation_loss(logits, labels, known)) < 1e-3
    assert float(segmentation_loss(-logits, labels, known)) > 5


def test_cross_entropy_and_dice_are_those_of_their_definitions() -> None:
    labels = torch.zeros(1, 2, 2, 2, dtype=torch.int64)
    labels[..., 0] = 1
    logits = torch.zeros(1, 2, 2, 2, 2)  # one half everywhere
    expected = np.log(2) + 1 - (2 * 4 * 0.5 + 1) / (8 * 0.5 + 4 + 1)
    assert float(segmentation_loss(logits, labels, torch.ones(1, 1, dtype=torch.bool))) == pytest.approx(expected)


def test_naming_a_structure_nobody_looked_for_costs_nothing() -> None:
    whole = torch.from_numpy(anatomy().astype(np.int64))[None]
    told = torch.where(whole == 2, 0, whole)  # the ball is there, and not in the labels
    logits = (20 * torch.nn.functional.one_hot(whole, 3).movedim(-1, 1)).float().requires_grad_()
    known = torch.tensor([[True, False]])
    loss = segmentation_loss(logits, told, known)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert float(loss.detach()) < 1e-3
    assert torch.isfinite(gradient).all()
    assert float(segmentation_loss(logits, told, torch.tensor([[True, True]])).detach()) > 0.4


def test_patches_are_pieces_of_the_image_and_their_own_seed() -> None:
    labels = torch.from_numpy(anatomy().astype(np.int64))
    image = labels / 2.0
    one, truth = draw_patch(image, labels, 24, torch.Generator().manual_seed(1))
    again, _ = draw_patch(image, labels, 24, torch.Generator().manual_seed(1))
    assert torch.equal(one, again)
    assert one.shape == truth.shape == (24, 24, 24)
    assert set(truth.unique().tolist()) <= {0, 1, 2}
    means = [float(one[truth == label].mean()) for label in (0, 1, 2)]
    assert means == sorted(means)  # image and labels were moved together
    assert padded(torch.ones(3, 40, 5), 32).shape == (32, 40, 32)


def test_the_shipped_configuration_is_one_the_network_takes() -> None:
    settings = load_settings()
    assert settings.network.patch >= 64
    assert settings.network.patch % 32 == 0
    assert settings.network.feature_size % 12 == 0
    with pytest.raises(ValueError, match="no configuration named 'huge'"):
        load_settings("huge")


def tiny(steps: int) -> Settings:
    return Settings(NetworkConfig(12, 64), LoopConfig(steps, 1, 1e-3, warmup=1, save_every=1, precision="fp32"))


@pytest.mark.slow
def test_a_few_steps_resume_and_weights_are_kept(tmp_path, monkeypatch) -> None:
    pytest.importorskip("monai")
    maps = [anatomy((k, 0, 0)) for k in range(2)]
    data = ArrayImages(maps, [picture(m, seed=k) for k, m in enumerate(maps)])
    request = request_for(picture(anatomy((1, 1, 0)), seed=7), "lowres-x2")
    one = SwinSegmenter(tiny(2))
    one.fit(data, tmp_path / "fit")
    answer = one.predict(request).parts["labels"]
    assert answer.shape == (32, 32, 32)
    assert answer.dtype == np.uint8
    other = SwinSegmenter(tiny(2))
    other.fit(data, tmp_path / "fit")
    np.testing.assert_array_equal(other.predict(request).parts["labels"], answer)
    monkeypatch.setattr("baselines.swinunetr.method.load_settings", lambda name: tiny(2))
    fit_command("mini", data, None, tmp_path / "out", "cpu")
    kept = SwinSegmenter(tiny(1), checkpoint=tmp_path / "out")
    np.testing.assert_array_equal(kept.predict(request).parts["labels"], answer)
