"""The tables of the card, counted by Arrow: no row becomes a Python object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medshape_text import licences as known
from medshape_text.records import SPLITS


class Kept(Protocol):
    """What a stage kept; :class:`medshape_text.pipeline.StageCount` is one."""

    @property
    def stage(self) -> str:
        """Its name."""
        ...

    @property
    def n_in(self) -> int:
        """Shapes that came to it."""
        ...

    @property
    def n_out(self) -> int:
        """Shapes that left it."""
        ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """The others, by reason code."""
        ...


def count(light: pa.Table, *columns: str) -> dict[tuple[Any, ...], int]:
    """How many rows have each combination of values, in the order of the values."""
    found = light.select(list(columns)).group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()
    numbers = {tuple(row[name] for name in columns): int(row["count_all"]) for row in found}
    return dict(sorted(numbers.items()))


def splits(light: pa.Table) -> list[str]:
    """The splits that have rows, in their usual order."""
    found = set(light.column("split").unique().to_pylist())
    return [split for split in SPLITS if split in found]


def shapes(light: pa.Table) -> str:
    """Category and origin by split."""
    number = count(light, "category", "origin", "split")
    columns = splits(light)
    kinds = sorted({(category, origin) for category, origin, _ in number})
    body = [[*kind, *(str(number.get((*kind, split), 0)) for split in columns)] for kind in kinds]
    total = count(light, "split")
    body.append(["**all**", "", *(str(total[split,]) for split in columns)])
    return table(["category", "origin", *columns], body)


def real(light: pa.Table) -> pa.Table:
    """Category, volume in cm3 and longest side in mm of the shapes of real subjects that have a physical size."""
    measured = pc.and_(pc.is_valid(light["volume_mm3"]), pc.is_valid(light["extent_mm"]))
    rows = light.filter(pc.and_(measured, pc.equal(light["origin"], "real_subject"))).combine_chunks()
    sides = rows.column("extent_mm").combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, 3)
    volume = rows.column("volume_mm3").to_numpy() / 1000
    return pa.table({"category": rows["category"], "volume": volume, "longest": sides.max(axis=1, initial=0)})


def sizes(light: pa.Table) -> str:
    """Volume and longest side by category; empty where no real shape has a physical size."""
    measured = real(light)
    names = measured.column("category").to_numpy(zero_copy_only=False)
    body = []
    for category in sorted(set(names)):
        mine = names == category
        volume, longest = (measured.column(name).to_numpy()[mine] for name in ("volume", "longest"))
        body.append([category, str(mine.sum()), _spread(volume), _spread(longest)])
    return table(["category", "shapes", "volume, cm³", "longest side, mm"], body) if body else ""


def captions(light: pa.Table) -> str:
    """Captions by provenance."""
    found = light.column("captions").combine_chunks().flatten()
    if not len(found):
        return ""
    counted = pc.value_counts(found.field("provenance")).to_pylist()
    body = sorted([str(item["values"]), str(item["counts"])] for item in counted)
    return table(["provenance", "captions"], body)


def licences(light: pa.Table) -> str:
    """Source, licence and what it lets us do, by origin."""
    body = []
    for (source, licence, origin, allowed), number in count(
        light, "source", "licence", "origin", "redistributable"
    ).items():
        refusal = known.refusal(licence, bool(allowed))
        found = known.find(licence)
        name = f"[{found.id}]({found.url})" if found else licence or "not stated"
        terms = found.condition if found else ""
        body.append([source, name, origin, str(number), terms, f"no: {refusal.detail}" if refusal else "yes"])
    return table(["source", "licence", "origin", "shapes", "condition", "may be published"], body)


def credit(light: pa.Table, attribution: Mapping[str, str]) -> dict[str, str]:
    """Attribution and citation of every source that has rows and states them."""
    sources = sorted(light.column("source").unique().to_pylist())
    return {source: attribution[source].strip() for source in sources if attribution.get(source)}


def flags(light: pa.Table) -> str:
    """Flags by number of shapes."""
    found = light.column("flags").combine_chunks().flatten()
    counted = sorted((str(item["values"]), int(item["counts"])) for item in pc.value_counts(found).to_pylist())
    return table(["flag", "shapes"], [[name, str(number)] for name, number in counted]) if counted else "No flags."


def repairs(light: pa.Table) -> str:
    """Repairs by number of shapes and of elements."""
    found = light.column("repairs").combine_chunks().flatten()
    if not len(found):
        return "No repairs."
    done = pa.table({"action": found.field("action"), "count": found.field("count")})
    rows = done.group_by("action").aggregate([([], "count_all"), ("count", "sum")]).sort_by("action").to_pylist()
    return table(
        ["repair", "shapes", "elements"],
        [[row["action"], str(row["count_all"]), str(row["count_sum"])] for row in rows],
    )


def findings(duplicates: Mapping[str, Any], leaks: Mapping[str, Any]) -> str:
    """What was found twice or in several splits, as given."""
    named = {"duplicates": duplicates, "leaks": leaks}
    body = [[what, str(key), _plain(value)] for what, found in named.items() for key, value in found.items()]
    return table(["about", "what", "found"], body) if body else ""


def stages(counts: Sequence[Kept]) -> str:
    """The funnel: what came to every stage and left it, and why the rest did not."""
    body = []
    for stage in counts:
        dropped = ", ".join(f"{reason}: {number}" for reason, number in stage.dropped.items()) or "none"
        body.append([stage.stage, str(stage.n_in), str(stage.n_out), dropped])
    return table(["stage", "in", "out", "dropped"], body)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A Markdown table; nothing in a cell can end it."""
    lines = [head, ["---"] * len(head), *([_cell(text) for text in line] for line in body)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(part)}" for key, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return str(value)


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    deviation = f" ± {values.std(ddof=1):.3g}" if len(values) > 1 else ""
    return f"{values.mean():.3g}{deviation}"
