"""How many processor cores there are to use, how many threads to use of them, and how idle threads wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """Processor cores this process may use: its CPU affinity, and no more than the CPU time its cgroup grants."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def threads(default: int = 1) -> int:
    """Threads to compute with: OMP_NUM_THREADS if it is set, else ``default``; never more than available cores.

    One a process unless said otherwise: the toolkit's networks are small, threads beyond the cores that are really
    free wait for each other, and sums split over threads are rounded otherwise on every machine.
    """
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # a list is one number per nested level
    wanted = int(said) if said.isdecimal() and int(said) > 0 else default
    return max(1, min(wanted, available_cores()))


def wait_passively() -> None:
    """Let idle OpenMP threads sleep instead of spinning, unless the user has said how they wait.

    OpenMP reads this when it is loaded: call it before anything imports torch. torch's own wheels bring GNU's library,
    conda's bring Intel's, which has its own name for it.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("KMP_BLOCKTIME", "0")


def cpu_quota(root: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> float | None:
    """CPU time in cores that the cgroups of this process grant (``docker --cpus``), None where they set no limit.

    Args:
        root: where cgroups are mounted, version 2 or 1.
        membership: the file that says which ones this process is in.
    """
    limits = [limit for folder in _own_cgroups(root, membership) if (limit := _limit(folder)) is not None]
    return min(limits, default=None)


def _own_cgroups(root: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process's cgroups and their parents: the tightest limit of all holds.

    In a container the path may be the host's, and only the root be mounted: what is not there limits nothing.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / controllers if controllers else root
        if controllers and not mount.is_dir():
            mount = root / "cpu"
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for length in range(len(parts), -1, -1):
            yield mount.joinpath(*parts[:length])


def _limit(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8")
            period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8")
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError):
        return None
