#!/usr/bin/env bash
# nibabel 5.4.2 and SimpleITK 2.5.7: a NIfTI file with both codes 0 is at two places, turned against itself.
#
# Such a file tells the size of its voxels and nothing else, which the format allows. Both libraries make up the rest
# without a word: nibabel puts the middle of the volume at the origin and lets x run to the left, SimpleITK starts at
# the origin with x to the left and y to the back. In x both run to the left; front and back are exchanged.
#
# Seen (millimetres, right-front-up, of voxel 0 and of one step along each axis):
#   nibabel   at 2 -5 -9, steps -1 2 3
#   SimpleITK at 0 0 0, steps -1 -2 3
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
"$python" - <<'PYTHON'
import nibabel
import numpy as np
import SimpleITK

image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), None)
image.header.set_zooms((1, 2, 3))
nibabel.save(image, "image.nii")
header = nibabel.load("image.nii").header
assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 0)
one = nibabel.load("image.nii").affine[:3]
other = SimpleITK.ReadImage("image.nii")
turn = np.diag([-1, -1, 1])  # SimpleITK's x runs to the left and its y to the back
axes = turn @ np.reshape(other.GetDirection(), (3, 3)) * other.GetSpacing()
origin = turn @ other.GetOrigin() + 0.0
for name, place, steps in (("nibabel  ", one[:, 3], one[:, :3]), ("SimpleITK", origin, axes)):
    assert np.count_nonzero(steps) == 3
    print(name, "at", *place.astype(int), end=", steps ")
    print(*np.diag(steps).astype(int))
assert one[:, 3].tolist() == [2, -5, -9]
assert np.diag(one).tolist() == [-1, 2, 3]
assert origin.tolist() == [0, 0, 0]
assert np.diag(axes).tolist() == [-1, -2, 3]
PYTHON
