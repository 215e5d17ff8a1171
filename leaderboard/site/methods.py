"""Method pages: everything about a submission, what was verified of it, and where it stands."""

from __future__ import annotations

from leaderboard.model import Board, MethodPage, Verification, refuses
from leaderboard.site import standing
from leaderboard.site.names import key
from leaderboard.site.words import SEVERITIES, TIERS

MOST_FILES = 50
_VERDICTS = {
    "reproduced": "Every number is, bit for bit, the reported one.",
    "differs": "At least one number is not the reported one; the numbers shown are ours.",
    "cannot": "The numbers could not be computed; the findings say why.",
}


def method_context(board: Board, page: MethodPage, verification: Verification | None) -> dict[str, object]:
    """What the template of a method page needs."""
    refused = refuses(page.findings)
    places = [
        (table, key(table.id), standing.line(table, entry), standing.columns(table))
        for table in board.tables
        for entry in (*table.entries, *table.quoted)
        if entry.submission == page.submission and not standing.is_refused(entry) and not refused
    ]
    return {
        "title": page.method,
        "page": page,
        "refused": refused,
        "tier_note": TIERS.get(page.tier, ""),
        "severities": SEVERITIES,
        "places": places,
        "hardware": sorted({line.entry.hardware for _, _, line, _ in places if line.entry.hardware}),
        "verification": verification,
        "verdict_note": _VERDICTS.get(verification.verdict, "") if verification else "",
        "computed_by": _flat(verification.toolkit) if verification else [],
        "files": sorted(verification.files.items())[:MOST_FILES] if verification else [],
        "memorisation": _memorisation(verification) if verification else "",
    }


def _memorisation(verification: Verification) -> str:
    """How many cases lie nearer to a training shape than to the truth."""
    ratios = list(verification.memorisation.values())
    if not ratios:
        return ""
    nearer = sum(ratio < 1 for ratio in ratios)
    middle = sorted(ratios)[len(ratios) // 2]
    return (
        f"{nearer} of {len(ratios)} predictions lie nearer to a training shape than to the truth; "
        f"the median ratio of the two distances is {middle:.3g}"
    )


def _flat(record: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            found += _flat({str(inner): each for inner, each in value.items()}, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
