"""A build of MedShapeNet's size from a local server with planted faults: does it finish, and do its counts add up?

    python recipes/medshapenet_rehearsal.py --lines 68700 --out /tmp/rehearsal --workers 2
    python recipes/medshapenet_rehearsal.py --lines 5000 --out /tmp/killed --kills 3 --same-as /tmp/uninterrupted

The shapes are synthetic ones and, with ``--real`` (a mini data set), decimated real bones, each stretched and bent in
its own way. One per cent of the links have faults of every kind. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SERVER = REPOSITORY / "tests" / "medshape_text" / "medshapenet_server.py"


def main() -> int:
    """Build, watch, compare."""
    options = _options()
    served = [sys.executable, str(SERVER), "--lines", str(options.lines), "--copies", str(options.copies),
              "--port", str(options.port)]  # fmt: skip
    if options.real:
        served += ["--real", str(options.real)]
    with subprocess.Popen(served, stdout=subprocess.PIPE, text=True, cwd=SERVER.parent) as server:  # noqa: S603
        try:
            assert server.stdout is not None  # noqa: S101 - it is a pipe
            announced = json.loads(server.stdout.readline())
            command = [str(Path(sys.executable).with_name("medshape-build")), "--source", "medshapenet",
                       "--urls", announced["list"], "--out", str(options.out), "--cache", str(options.cache),
                       "--workers", str(options.workers), "--engine", options.engine]  # fmt: skip
            code = _run(command, options)
        finally:
            server.kill()
    if code:
        return code
    wrong = _compare_counts(options.out, announced["expected"])
    if options.same_as:
        wrong += _compare_files(options.out, options.same_as)
    for line in wrong:
        print("WRONG:", line)
    print("as expected" if not wrong else f"{len(wrong)} differences")
    return bool(wrong)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="of downloads [default: OUT.cache]")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--copies", type=int, default=3, help="planted duplicates of each kind")
    parser.add_argument("--real", type=Path, help="a mini data set whose bones are served too")
    parser.add_argument("--port", type=int, default=0, help="the list is part of what is built: fix it to compare")
    parser.add_argument("--kills", type=int, default=0, help="how often to send SIGKILL")
    parser.add_argument("--every", type=float, default=40.0, help="seconds between kills, about")
    parser.add_argument("--same-as", type=Path, help="a data set that has to have the same bytes")
    options = parser.parse_args()
    options.cache = options.cache or options.out.with_name(options.out.name + ".cache")
    return options


def _run(command: list[str], options: argparse.Namespace) -> int:
    began, peak = time.monotonic(), 0
    pauses = random.Random(0)  # noqa: S311 - when to kill is no secret
    kills = options.kills
    while True:
        process = subprocess.Popen(command)  # noqa: S603
        until = time.monotonic() + options.every * pauses.uniform(0.5, 1.5) if kills else float("inf")
        while process.poll() is None and time.monotonic() < until:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.5)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills -= 1
        print(f"killed after {time.monotonic() - began:.0f} s, {kills} to go", flush=True)
    print(f"exit code {process.returncode} after {time.monotonic() - began:.0f} s; "
          f"all its processes together had at most {peak / 2**30:.2f} GiB")  # fmt: skip
    if kills:
        print(f"it ended before the last {kills} kills")
    return process.returncode


def _memory(parent: int) -> int:
    """Proportional memory of a process and all below it, in bytes: what is shared counts once."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    total, family = 0, [parent]
    while family:
        process = family.pop()
        family += children.get(process, [])
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


def _compare_counts(folder: Path, expected: dict) -> list[str]:  # type: ignore[type-arg]
    import pyarrow.parquet as pq

    manifest = json.loads((folder / "manifest.json").read_text())
    dropped = pq.read_table(folder / "dropped.parquet").to_pylist()
    reasons: dict[str, int] = {}
    for row in dropped:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    rows = sum(entry["rows"] for name, entry in manifest["files"].items() if name.startswith("shapes/"))
    print(f"{rows} shapes, {len(dropped)} dropped: {json.dumps(dict(sorted(reasons.items())))}")
    wrong = []
    if rows + len(dropped) != expected["lines"]:
        wrong.append(f"{rows} + {len(dropped)} shapes of {expected['lines']} lines")
    wrong += [f"stage {stage['name']} does not add up" for stage in manifest["stages"]
              if stage["n_in"] != stage["n_out"] + sum(stage["dropped"].values())]  # fmt: skip
    planted: dict[str, int] = {}
    for counts in expected["refused"].values():
        for reason, number in counts.items():
            planted[reason] = planted.get(reason, 0) + number
    wrong += [f"{reasons.get(reason, 0)} x {reason}, planted {number}"
              for reason, number in planted.items() if reasons.get(reason, 0) != number]  # fmt: skip
    wrong += _compare_copies(folder, dropped, expected["copies"])
    print((folder.with_name(folder.name + ".timings.json")).read_text())
    return wrong


def _compare_copies(folder: Path, dropped: list[dict], copies: list[list[str]]) -> list[str]:  # type: ignore[type-arg]
    import pyarrow.parquet as pq

    names = {row["id"]: row["file_name"] for path in sorted((folder / "shapes").glob("*.parquet"))
             for row in pq.read_table(path, columns=["id", "file_name"]).to_pylist()}  # fmt: skip
    gone = {row["id"] for row in dropped}
    pairs = pq.read_table(folder / "duplicates.parquet").to_pylist()
    print(f"{len(pairs)} duplicates found, {len(copies)} planted")
    wrong = []
    for original, copy, kind in copies:
        ends = [{shape_id for shape_id in (*names, *gone) if names.get(shape_id, shape_id).startswith(
            name.removesuffix(".stl").split(".")[0])} for name in (original, copy)]  # fmt: skip
        found = [pair for pair in pairs if any(pair["first"] in one and pair["second"] in other
                                               for one, other in (ends, ends[::-1]))]  # fmt: skip
        if not found:
            wrong.append(f"{copy} is a {kind} copy of {original}; the pair was not found")
        elif (found[0]["kind"] == "mirrored") != (kind == "mirrored"):
            wrong.append(f"{copy} is a {kind} copy of {original}, but was called {found[0]['kind']}")
    return wrong


def _compare_files(folder: Path, other: Path) -> list[str]:
    names = {path.relative_to(base) for base in (folder, other) for path in base.rglob("*") if path.is_file()}
    return [
        f"{name} differs"
        for name in sorted(names)
        if not (folder / name).exists()
        or not (other / name).exists()
        or (folder / name).read_bytes() != (other / name).read_bytes()
    ]


if __name__ == "__main__":
    sys.exit(main())
