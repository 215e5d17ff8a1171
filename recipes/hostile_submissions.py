"""What `genmed-bench verify` says of a corpus of hostile submissions: ``hostile_submissions.py [WORK]``.

Prints a table of name, reason code, seconds, and MiB of memory: what the verifier grew by at its highest, and what the
process that parsed the predictions took. Ends with an error if one was not found out, or anything was written.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(_TESTS.parent), str(_TESTS / "leaderboard"), str(_TESTS / "benchmark")]

from hostile import SCORED, corpus, make_world, plant, snapshot  # noqa: E402

from leaderboard.verify import Verifier  # noqa: E402
from leaderboard.verify.parsing_child import peak_mib  # noqa: E402


def main(work: Path) -> int:
    """Verify the corpus; 0 if every one of it was found out."""
    world = make_world(work / "world")
    verifier = Verifier(world.data)
    honest = [verifier.verify(path, others=[*world.submissions.values()]) for path in world.submissions.values()]
    print("| submission | stage | verdict | reason code | seconds | MiB | parser MiB |")
    print("|---|---|---|---|---:|---:|---:|")
    for one in honest:
        print(f"| honest: {one.submission} | scored | {one.verdict} | Δ = {one.largest_difference} | | | |")
    wrong = sum(one.verdict != "reproduced" for one in honest)
    worst = (0.0, 0.0, 0.0)
    for number, hostile in enumerate(corpus()):
        place = work / f"{number:03}"
        place.mkdir()
        folder = plant(hostile, world, place)
        before = snapshot(work)
        _forget_peak()
        resting, began = _resting_mib(), time.perf_counter()
        answer = verifier.verify(folder, others=world.others if hostile.stage == SCORED else ())
        took = time.perf_counter() - began, max(0.0, peak_mib() - resting), verifier.parsing_mib
        worst = tuple(map(max, worst, took))
        codes = [finding.code for finding in answer.findings if finding.severity != "note"]
        told = any(one.code == hostile.code and hostile.said in one.detail for one in answer.findings)
        sound = told and snapshot(work) == before
        wrong += not sound
        others = f" (and {', '.join(code for code in codes if code != hostile.code)})" if len(codes) > 1 else ""
        said = hostile.code + others if sound else f"**{codes}, not {hostile.code}**"
        line = f"| {hostile.name} | {hostile.stage or 'read'} | {answer.verdict} | {said} "
        shutil.rmtree(place)
        print(line + f"| {took[0]:.2f} | {took[1]:.0f} | {took[2]:.0f} |", flush=True)
    print(f"\n{number + 1} hostile submissions, {wrong} not as they should be; at most {worst[0]:.1f} s, "
          f"{worst[1]:.0f} MiB and {worst[2]:.0f} MiB in the parser")  # fmt: skip
    return int(wrong > 0)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _resting_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as given:
        sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(given)))
