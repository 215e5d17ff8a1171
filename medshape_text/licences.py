"""What licences let us do with shapes: hand on the files of a source, and hand on what we made of them.

Everything a data set holds (normalised meshes, distance fields, samples, captions) is derived from its source, so
a row may be published only if derived data may. What is not in the table, or blank, may not: nobody has said so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_CC = "https://creativecommons.org/licenses"


@dataclass(frozen=True)
class Licence:
    """One licence: ``id`` as SPDX has it, ``hub`` as the Hub's cards do.

    ``share`` says whether the source's own files may be handed on, ``share_derived`` whether what was made of them
    may; ``condition`` is what has to be kept to.
    """

    id: str
    hub: str
    url: str
    share: bool
    share_derived: bool
    condition: str


@dataclass(frozen=True)
class Refusal:
    """Why a row may not be published: a code and a sentence."""

    reason: str
    detail: str


def _cc(kind: str, version: str, condition: str, *, derived: bool = True, tail: str = "") -> Licence:
    name = f"CC-{kind.upper()}-{version}{f'-{tail.upper()}' if tail else ''}"
    path = f"{_CC}/{kind}/{version}/{f'{tail}/' if tail else ''}"
    return Licence(name, name.lower() if not tail else "other", path, True, derived, condition)


_CREDIT = "name the source"
_ALIKE = "name the source; pass on under the same licence"
_NC = "name the source; not for commercial use"
_TABLE = (
    Licence("CC0-1.0", "cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/", True, True, "none"),
    *(_cc("by", version, _CREDIT) for version in ("3.0", "4.0")),
    *(_cc("by-sa", version, _ALIKE) for version in ("3.0", "4.0")),
    _cc("by-sa", "2.1", _ALIKE, tail="jp"),
    *(_cc("by-nc", version, _NC) for version in ("3.0", "4.0")),
    *(_cc("by-nc-sa", version, f"{_NC}; pass on under the same licence") for version in ("3.0", "4.0")),
    *(_cc("by-nd", version, "unchanged files only", derived=False) for version in ("3.0", "4.0")),
    *(_cc("by-nc-nd", version, "unchanged files only, not for commercial use", derived=False)
      for version in ("3.0", "4.0")),
    Licence("MIT", "mit", "https://spdx.org/licenses/MIT.html", True, True, "keep the notice"),
    Licence("BSD-2-Clause", "bsd-2-clause", "https://spdx.org/licenses/BSD-2-Clause.html", True, True,
            "keep the notice"),
    Licence("BSD-3-Clause", "bsd-3-clause", "https://spdx.org/licenses/BSD-3-Clause.html", True, True,
            "keep the notice"),
    Licence("Apache-2.0", "apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", True, True,
            "keep the notice; say what was changed"),
    Licence("MPL-2.0", "mpl-2.0", "https://www.mozilla.org/MPL/2.0/", True, True,
            "keep the notice; changed files stay under MPL-2.0"),
    Licence("TCIA-Restricted", "other", "https://www.cancerimagingarchive.net/data-usage-policies-and-restrictions/",
            False, False, "by agreement with TCIA only"),
    Licence("HCP-Data-Use-Terms", "other", "https://www.humanconnectome.org/study/hcp-young-adult/document/"
            "wu-minn-hcp-consortium-open-access-data-use-terms", False, False, "by agreement with HCP only"),
)  # fmt: skip
LICENCES: Mapping[str, Licence] = {licence.id: licence for licence in _TABLE}


def find(text: str) -> Licence | None:
    """The licence a source names, whatever the case, dashes or blanks ("CC BY 4.0"); None if we do not know it.

    >>> find("CC BY-NC-ND 4.0").id
    'CC-BY-NC-ND-4.0'
    >>> find("free for research") is None
    True
    """
    return _BY_KEY.get(_key(text))


def refusal(licence: str, redistributable: bool) -> Refusal | None:
    """Why a row of this licence may not be published, or None if it may.

    Args:
        licence: as in the column ``licence``.
        redistributable: the column of that name: what the source itself says.
    """
    if not licence.strip():
        return Refusal("licence-not-stated", "the source states no licence")
    known = find(licence)
    if known is None:
        return Refusal("licence-unknown", f"{licence!r} is not a licence we know")
    if not known.share:
        return Refusal("licence-restricted", f"{known.id}: {known.condition}")
    if not known.share_derived:
        return Refusal("no-derivatives", f"{known.id} allows {known.condition}")
    if not redistributable:
        return Refusal("source-forbids", "the source does not let its shapes be handed on")
    return None


def _key(text: str) -> str:
    """Only case and what stands between words may differ: a remark in any script, or a "?", makes another licence."""
    return re.sub(r"[\s._-]+", "", text.strip()).lower()


_BY_KEY = {_key(licence.id): licence for licence in _TABLE}
