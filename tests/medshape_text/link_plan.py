"""A list of links in MedShapeNet's form with planted faults and duplicates, the same for the same arguments.

Names follow the published grammars: ``s0001_liver.nii.g_1.stl`` (TotalSegmentator), ``045776_kidneyleft.stl`` (six
digits), and a few of the others. Every fault says what has to become of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from medshape_text.seeds import generator_for, seed_for

_ORGANS = (
    "spleen kidney_right kidney_left gallbladder liver stomach aorta inferior_vena_cava pancreas adrenal_gland_right "
    "adrenal_gland_left lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right "
    "lung_lower_lobe_right esophagus trachea heart_myocardium heart_atrium_left heart_ventricle_left "
    "heart_atrium_right heart_ventricle_right pulmonary_artery brain small_bowel duodenum colon urinary_bladder "
    "humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right femur_left femur_right "
    "hip_left hip_right sacrum gluteus_maximus_left gluteus_maximus_right gluteus_medius_left gluteus_medius_right "
    "iliopsoas_left iliopsoas_right autochthon_left autochthon_right iliac_artery_left iliac_vena_left"
)
ORGANS = _ORGANS.split()
BONES = [*(f"vertebrae_{level}" for level in ("C1", "C7", *(f"T{n}" for n in range(1, 13)),
                                              *(f"L{n}" for n in range(1, 6)))),
         *(f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13))]  # fmt: skip
_CONCATENATED = (
    "adrenalglandleft adrenalglandright liver spleen kidneyleft kidneyright pancreas colon duodenum stomach aorta "
    "heartatriumleft lungupperlobeleft inferiorvenacava smallbowel pulmonaryartery clavicleleft clavicleright heart "
    "bladder sternum thyroidleft thyroidright prostate eyeballleft eyeballright thymus gluteusmediusleft "
    "vertebraeT3 vertebraeL2 costa9left costa8right costa1left scapulaleft hipleft hipright femurleft brain"
)
CONCATENATED = _CONCATENATED.split()

LIST_FAULTS = {
    "separator": "unsafe-name",
    "traversal": "unsafe-name",
    "control": "control-characters",
    "scheme": "bad-scheme",
    "archive": "not-stl",
    "duplicate-id": "duplicate-id",
}
"""Faults of the line itself, and the reason they are refused with."""
FETCH_FAULTS = {
    "empty": "empty-file",
    "html": "html-instead-of-stl",
    "error-page": "html-instead-of-stl",
    "missing": "not-found",
    "gone": "not-found",
    "forbidden": "forbidden",
    "huge": "too-large",
    "huge-chunked": "too-large",
    "endless": "too-large",
    "bomb": "encoded-body",
    "stalls": "stalled",
    "resets": "connection-reset",
    "limited": "rate-limited",
    "broken": "server-error",
    "cut-short": "truncated",
    "file-redirect": "bad-redirect",
    "redirect-loop": "bad-redirect",
}
"""Faults of the server, and the reason the download fails with."""
READ_FAULTS = {"truncated": "truncated", "lying-count": "truncated", "garbage": "truncated"}
"""Files that arrive and are none, and the reason they are refused with when read."""
LATER_FAULTS = {"nan": "non-finite"}
"""Files that can be read and are no shape."""
HARMLESS = {
    "ascii": "ok",
    "limited-once": "ok",
    "busy-once": "ok",
    "dropped-once": "ok",
    "dropped-no-range": "ok",
    "moved": "ok",
}
"""Trouble that a download has to get over."""
FAULTS = LIST_FAULTS | FETCH_FAULTS | READ_FAULTS | LATER_FAULTS | HARMLESS
COPIES = ("rotated", "mirrored", "remeshed")


@dataclass(frozen=True)
class Planned:
    """One line: the ``text`` in the list, the file's name, its fault or ``ok``, and of whom it is a ``copy``."""

    text: str
    name: str
    structure: str
    fault: str = "ok"
    original: str = ""
    copy: str = ""


def plan(lines: int, base: str, fault_share: float = 0.01, seed: int = 0, copies: int = 0) -> list[Planned]:
    """``lines`` entries in list order, links starting with ``base``; the last ``3 * copies`` are planted copies."""
    names = _names(seed)
    planned: list[Planned] = []
    for index in range(lines - len(COPIES) * copies):
        name, structure = next(names)
        planned.append(_line(base, name, structure, _fault(index, fault_share, seed), planned))
    return planned + plant_duplicates(planned, base, copies)


def plant_duplicates(planned: Sequence[Planned], base: str, copies: int) -> list[Planned]:
    """Copies of sound shapes under the names of other people in the other source: turned, mirrored and re-meshed."""
    sound = [entry for entry in planned if entry.fault == "ok" and entry.name.startswith("s")
             and entry.structure in _SAME]  # fmt: skip
    rng = generator_for("copies", "plan")
    chosen = rng.permutation(len(sound))[: len(COPIES) * copies].tolist()
    if len(chosen) < len(COPIES) * copies:
        raise ValueError(f"{len(sound)} sound shapes are too few for {copies} copies of each kind")
    made = []
    for number, index in enumerate(chosen):
        original, kind = sound[index], COPIES[number % len(COPIES)]
        structure = _SAME[original.structure]
        if kind == "mirrored":
            structure = _other_side(structure)
        name = f"{990000 + number:06d}_{structure}.stl"
        made.append(Planned(link(base, name), name, structure, "ok", original.name, kind))
    return made


def link(base: str, name: str) -> str:
    """The link of a file in MedShapeNet's form."""
    return f"{base}/s/HeShw1G4da15OOZ/download?path=%2F&files={quote(name)}"


def text_of(planned: Sequence[Planned], line_end: str = "\r\n") -> bytes:
    """The list as a file: a comment on top, now and then a blank line or a link said twice."""
    lines = ["# links in MedShapeNet's form"]
    for index, entry in enumerate(planned):
        lines.append(entry.text)
        if index % 1000 == 500:
            lines += ["", entry.text, "   # a comment"]
    return line_end.join([*lines, ""]).encode()


_SAME = {"liver": "liver", "spleen": "spleen", "pancreas": "pancreas", "colon": "colon", "stomach": "stomach",
         "kidney_left": "kidneyleft", "kidney_right": "kidneyright", "hip_left": "hipleft", "hip_right": "hipright",
         "adrenal_gland_left": "adrenalglandleft", "adrenal_gland_right": "adrenalglandright"}  # fmt: skip


def _other_side(structure: str) -> str:
    if structure.endswith("left"):
        return structure.removesuffix("left") + "right"
    return structure.removesuffix("right") + "left" if structure.endswith("right") else structure


def _names(seed: int) -> Iterator[tuple[str, str]]:
    """Names without end: two of three TotalSegmentator's, most of the others six digits, a few of the rest."""
    structures = ORGANS + BONES
    subject = 0
    while True:
        subject += 1
        rng = generator_for(f"{seed} {subject}", "names")
        for index in sorted(rng.permutation(len(structures))[: int(rng.integers(20, 60))].tolist()):
            yield f"s{subject:04d}_{structures[index]}.nii.g_1.stl", structures[index]
        for index in sorted(rng.permutation(len(CONCATENATED))[: int(rng.integers(8, 24))].tolist()):
            yield f"{subject:06d}_{CONCATENATED[index]}.stl", CONCATENATED[index]
        if subject % 4 == 0:
            yield f"{700000 + subject:06d}_skull.stl", "skull"
        if subject % 10 == 0:
            yield f"kidney_{subject:05d}.stl", "kidney"


def _fault(index: int, share: float, seed: int) -> str:
    draw = seed_for(f"{seed} {index}", "fault")
    if draw % 10**6 >= share * 10**6:
        return "ok"
    kinds = sorted(FAULTS)
    return kinds[draw // 10**6 % len(kinds)]


def _line(base: str, name: str, structure: str, fault: str, before: Sequence[Planned]) -> Planned:
    sound = Planned(link(base, name), name, structure, fault)
    start = f"{base}/s/HeShw1G4da15OOZ/download?path=%2F&files="
    match fault:
        case "separator":
            return replace(sound, text=f"{start}..%2F..%2F{quote(name)}")
        case "traversal":
            return replace(sound, text=f"{start}%252e%252e%252f{quote(name)}")
        case "control":
            return replace(sound, text=f"{start}%1b%5B2J{quote(name)}")
        case "scheme":
            return replace(sound, text=f"ftp://example.invalid/{quote(name)}")
        case "archive":
            return replace(sound, text=f"{base}/s/HeShw1G4da15OOZ/{quote(name)}.zip")
        case "duplicate-id":
            earlier = next((entry for entry in reversed(before) if entry.fault == "ok"), None)
            if earlier is None:
                return replace(sound, fault="ok")
            return Planned(f"{base}/s/rVbNskU3pCFm7GB/{quote(earlier.name)}", earlier.name, earlier.structure, fault)
    return sound
