"""What a submission may take at most, before anything of it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes, depths and times. A submission over any of them is refused.

    Attributes:
        yaml_bytes: of ``submission.yaml`` and of ``files.json``.
        json_bytes: of every other file but the predictions.
        prediction_bytes: of the predictions, whatever the number of cases.
        line_bytes: of a line of a JSON-lines file.
        depth: of nested JSON.
        values: in one JSON file.
        string: characters of a text.
        digits: of an integer.
        footer_bytes: of the part of a Parquet file that says what is in it.
        parsing_bytes: memory of the process that parses the predictions.
        parsing_seconds: of processor time and, apart from that, of waiting for this process.
    """

    yaml_bytes: int = 2**18
    json_bytes: int = 2**26
    prediction_bytes: int = 2**33
    line_bytes: int = 2**16
    depth: int = 16
    values: int = 1_000_000
    string: int = 10_000
    digits: int = 18
    footer_bytes: int = 2**22
    parsing_bytes: int = 2**30
    parsing_seconds: float = 300.0
