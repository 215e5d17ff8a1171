"""The words of the site that are not in its templates: what tiers, findings and controls mean."""

from __future__ import annotations

TIERS = {
    "quoted": "printed in a paper, copied from there; not recomputed, never ranked",
    "self-reported": "reported by its submitter; nothing was recomputed",
    "recomputed": "computed by us from the submitted predictions and the pinned truth",
    "reproduced": "computed by us from predictions that we made anew from the submitted weights",
}
SEVERITIES = {
    "refused": "nothing of the submission is shown",
    "flagged": "shown, but read this first",
    "note": "good to know",
}
PROFILES = {
    "overlap": "Overlap of volumes",
    "dense": "Dense: 8192 points or exact surfaces, millimetres",
    "genmed": "GenMed: the published code's conventions",
    "field": "Field: the conventions of point-cloud papers",
    "quoted": "Quoted from papers",
}


def sentence(finding_code: str) -> str:
    """A kebab-case code as words.

    >>> sentence("equal-to-truth")
    'equal to truth'
    """
    return finding_code.replace("-", " ")
