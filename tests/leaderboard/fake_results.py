"""Results folders written by hand: made-up submissions with the verification trusted code would have given them.

No predictions are in them, only bytes that stand for some: nothing here is computed from volumes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from leaderboard.model import Finding, Verification
from leaderboard.submission.layout import submission_id
from medshape_text.hashing import canonical_json, sha256

DICE = "dice|overlap|input:sdf<0|grid:64|empty:nan|v1"
OBSERVED = "observed_dice|overlap|input:sdf<0|grid:64|where:observed|empty:1|v1"
CD = "cd|dense|points:8192|sample:area-uniform|to:exact-surface|level:0|unit:mm|norm:l2|reduce:mean|v1"
UHD = "uhd|genmed|points:512|sample:fps-mc-vertices|level:0|unit:box|scale:100|norm:l2|directed:no|v1"
REVISION = "ab" * 32
CATEGORIES = ("femur_left", "hip_left", "sacrum")


def rows_of(
    quality: float, seed: int = 0, subjects: int = 6, signatures: Sequence[str] = (DICE,), failing: Sequence[int] = (),
    categories: Sequence[str] = CATEGORIES,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of every subject's shape of every category; cases of the places in ``failing`` score worst."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(subjects * len(categories)):
        subject, category = f"s{number // len(categories)}", categories[number % len(categories)]
        for signature in signatures:
            metric = signature.split("|")[0]
            higher = metric in {"dice", "observed_dice"}
            failed = number in failing
            good = quality + 0.01 * rng.normal()
            value = (0.0 if higher else 100.0) if failed else good if higher else 10 * (1 - good)
            rows.append({
                "case": f"{subject}_{category}", "subject": subject, "category": category,
                "origin": "real_subject" if number % 2 else "template", "metric": metric, "signature": signature,
                "value": float(value), "status": "crashed" if failed else "ok",
            })  # fmt: skip
    return rows


def document_of(name: str, rows: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """A ``submission.json`` of a made-up method."""
    signatures = {f"{row['signature'].split('|')[1]}/{row['metric']}": row["signature"] for row in rows}
    document = {
        "schema_version": 1, "made_by": "run", "task": "multiplane",
        "method": {"name": name, "title": f"A made-up method, {name}", "control": False},
        "authors": [{"name": "Ada"}], "licence": "MIT", "code": "none", "weights": "none", "training_sets": ["none"],
        "hardware": {"processor": "Abacus", "cores": 1}, "seeds": [0], "signatures": signatures,
        "data": {"name": "mini", "revision": REVISION, "split": "test"},
    }  # fmt: skip
    return document | changes


def add(
    results: Path, name: str, rows: Sequence[Mapping[str, Any]], *,
    verified: bool = True, verdict: str = "reproduced",
    findings: Sequence[Finding] = (), created: str = "2026-11-01T00:00:00+00:00", seconds: float = 1.0,
    predictions: bytes | None = None, reported: Sequence[Mapping[str, Any]] | None = None, revision: str = REVISION,
    remade: bool = False, task_version: int = 1, **changes: Any,
) -> str:  # fmt: skip
    """Add a submission; ``rows`` are what was computed here, ``reported`` what its submitter says. Gives the id."""
    document = document_of(name, rows, **changes)
    cases = sorted({row["case"] for row in rows})
    configuration = {
        "task": {"name": document["task"], "version": task_version}, "method": {"name": name},
        "data": document["data"], "signatures": document["signatures"],
    }  # fmt: skip
    files = {
        "submission.json": json.dumps(document).encode(),
        "run.json": json.dumps({"configuration": configuration, "cases": cases, "created": created}).encode(),
        "cases.jsonl": lines(rows if reported is None else reported),
        "timings.jsonl": lines([{"case": case, "seconds": seconds, "peak_rss_mib": 500.0} for case in cases]),
        "observations.jsonl": lines([{"case": case, "sha256": "0" * 64} for case in cases]),
        "predictions.parquet": predictions if predictions is not None else f"{name}{created}".encode(),
    }
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in sorted(files.items())
    }
    identity = submission_id(document["task"], name, sha256(canonical_json(listed)))
    folder = results / "submissions" / identity
    folder.mkdir(parents=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    (folder / "files.json").write_bytes(canonical_json(listed))
    if verified:
        hashes = {path: str(facts["sha256"]) for path, facts in listed.items()}
        record = Verification(
            identity, verdict, 0.0, tuple(findings), hashes, revision,
            tuple(dict(row) for row in rows), remade=remade,
        )  # fmt: skip
        write_verification(results, record)
    return identity


def write_verification(results: Path, record: Verification) -> Path:
    """Put a verification where it belongs."""
    path = results / "verification" / f"{record.submission}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(record)), encoding="utf-8")
    return path


def withdraw(results: Path, name: str, reason: str = "a bug") -> None:
    """Withdraw a submission."""
    path = results / "withdrawn" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"date": "2026-11-22", "reason": reason}), encoding="utf-8")


def lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()
