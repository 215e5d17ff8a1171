"""The training loop shared by both stages: seeded batches, warm-up and cosine decay, EMA, curve, resume.

A run is a pure function of (data, configuration, seed): the batch and noise of step k are drawn from
a seed derived from k, so a run killed anywhere and started again continues with the same numbers.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from genmed.config import LoopConfig
from medshape_text.files import replacing
from medshape_text.seeds import seed_for

SEED = 0
"""Of every training of ours."""
StepLoss = Callable[[nn.Module, torch.Generator, int], Tensor]
"""Model, the step's generator and its index -> loss."""
Validate = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class Workspace:
    """Where a training happens.

    Attributes:
        folder: holds the state of every stage and its learning curve.
        seed: every draw is derived from it.
        device: of the model.
        fingerprint: names data and configuration; a state of another one is refused.
    """

    folder: Path
    seed: int
    device: str
    fingerprint: str


def open_workspace(settings: str, revision: str, out: Path, device: str, resume: bool) -> Workspace:
    """The workspace ``<out>.work`` of a training; without ``resume`` what an earlier one left there is forgotten.

    Args:
        settings: all that is configured, as text.
        revision: of the data.
        out: file of the weights.
        device: of the model.
        resume: go on with a training that was stopped.
    """
    folder = out.with_name(out.name + ".work")
    if not resume:
        for leftover in folder.glob("*.state"):
            leftover.unlink()
    fingerprint = hashlib.sha256(f"{settings}\0{revision}\0{SEED}".encode()).hexdigest()
    return Workspace(folder, SEED, device, fingerprint)


def thinned_curve(folder: Path, name: str) -> list[dict[str, float]]:
    """About twenty rows of a stage's learning curve, for the provenance of its weights."""
    rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    step = max(1, len(rows) // 20)
    return rows[step - 1 :: step]


def run_loop(
    name: str, model: nn.Module, loss_of: StepLoss, validate: Validate, config: LoopConfig, workspace: Workspace
) -> nn.Module:
    """Train ``model`` in place for ``config.steps`` steps and return its exponential moving average.

    Writes ``<name>.state`` (everything needed to go on) and appends to ``<name>.jsonl`` (the learning
    curve: step, seconds, loss, validation) in the folder of the workspace.

    Raises:
        ValueError: when the folder holds a state of another configuration or the loss is not finite.
    """
    device, folder = workspace.device, workspace.folder
    folder.mkdir(parents=True, exist_ok=True)
    state_file, curve_file = folder / f"{name}.state", folder / f"{name}.jsonl"
    average = copy.deepcopy(model).eval().requires_grad_(False)
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99))
    step, spent = 0, 0.0
    if state_file.exists():
        state = torch.load(state_file, map_location=device, weights_only=True)
        if state["fingerprint"] != workspace.fingerprint:
            raise ValueError(
                f"{state_file} was written with other data or another configuration; use a new output folder."
            )
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = int(state["step"]), float(state["seconds"])
        _keep_lines(curve_file, step)
    else:
        curve_file.unlink(missing_ok=True)
    started = time.monotonic() - spent
    smooth = math.nan
    while step < config.steps:
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * _rate(step, config)
        generator = torch.Generator().manual_seed(seed_for(f"{name}-step-{step}", "training", workspace.seed))
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.precision == "bf16"):
            loss = loss_of(model, generator, step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learnt, config.clip)
        optimiser.step()
        step += 1
        _follow(average, model, min(config.ema, (1 + step) / (10 + step)))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ValueError(f"the loss of {name} is {value} at step {step}; lower the learning rate.")
        smooth = value if math.isnan(smooth) else 0.95 * smooth + 0.05 * value
        if step % config.save_every == 0 or step == config.steps:
            row = {"step": step, "seconds": round(time.monotonic() - started, 1), "loss": round(smooth, 6)}
            row |= {key: round(number, 5) for key, number in validate(average).items()}
            with curve_file.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
            state = {
                "fingerprint": workspace.fingerprint, "step": step, "seconds": time.monotonic() - started,
                "model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(),
            }  # fmt: skip
            with replacing(state_file) as stream:
                torch.save(state, stream)
    return average


def _rate(step: int, config: LoopConfig) -> float:
    if step < config.warmup:
        return (step + 1) / config.warmup
    first, last = config.warmup, config.restart or config.steps
    if step >= last:
        first, last = config.restart, config.steps
    progress = (step - first) / max(1, last - first)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)


def _keep_lines(curve_file: Path, step: int) -> None:
    """Drop rows of the curve that are newer than the saved state; they will be written again."""
    lines = curve_file.read_text().splitlines() if curve_file.exists() else []
    kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
    curve_file.write_text("".join(line + "\n" for line in kept))
