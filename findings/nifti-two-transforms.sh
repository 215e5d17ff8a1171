#!/usr/bin/env bash
# nibabel 5.4.2 and SimpleITK 2.5.7: which of the two transforms of a NIfTI file holds depends on what they are called.
#
# A file may tell a scanner's axes (qform) beside those of a template (sform), each with a code for what it means.
# nibabel takes the sform whenever there is one. SimpleITK takes the sform if its code is 1 or the qform has none, and
# the qform otherwise. So the same two transforms put an image and its labels at one place in one program and tens of
# millimetres apart in another, and changing a code, which names a space, moves the image.
#
# Seen (qform: as scanned; sform: turned by 17 degrees and moved):
#   codes q s   nibabel  SimpleITK
#         1 1   sform    sform
#         1 2   sform    qform
#         1 4   sform    qform
#         2 1   sform    sform
#         4 2   sform    qform
#         0 2   sform    sform
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
"$python" - <<'PYTHON'
import nibabel
import numpy as np
import SimpleITK

qform, sform = np.eye(4), np.eye(4)
c, s = np.cos(0.3), np.sin(0.3)
sform[:3] = [[c, -s, 0, 10], [s, c, 0, 20], [0, 0, 1, 30]]


def name(affine):
    (found,) = (key for key, known in (("qform", qform), ("sform", sform)) if np.allclose(affine, known, atol=1e-4))
    return found


print("codes q s   nibabel  SimpleITK")
found = {}
for codes in ((1, 1), (1, 2), (1, 4), (2, 1), (4, 2), (0, 2)):
    image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), None)
    image.set_qform(qform, codes[0])
    image.set_sform(sform, codes[1])
    nibabel.save(image, "image.nii")
    other = SimpleITK.ReadImage("image.nii")
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(other.GetDirection(), (3, 3)) * other.GetSpacing()
    affine[:3, 3] = other.GetOrigin()
    found[codes] = name(nibabel.load("image.nii").affine), name(np.diag([-1, -1, 1, 1]) @ affine)
    print("     ", *codes, "  {}    {}".format(*found[codes]))
assert {one for one, _ in found.values()} == {"sform"}
assert [other for _, other in found.values()] == ["sform", "qform", "qform", "sform", "qform", "sform"]
PYTHON
