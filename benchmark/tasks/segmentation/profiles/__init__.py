"""Conventions of scoring by name: ours in millimetres, and those of packages whose numbers people know.

A profile says which categories of a case it scores and the values of each. Numbers of different profiles have
different signatures and are never ranked together.
"""

from benchmark.tasks.segmentation.profiles.diffatlas import DIFFATLAS
from benchmark.tasks.segmentation.profiles.kits23 import KITS23
from benchmark.tasks.segmentation.profiles.nnunet import NNUNET
from benchmark.tasks.segmentation.profiles.profile import Profile
from benchmark.tasks.segmentation.profiles.volume import VOLUME

PROFILES: dict[str, Profile] = {each.name: each for each in (VOLUME, NNUNET, DIFFATLAS, KITS23)}

__all__ = ["PROFILES", "Profile"]
