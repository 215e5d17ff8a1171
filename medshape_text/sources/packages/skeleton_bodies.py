"""Which mesh file of the composite skeleton holds which bones, and which files are left out and why.

Files of several bones are told apart by where the middle of each bone's bounding box lies: millimetres in the file's
frame, x to the left, y backwards, z upwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Body:
    """One bone: its category, the mesh file (without ``.stl``) and, in a file of several, its ``middle``.

    ``twin`` is the id of the bone of the other side that this one may be the mirror image of.
    """

    category: str
    stem: str
    middle: Point | None = None
    twin: str = ""

    @property
    def id(self) -> str:
        """Unique also where two files hold the same bone."""
        return f"myo-sim_{self.category}-{self.stem}"


_SINGLE = {
    "hat_skull": "skull",
    "hat_jaw": "mandible",
    "sacrum": "sacrum",
    "clavicle": "clavicula_right",
    "scapula": "scapula_right",
    "humerus": "humerus_right",
    "radius": "radius_right",
    "ulna": "ulna_right",
    **{bone: f"{bone}_right" for bone in ("scaphoid", "lunate", "triquetrum", "pisiform", "trapezium", "trapezoid",
                                          "capitate", "hamate")},
    "thumbprox": "hand_proximal_phalanx_right_1",
    "thumbdist": "hand_distal_phalanx_right_1",
    **{f"{ray}mc": f"metacarpal_right_{ray}" for ray in range(1, 6)},
    **{f"{ray}{short}ph": f"hand_{name}_phalanx_right_{ray}" for ray in range(2, 6)
       for short, name in (("prox", "proximal"), ("mid", "middle"), ("dist", "distal"))},
    **{f"thoracic{level}_s": f"vertebrae_T{level}" for level in range(1, 13)},
    **{f"lumbar{level}": f"vertebrae_L{level}" for level in range(1, 6)},
}  # fmt: skip

_LEG = {"pelvis": "hip", "femur": "femur", "tibia": "tibia", "fibula": "fibula", "patella": "patella", "talus": "talus"}

_NECK: dict[str, Point] = {
    "vertebrae_C1": (0.0, 18.9, 501.7),
    "vertebrae_C2": (-0.1, 19.0, 491.5),
    "vertebrae_C3": (-0.1, 19.1, 475.7),
    "vertebrae_C4": (-0.1, 21.0, 463.6),
    "vertebrae_C5": (-0.1, 26.9, 446.9),
    "vertebrae_C6": (-0.1, 30.3, 432.9),
    "vertebrae_C7": (-0.1, 34.2, 419.1),
}

# x is that of the left bone; its right twin lies at -x, within half a millimetre or so.
_CHEST_PAIRS: dict[str, Point] = {
    "clavicula": (74.2, -7.2, 389.6),
    "scapula": (124.7, 27.6, 325.9),
    "rib 1": (45.0, 17.4, 390.4),
    "rib 2": (61.2, 5.9, 365.5),
    "rib 3": (67.7, 5.4, 343.5),
    "rib 4": (73.1, 5.8, 318.0),
    "rib 5": (75.7, 3.1, 292.9),
    "rib 6": (79.1, -0.2, 268.1),
    "rib 7": (77.9, -2.0, 242.3),
    "rib 8": (79.1, -2.0, 214.5),
    "rib 9": (74.5, 2.7, 188.3),
    "rib 10": (69.6, 7.9, 165.8),
    "rib 11": (61.3, 34.8, 152.6),
    "rib 12": (46.4, 45.0, 148.0),
}

# Here x is that of the right bone, in the frame of the right foot.
_FOOT: dict[str, Point] = {
    "calcaneus": (4.9, -28.0, 16.6),
    "tarsal_navicular": (21.9, -82.1, 26.5),
    "cuboid": (-14.6, -72.9, 18.1),
    "medial_cuneiform": (25.5, -107.0, 21.4),
    "intermediate_cuneiform": (13.5, -98.3, 27.0),
    "lateral_cuneiform": (-1.1, -88.2, 22.3),
    "metatarsal 1": (23.5, -149.2, 12.9),
    "metatarsal 2": (4.4, -141.8, 16.2),
    "metatarsal 3": (-10.6, -132.5, 13.7),
    "metatarsal 4": (-22.9, -120.0, 13.4),
    "metatarsal 5": (-34.2, -105.2, 11.1),
}
_TOES: dict[str, Point] = {
    "foot_proximal_phalanx 1": (25.4, -27.7, 0.0),
    "foot_proximal_phalanx 2": (-4.4, -22.1, -2.4),
    "foot_proximal_phalanx 3": (-18.1, -6.7, -1.4),
    "foot_proximal_phalanx 4": (-32.1, 7.6, -0.5),
    "foot_proximal_phalanx 5": (-43.9, 19.7, -0.1),
    "foot_middle_phalanx 2": (-9.8, -52.8, -3.1),
    "foot_middle_phalanx 3": (-23.5, -34.0, -3.1),
    "foot_middle_phalanx 4": (-37.4, -18.5, -3.1),
    "foot_middle_phalanx 5": (-49.0, -5.3, -3.1),
    "foot_distal_phalanx 1": (16.9, -63.9, -3.7),
    "foot_distal_phalanx 2": (-12.7, -67.0, -3.2),
    "foot_distal_phalanx 3": (-25.6, -46.4, -3.2),
    "foot_distal_phalanx 4": (-39.2, -30.0, -3.2),
    "foot_distal_phalanx 5": (-50.6, -15.3, -3.2),
}

SKIPPED = {
    **dict.fromkeys(("lower_exo_belt", "lower_exo_legs", "upper_exo"), "an exoskeleton"),
    **dict.fromkeys(("osl_ankle_v2", "osl_custom_foot_v2", "osl_generic_socket", "osl_knee_v2",
                     "osl_proximal_adapter_v2"), "a prosthesis"),
    "osl_femur_trans_r": "a femur cut off for a prosthesis",
    "torso_lowpoly-v1": "the outside of a torso, made for display",
    "ground_skull": "the same as hat_skull",
    "ground_jaw": "the same as hat_jaw",
    "ground_spine": "the same vertebrae as hat_cervical, thoracic*_s and lumbar*",
    "hat_thoracic": "the same vertebrae as thoracic*_s, turned, with open discs between them",
    "hat_lumbar": "the same vertebrae as lumbar*, turned, with open discs between them",
    "thorax": "the same ribs as hat_ribs_scap",
}  # fmt: skip
"""Mesh files left out, with the reason."""

LEFT_IN_FILE = {
    "hat_cervical": "open bands between the vertebrae that stand for discs",
    "hat_ribs_scap": "an emblem in front of the chest, and the flat panes it frames",
}
"""What is left out of files that are split, with the reason."""


def bodies() -> tuple[Body, ...]:
    """All bones, in the order of the published rows; a left one that may be mirrored comes after its right twin."""
    return tuple(_bodies())


def _bodies() -> Iterator[Body]:
    for stem, category in _SINGLE.items():
        yield Body(category, stem)
    for category, middle in _NECK.items():
        yield Body(category, "hat_cervical", middle)
    yield Body("sternum_with_rib_cartilage", "hat_ribs_scap", (0.0, -57.2, 243.3))
    for name, (x, y, z) in _CHEST_PAIRS.items():
        right = Body(_category(name, "right"), "hat_ribs_scap", (-x, y, z))
        yield right
        yield Body(_category(name, "left"), "hat_ribs_scap", (x, y, z), right.id)
    for stem, name in _LEG.items():
        right = Body(f"{name}_right", f"r_{stem}")
        yield right
        yield Body(f"{name}_left", f"l_{stem}", twin=right.id)
    for stem, table in (("foot", _FOOT), ("bofoot", _TOES)):
        for name, (x, y, z) in table.items():
            right = Body(_category(name, "right"), f"r_{stem}", (x, y, z))
            yield right
            yield Body(_category(name, "left"), f"l_{stem}", (-x, y, z), right.id)


def _category(name: str, side: str) -> str:
    structure, _, level = name.partition(" ")
    return f"{structure}_{side}_{level}" if level else f"{structure}_{side}"
