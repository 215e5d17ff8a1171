"""A task whose items crash, hang or eat memory as their names say; what became of each is written to a file."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medshape_text.engine import Begin, Fault


@dataclass(frozen=True)
class FaultyTask:
    """Batches of item names; the outcome of item i goes to ``folder/<batch>-<i>``."""

    folder: Path
    batches: tuple[tuple[str, ...], ...]
    dies_storing: bool = False

    def __call__(self, batch: int, given_up: Mapping[str, Fault], begin: Begin) -> None:
        """Do what the names say."""
        for place, name in enumerate(self.batches[batch]):
            item = f"{batch}-{place}"
            begin(item)
            outcome = given_up[item].reason if item in given_up else self._do(item, name)
            (self.folder / item).write_text(outcome)
        if self.dies_storing:
            os.kill(os.getpid(), signal.SIGKILL)

    def _do(self, item: str, name: str) -> str:
        first_time = not (self.folder / f"{item}.tried").exists()
        (self.folder / f"{item}.tried").touch()
        if name == "segfault" or (name == "segfault once" and first_time):
            ctypes.string_at(0)
        if name == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "hang":
            time.sleep(600)
        if name == "exit":
            os._exit(7)
        if name == "memory":
            try:
                bytearray(2**34)
            except MemoryError:
                return "no memory"
        if name == "greedy" or (name == "greedy once" and first_time):
            bytearray(2**34)
        if name == "lost connection":
            raise ConnectionResetError("a server went away")
        if name == "full disk":
            raise OSError(28, "No space left on device", "somewhere")
        if name == "bug":
            raise KeyError("a mistake in the program")
        return "done"
