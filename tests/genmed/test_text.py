"""The small text tower: open_clip's weights, initial draws and results, without importing open_clip."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from genmed.text import SmallTextTower, TextConfig, import_open_clip

TEXTS = ["a right hip bone of a 62 year old woman", "", "Ilium; ILIUM", "naïve — ∑ 骨", "word " * 100]
CONFIGS = [TextConfig(), TextConfig(dim=8, width=16, layers=3, heads=4, context=16)]


@pytest.fixture(scope="module")
def open_clip():
    return import_open_clip()


@pytest.mark.parametrize("config", CONFIGS)
def test_weights_draws_features_and_gradients_are_open_clips(open_clip, config):
    torch.manual_seed(3)
    ours = SmallTextTower(config)
    torch.manual_seed(3)
    tokenizer = open_clip.SimpleTokenizer(context_length=config.context)
    theirs = open_clip.transformer.TextTransformer(
        context_length=config.context, vocab_size=tokenizer.vocab_size, width=config.width,
        heads=config.heads, layers=config.layers, output_dim=config.dim,
    )  # fmt: skip
    drawn = theirs.state_dict()
    assert list(ours.tower.state_dict()) == list(drawn)
    assert all(torch.equal(value, drawn[name]) for name, value in ours.tower.state_dict().items())
    tokens = tokenizer(TEXTS)
    assert torch.equal(ours.tokenizer(TEXTS), tokens)
    for training in (True, False):
        ours.tower.train(training), theirs.train(training)
        for amount in (1, len(TEXTS)):
            assert torch.equal(ours.tower(tokens[:amount]), theirs(tokens[:amount]))
    for tower in (ours.tower, theirs):
        tower(tokens).square().sum().backward()
    gradients = dict(theirs.named_parameters())
    assert all(torch.equal(each.grad, gradients[name].grad) for name, each in ours.tower.named_parameters())


def test_no_image_model_and_no_compiler_is_imported():
    program = (
        "import sys; from genmed.text import SmallTextTower, TextConfig;"
        "print(SmallTextTower(TextConfig()).encode(['a']).shape);"
        "print(sorted({'open_clip', 'timm', 'torchvision', 'torch._dynamo', 'sympy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["torch.Size([1, 64])", "[]"]
