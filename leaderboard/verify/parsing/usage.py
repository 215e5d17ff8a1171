"""Memory of a process at its highest, where the system tells (what it tells of ended children counts the parent's)."""

from __future__ import annotations

from pathlib import Path


def peak_mib(process: str = "self") -> float:
    """Peak resident memory of a running process in MiB; 0 where nobody tells."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    values = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(values[0]) / 1024 if values else 0.0
