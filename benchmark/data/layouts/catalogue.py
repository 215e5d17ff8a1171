"""Layouts by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark.data.layouts.decathlon import read_decathlon
from benchmark.data.layouts.folder import read_folder
from benchmark.data.layouts.kits23 import read_kits23
from benchmark.data.layouts.mmwhs import read_mmwhs
from benchmark.data.layouts.nnunet import read_nnunet
from benchmark.data.layouts.openkbp import read_openkbp
from benchmark.data.layouts.sts import read_sts
from benchmark.data.layouts.totalsegmentator import read_totalsegmentator
from benchmark.data.volumes.record import Layout
from benchmark.errors import DataError
from benchmark.names import unknown

LAYOUTS: dict[str, Callable[[Path], Layout]] = {
    "decathlon": read_decathlon,
    "folder": read_folder,
    "kits23": read_kits23,
    "mmwhs": read_mmwhs,
    "nnunet": read_nnunet,
    "openkbp": read_openkbp,
    "sts": read_sts,
    "totalsegmentator": read_totalsegmentator,
}


def read_layout(name: str, root: Path) -> Layout:
    """The cases of a folder in a layout.

    Raises:
        UnknownNameError: for a layout of another name.
        DataError: if the folder is not laid out so.
    """
    if name not in LAYOUTS:
        raise unknown("layout", name, LAYOUTS)
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    layout = LAYOUTS[name](root)
    if not layout.records:
        raise DataError(f"{root} holds no case in the layout {name}")
    return layout
