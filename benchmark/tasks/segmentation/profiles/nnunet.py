"""Profile ``nnunet``: Dice and intersection over union as nnU-Net's evaluation gives them per label.

A label that is in neither has no value (nnU-Net: NaN, left out of the mean of the label). nnU-Net leaves cases out that
have no prediction; here they count as 0. Its "foreground mean" is the mean over labels, our class-macro mean, if every
label occurs somewhere; else it is NaN.

Source: MIC-DKFZ/nnUNet, nnunetv2/evaluation/evaluate_predictions.py, ``compute_metrics`` (2.8.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.metrics.base import Metric, Signature
from benchmark.tasks.segmentation.cases import SegmentationCase
from benchmark.tasks.segmentation.profiles.profile import Answer, Profile, Value

_NAME = "nnunet"
_RULES = {"grid": "original", "absent": "skipped", "unanswered": "worst"}


def _metric(name: str, description: str, title: str) -> Metric:
    return Metric(name, Signature.of(name, _NAME, _RULES), description, title, "nnU-Net", True, ".3f")


class NnUnet(Profile):
    """Every structure somebody looked for, as a label."""

    name = _NAME
    metrics = (
        _metric("dice", "Dice of a label", "Dice"),
        _metric("iou", "intersection over union of a label", "IoU"),
    )

    def categories(self, case: SegmentationCase) -> Sequence[str]:
        """The annotated structures."""
        return case.annotated

    def values(self, answer: Answer, category: str) -> Sequence[Value]:
        """From the counts of voxels."""
        found, true = answer.original([category])
        both = int((found & true).sum())
        wrong = int((found ^ true).sum())
        if not both + wrong:
            return None, None
        return 2 * both / (2 * both + wrong), both / (both + wrong)

    def worst_values(self, case: SegmentationCase) -> Sequence[float]:
        """No overlap."""
        return 0.0, 0.0


NNUNET = NnUnet()
