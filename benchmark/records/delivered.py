"""What a method that answers many requests at once has handed over, before it is scored and recorded.

Rows are written in the order of the groups, answers come in any. Each is noted as soon as its prediction is on disk,
so that a method that stops on the way, or is killed, is asked for the rest only. Gone once the run is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import RunError
from benchmark.metrics.base import OK
from benchmark.records.files import append, write_whole, writing
from benchmark.records.predictions import prediction_path
from benchmark.records.rows import complete_lines, json_line

DELIVERED = "delivered.jsonl"


@dataclass(frozen=True)
class Delivered:
    """The notes in a run folder that is held exclusively."""

    folder: Path

    def read(self) -> dict[str, tuple[str, float]]:
        """Case id -> status and seconds; a line that was torn, or whose prediction is gone, is dropped for good.

        Raises:
            RunError: if the file is damaged.
            WriteError: when the disk refuses.
        """
        path = self.folder / DELIVERED
        if not path.exists():
            return {}
        try:
            lines = {str(record["case"]): record for record, _ in complete_lines(path)}
            found = {case: (str(line["status"]), float(line["seconds"])) for case, line in lines.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged ({error!r}); remove it to have its cases answered again") from error
        whole = {
            case: each for case, each in found.items() if each[0] != OK or prediction_path(self.folder, case).exists()
        }
        write_whole(path, "".join(json_line(lines[case]) for case in whole).encode())
        return whole

    def add(self, case: str, status: str, seconds: float) -> None:
        """Note an answer whose prediction (if any) is on disk; of one case the last counts.

        Raises:
            WriteError: when the disk refuses.
        """
        append(self.folder / DELIVERED, json_line({"case": case, "status": status, "seconds": seconds}))

    def clear(self) -> None:
        """Forget all; the run record has them now.

        Raises:
            WriteError: when the disk refuses.
        """
        path = self.folder / DELIVERED
        with writing(path):
            path.unlink(missing_ok=True)
