"""Mean Dice of the shipped autoencoder on real test bones: the truth through encoder and decoder, per bone."""

from __future__ import annotations

from collections import defaultdict

import torch

from benchmark.data.catalogue import resolve
from benchmark.metrics import dice
from benchmark.tasks.shape_completion.training import ShapeTrainingData
from genmed.checkpoint import load_shipped


def main() -> None:
    """Print a line per category and the mean over shapes."""
    data = ShapeTrainingData(resolve("mini"), "test")
    model = load_shipped("genmed", "mini")
    scores = defaultdict(list)
    with torch.no_grad():
        for index, category in enumerate(data.categories):
            truth = torch.from_numpy(data.sdf(index))[None]
            scores[category].append(float(dice(model.shape.decode(model.shape.encode(truth)), truth, sdf=True)))
    for category, values in sorted(scores.items()):
        print(f"{category:14s} {sum(values) / len(values):.4f}")
    everything = [value for values in scores.values() for value in values]
    print(f"{'mean':14s} {sum(everything) / len(everything):.4f}  ({len(everything)} shapes)")


if __name__ == "__main__":
    main()
