"""``recipe/``: what was left out of a published data set, why, and how whoever may use it rebuilds it."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from medshape_text import licences, shards

FOLDER = "recipe"
COLUMNS = ("id", "subject", "category", "source", "licence", "file_name", "url", "input_sha256")
"""The columns of a row that the recipe tells."""


def write(
    target: Path, manifest: Mapping[str, Any], total: int, rows: Iterable[Mapping[str, Any]],
    excluded: Mapping[str, licences.Refusal], command: str,
) -> dict[str, int]:  # fmt: skip
    """Write the folder into the filtered copy ``target``; gives the rows of its table.

    Args:
        target: it exists.
        manifest: of the whole data set.
        total: shapes of the whole data set.
        rows: all of them, with `COLUMNS`.
        excluded: ids that were left out, with why.
        command: that builds the whole data set.
    """
    (target / FOLDER).mkdir()
    found = []
    for row in rows:
        refusal = excluded.get(row["id"])
        if refusal is not None:
            found.append({**row, "reason": refusal.reason, "detail": refusal.detail})
    schema = pa.schema([pa.field(name, pa.string()) for name in (*COLUMNS, "reason", "detail")])
    shards.write_table(target / FOLDER / "excluded.parquet", pa.Table.from_pylist(found, schema=schema))
    reasons = Counter(refusal.reason for refusal in excluded.values())
    source = json.dumps(manifest["source"], indent=1, ensure_ascii=False)
    text = f"""\
# Shapes that are not here

{len(found)} of {total} shapes may not be handed on, or nobody has said that they may
({", ".join(f"{number} × {reason}" for reason, number in sorted(reasons.items()))}).
`excluded.parquet` names each of them with its licence, the reason, and the sha256 of the file it was read from
(`input_sha256`). Whoever may use the sources rebuilds them, with all the others, by

    {command}

Words in capitals stand for your own files and folders. From the same inputs the whole data set has the revision
`{manifest["revision"]}`
in its `manifest.json`. What it was made of:

```json
{source}
```
"""
    (target / FOLDER / "README.md").write_text(text, encoding="utf-8")
    return {f"{FOLDER}/excluded.parquet": len(found)}


def command(source: Mapping[str, Any]) -> str:
    """The command that builds a data set of this source, as far as its manifest tells; capitals are the user's.

    >>> command({"name": "medshapenet", "list": {"limit": 40}, "subject_table": ""})
    'medshape-build --source medshapenet --urls LIST --limit 40 --out DIR'
    >>> command({"name": "folder", "licence": "CC BY 4.0", "subject_table": "ab12"})
    "medshape-build --source folder FOLDER --licence 'CC BY 4.0' --meta META.csv --out DIR"
    """
    name = str(source.get("name", "NAME"))
    parts = ["medshape-build", "--source", shlex.quote(name)]
    if name == "medshapenet":
        parts += ["--urls", "LIST"]
        limit = source.get("list", {}).get("limit")
        parts += ["--limit", str(limit)] if limit else []
    elif name == "folder":
        parts += ["FOLDER", "--licence", shlex.quote(str(source.get("licence", "unknown")))]
    for part in source.get("inputs", ()):
        if "synthetic" in part:
            parts += ["--synthetic", str(part["synthetic"]["per_category"])]
        if part.get("package", "").startswith("mricron"):
            parts += ["--brain", "MRICRON"]
    if source.get("subject_table"):
        parts += ["--meta", "META.csv"]
    return " ".join([*parts, "--out", "DIR"])
