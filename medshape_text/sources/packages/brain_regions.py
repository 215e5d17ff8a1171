"""116 regions of one real brain (AAL on Colin27), only from a file the user has: the Debian package ``mricron-data``.

The package is in Debian under the BSD licence, but the atlas has terms of its own upstream that it does not state:
its shapes are not for redistribution. Nothing is downloaded, and nothing is looked for where no path was given.
"""

from __future__ import annotations

import io
import lzma
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from medshape_text.hashing import sha256
from medshape_text.records import Shape
from medshape_text.sources.packages.label_maps import RECIPE, Labelled, LabelPart, read_labelled
from medshape_text.sources.packages.part import packaged_shape
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop

PACKAGE = "mricron-data 1.2.20211006+dfsg-4"
DEB_SHA256 = "d40aa0ed66cf89bf6cafa049ad3884703c9d975c2ee2737525b7196528df9d6f"
FILES = {
    "aal.nii.gz": "b512dcd3f36b77f56be7a9a038134096e66314b7e8c31d25875b96bcf6991454",
    "aal.nii.txt": "1788d6556a9ec056de9867b2382cf1ce1b51b87ae4cfd9cd25de48ae4dde709e",
}
SUBJECT = "colin27"
LICENCE = "BSD-3-Clause AND LicenseRef-AAL"
_FOLDER = "usr/share/mricron/templates"
_READ_VERSION = "1"
_MAX_BYTES = 2**20
_MAX_DEB_BYTES, _MAX_TAR_BYTES = 64 * 2**20, 256 * 2**20

_SIDES = {"L": "left", "R": "right"}
_NAMES = {
    "Precentral": "precentral_gyrus",
    "Frontal_Sup": "superior_frontal_gyrus",
    "Frontal_Sup_Orb": "superior_frontal_gyrus_orbital",
    "Frontal_Mid": "middle_frontal_gyrus",
    "Frontal_Mid_Orb": "middle_frontal_gyrus_orbital",
    "Frontal_Inf_Oper": "inferior_frontal_gyrus_opercular",
    "Frontal_Inf_Tri": "inferior_frontal_gyrus_triangular",
    "Frontal_Inf_Orb": "inferior_frontal_gyrus_orbital",
    "Rolandic_Oper": "rolandic_operculum",
    "Supp_Motor_Area": "supplementary_motor_area",
    "Olfactory": "olfactory_cortex",
    "Frontal_Sup_Medial": "superior_frontal_gyrus_medial",
    "Frontal_Med_Orb": "superior_frontal_gyrus_medial_orbital",
    "Rectus": "gyrus_rectus",
    "Insula": "insula",
    "Cingulum_Ant": "anterior_cingulate_gyrus",
    "Cingulum_Mid": "middle_cingulate_gyrus",
    "Cingulum_Post": "posterior_cingulate_gyrus",
    "Hippocampus": "hippocampus",
    "ParaHippocampal": "parahippocampal_gyrus",
    "Amygdala": "amygdala",
    "Calcarine": "calcarine_cortex",
    "Cuneus": "cuneus",
    "Lingual": "lingual_gyrus",
    "Occipital_Sup": "superior_occipital_gyrus",
    "Occipital_Mid": "middle_occipital_gyrus",
    "Occipital_Inf": "inferior_occipital_gyrus",
    "Fusiform": "fusiform_gyrus",
    "Postcentral": "postcentral_gyrus",
    "Parietal_Sup": "superior_parietal_gyrus",
    "Parietal_Inf": "inferior_parietal_gyrus",
    "SupraMarginal": "supramarginal_gyrus",
    "Angular": "angular_gyrus",
    "Precuneus": "precuneus",
    "Paracentral_Lobule": "paracentral_lobule",
    "Caudate": "caudate_nucleus",
    "Putamen": "putamen",
    "Pallidum": "pallidum",
    "Thalamus": "thalamus",
    "Heschl": "heschl_gyrus",
    "Temporal_Sup": "superior_temporal_gyrus",
    "Temporal_Pole_Sup": "superior_temporal_pole",
    "Temporal_Mid": "middle_temporal_gyrus",
    "Temporal_Pole_Mid": "middle_temporal_pole",
    "Temporal_Inf": "inferior_temporal_gyrus",
    "Cerebelum_Crus1": "cerebellar_crus_i",
    "Cerebelum_Crus2": "cerebellar_crus_ii",
    "Cerebelum_3": "cerebellar_lobule_iii",
    "Cerebelum_4_5": "cerebellar_lobules_iv_v",
    "Cerebelum_6": "cerebellar_lobule_vi",
    "Cerebelum_7b": "cerebellar_lobule_viib",
    "Cerebelum_8": "cerebellar_lobule_viii",
    "Cerebelum_9": "cerebellar_lobule_ix",
    "Cerebelum_10": "cerebellar_lobule_x",
    "Vermis_1_2": "vermis_lobules_i_ii",
    "Vermis_3": "vermis_lobule_iii",
    "Vermis_4_5": "vermis_lobules_iv_v",
    "Vermis_6": "vermis_lobule_vi",
    "Vermis_7": "vermis_lobule_vii",
    "Vermis_8": "vermis_lobule_viii",
    "Vermis_9": "vermis_lobule_ix",
    "Vermis_10": "vermis_lobule_x",
}
"""What the regions of the atlas are called in our taxonomy; the atlas appends _L or _R, we _left or _right."""


@dataclass(frozen=True)
class BrainRegions(LabelPart):
    """Closed surfaces of every region, in the atlas's millimetres; ``labels`` by category."""

    subject: ClassVar[str] = SUBJECT
    path: Path
    labels: dict[str, int]

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the atlas, the recipe and our version."""
        return self._fingerprint(shape_id, FILES, _READ_VERSION)

    def read(self, shape_id: str) -> Shape | Drop:
        """One region; reason code ``too-few-voxels`` if it is too small to mesh."""
        category = self._category(shape_id)
        surface = _label_map(self.path).surface(self.labels[category], category)
        if isinstance(surface, Drop):
            return surface
        return packaged_shape(
            category,
            surface,
            id=shape_id,
            subject=SUBJECT,
            origin="real_subject",
            source=PACKAGE,
            licence=LICENCE,
            file_name=f"aal.nii.gz#{category}",
            input_sha256=FILES["aal.nii.gz"],
            redistributable=False,
            repairs=surface.repairs,
        )

    def provenance(self) -> dict[str, Any]:
        """The package, its files, the recipe and whom to name."""
        return {
            "package": PACKAGE,
            "files": FILES,
            "licence": LICENCE,
            "attribution": "AAL, Tzourio-Mazoyer et al. 2002, on the one brain Colin27, Holmes et al. 1998; "
            "MRIcron, Copyright (c) 2006-2010 Chris Rorden, BSD-3-Clause",
            "version": _READ_VERSION,
            "recipe": RECIPE,
            "redistributable": False,
        }


def open_brain_regions(path: Path) -> BrainRegions:
    """Read the names of the regions.

    Args:
        path: the ``.deb`` of mricron-data, or a folder with ``aal.nii.gz`` and ``aal.nii.txt`` (where the package is
            installed: /usr/share/mricron/templates).

    Raises:
        SourceError: if the files are not there or not the pinned ones.
    """
    lines = [line.split() for line in _file(path, "aal.nii.txt").decode().splitlines() if line.strip()]
    names = {int(value): name for value, name, _ in lines}
    return BrainRegions(path, {_ours(names[value]): value for value in _label_map(path).boxes})


def _ours(name: str) -> str:
    region, _, side = name.rpartition("_")
    return f"{_NAMES[region]}_{_SIDES[side]}" if side in _SIDES else _NAMES[name]


@lru_cache(maxsize=1)
def _label_map(path: Path) -> Labelled:
    return read_labelled(_file(path, "aal.nii.gz"), "aal.nii.gz")


def _file(path: Path, name: str) -> bytes:
    """One of the two pinned files, out of the package file or a folder."""
    try:
        if path.is_dir():
            with (path / name).open("rb") as stream:
                data = stream.read(_MAX_BYTES + 1)
        else:
            data = _from_deb(path, name)
    except OSError as error:
        raise SourceError(f"could not read {name} from {path}: {error.strerror or error}.") from error
    if sha256(data) != FILES[name]:
        raise SourceError(f"{name} in {path} has sha256 {sha256(data)}, expected {FILES[name]} (of {PACKAGE}).")
    return data


def _from_deb(path: Path, name: str) -> bytes:
    """A member of a Debian package: an ``ar`` archive with a packed tar inside. Its hash is checked before anything."""
    with path.open("rb") as stream:
        deb = stream.read(_MAX_DEB_BYTES + 1)
    if sha256(deb) != DEB_SHA256:
        raise SourceError(f"{path} has sha256 {sha256(deb)}, expected {DEB_SHA256} (the file of {PACKAGE}).")
    try:
        unpacked = lzma.LZMADecompressor().decompress(_ar_member(deb, b"data.tar.xz"), _MAX_TAR_BYTES)
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            member = archive.extractfile(f"./{_FOLDER}/{name}")
            if member is None:
                raise SourceError(f"{name} in {path} is not a file.")
            return member.read(_MAX_BYTES + 1)
    except (KeyError, ValueError, lzma.LZMAError, tarfile.TarError) as error:
        raise SourceError(f"{path} is not the expected package: {error}.") from error


def _ar_member(archive: bytes, name: bytes) -> bytes:
    position = 8
    while position + 60 <= len(archive):
        head = archive[position : position + 60]
        size = int(head[48:58])
        if head[:16].strip().rstrip(b"/") == name:
            return archive[position + 60 : position + 60 + size]
        position += 60 + size + size % 2
    raise KeyError(f"no {name.decode()}")
