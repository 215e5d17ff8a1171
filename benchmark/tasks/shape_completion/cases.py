"""The shapes of a data set as cases: every one of a split, observed through a prompt."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.contract import CANONICAL, Case
from benchmark.data.rows import Rows, identity_of
from benchmark.tasks.family import Group
from benchmark.tasks.shape_completion.tasks import SHAPE
from medshape_text import decode_sdf
from medshape_text.seeds import seed_for


def prompt_texts(row: Mapping[str, Any]) -> list[str]:
    """Captions that may be given to a method: not the measured ones, which tell facts of the hidden geometry."""
    texts = [str(caption["text"]) for caption in row["captions"] or [] if caption["provenance"] != "measured"]
    return texts or [str(row["category"]).replace("_", " ")]


@dataclass(frozen=True, eq=False)
class ShapeCases:
    """One split of a shape data set, every shape observed through a prompt; opened by `open_cases`.

    Attributes:
        folder: where it lies.
        split: "train", "validation" or "test".
        prompt: what the shapes are observed through.
        revision: of the data set.
        manifest_sha256: hash of its manifest file.
    """

    folder: Path
    split: str
    prompt: str
    revision: str
    manifest_sha256: str

    @cached_property
    def groups(self) -> Sequence[Group]:
        """Every shape is a group of its own, in the order of the data set."""
        return [Group(case_id, (case_id,)) for case_id in self._places]

    def case(self, case_id: str) -> Case:
        """One shape, observed.

        The observation's random damage depends on the shape and the prompt only, not on the seed of a
        run: every run of a task sees the same observations, whatever its own seed.
        """
        from benchmark.tasks.shape_completion.prompts import observe  # brings torch, which listing does not need

        index = self._places[case_id]
        row = self._rows.light[index]
        truth = decode_sdf(self._rows.heavy(index))
        seed = seed_for(case_id, f"observation/{self.prompt}")
        scale = 1.0 / float(row["scale"]) if row["unit"] == "mm" else None
        return Case(
            id=case_id,
            subject=str(row["subject"]),
            category=str(row["category"]),
            origin=str(row["origin"]),
            text=prompt_texts(row)[0],
            grid=dataclasses.replace(CANONICAL, millimetres_per_unit=scale),
            observations=(observe(self.prompt, truth, seed),),
            truth={SHAPE: truth},
        )

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(row["id"]): index for index, row in enumerate(self._rows.light)}

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self.folder, "sdf64", self.split, ("sdf",))


def open_cases(folder: Path, split: str, prompt: str) -> ShapeCases:
    """Open a split, checking that the folder is a data set of this schema version.

    Raises:
        DataError: in one sentence.
    """
    return ShapeCases(folder, split, prompt, *identity_of(folder))
