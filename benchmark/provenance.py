"""Where a result comes from: versions, sources, hardware. Nothing here decides a number by itself."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark.cores import available_cores
from benchmark.methods import hash_sources
from benchmark.tasks.family import Family

PACKAGE = "genmed-bench"
_NUMERICAL = ("torch", "numpy", "scipy", "scikit-image", "libigl")
_ROOT = Path(__file__).resolve().parent


def toolkit_version() -> str:
    """Version of the installed toolkit."""
    return installed(PACKAGE)


def installed(package: str) -> str:
    """Version of a package, or "absent"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def numerical_versions() -> dict[str, str]:
    """Versions of the libraries that compute scores and predictions."""
    return {package: installed(package) for package in _NUMERICAL}


def code_hash(family: Family) -> str:
    """SHA-256 of the sources that decide a score: the core of benchmark, the run's own family, and curation.

    A commit says nothing about edits that were not committed, or about an installed package; this does. Other
    families are no part of it, so that adding one leaves the runs of all others as they were.
    """
    parts = (
        hash_sources(_ROOT, skip=("report", "cli", "tasks", "drawing")),
        hash_sources(_ROOT / "tasks", top_only=True),
        _family_hash(type(family)),
        hash_sources(_ROOT.parent / "medshape_text" / "curate"),
    )
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _family_hash(kind: type[Family]) -> str:
    """SHA-256 of a family's folder; of a module that is in no package only its file, for its folder is everyone's."""
    path = Path(inspect.getfile(kind))
    if "." not in kind.__module__ and path.name != "__init__.py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return hash_sources(path.parent)


def git_state() -> dict[str, object]:
    """Commit of the checkout the toolkit runs from and whether it has uncommitted changes; None where installed."""
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if status is None else bool(status)}


def hardware(device: str) -> dict[str, object]:
    """What the run used: processor, cores, memory, accelerator."""
    facts: dict[str, object] = {
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "device": device,
    }
    if device.startswith("cuda"):
        import torch

        facts["accelerator"] = torch.cuda.get_device_name(device)
    return facts


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration in canonical JSON."""
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def describe(configuration: Mapping[str, Any], device: str | None) -> dict[str, Any]:
    """Everything ``run.json`` says beside the configuration; without a device, where nothing ran, what scored it."""
    toolkit = {"package": PACKAGE, "version": toolkit_version()}
    if device is None:
        return {"configuration_sha256": configuration_hash(configuration), "toolkit": toolkit}
    return {
        "configuration_sha256": configuration_hash(configuration),
        "toolkit": {**toolkit, **git_state()},
        "python": platform.python_version(),
        "hardware": hardware(device),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(_ROOT), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"
