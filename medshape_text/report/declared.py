"""The parts of a manifest that the page shows, checked: it may have been edited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medshape_text.manifest import MANIFEST, DatasetError


@dataclass(frozen=True)
class Step:
    """A stage as the manifest declares it; ``dropped`` counts by reason code."""

    name: str
    version: str
    parameters: str
    n_in: int
    n_out: int
    dropped: Mapping[str, int]

    @property
    def n_dropped(self) -> int:
        """Over all reasons."""
        return sum(self.dropped.values())

    @property
    def adds_up(self) -> bool:
        """Whether nothing got lost in it."""
        return self.n_in == self.n_out + self.n_dropped


@dataclass(frozen=True)
class Config:
    """The files of a configuration (or of none: what lies beside them), all together."""

    name: str
    files: int
    rows: int
    size: int


@dataclass(frozen=True)
class Declared:
    """``builder`` is which release wrote the data set; ``facts`` are the rest, flattened to (key, value)."""

    name: str
    revision: str
    builder: str
    steps: tuple[Step, ...]
    configs: tuple[Config, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(config.size for config in self.configs)


def declared(manifest: Mapping[str, Any]) -> Declared:
    """What a manifest says.

    Raises:
        DatasetError: if a part is missing or is something else than it should be.
    """
    try:
        builder = manifest.get("builder", {})
        told = {key: manifest[key] for key in ("recipe", "schema_version", "source", "seeds", "writer")}
        return Declared(
            name=str(manifest["name"]),
            revision=str(manifest["revision"]),
            builder=f"{builder.get('package', 'unknown')} {builder.get('version', '')}".strip(),
            steps=tuple(_step(stage) for stage in manifest["stages"]),
            configs=tuple(_configs(manifest["files"])),
            facts=tuple(_flatten("", told)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise DatasetError(f"{MANIFEST} is damaged ({error!r}).") from error


def _step(stage: Mapping[str, Any]) -> Step:
    parameters = stage.get("parameters") or {}
    text = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in parameters.items())
    dropped = {str(reason): int(count) for reason, count in stage["dropped"].items()}
    return Step(
        str(stage["name"]), str(stage.get("version", "")), text, int(stage["n_in"]), int(stage["n_out"]), dropped
    )


def _configs(files: Mapping[str, Mapping[str, Any]]) -> list[Config]:
    found: dict[str, Config] = {}
    for path, entry in files.items():
        name = path.split("/")[0] if "/" in path else ""
        had = found.get(name, Config(name, 0, 0, 0))
        rows = int(entry.get("rows", 0)) if name else 0
        found[name] = Config(name, had.files + 1, had.rows + rows, had.size + int(entry["bytes"]))
    return sorted(found.values(), key=lambda config: (config.name == "", -config.size))


def _flatten(prefix: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        return [
            line for key, part in value.items() for line in _flatten(f"{prefix}.{key}" if prefix else str(key), part)
        ]
    return [(prefix, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))]
