#!/usr/bin/env bash
# pynrrd 1.1.3 and SimpleITK 2.5.7: the layers of a 3D Slicer segmentation are at opposite ends of the array.
#
# Segments that overlap are kept in layers, a first axis of the file (kind "list"). pynrrd gives a 4-D array with the
# layers first. SimpleITK gives no fourth dimension: the layers become components of a vector image, last in the array,
# whose other axes are reversed. Code that takes array[0] for the first layer gets a slice of both, without an error.
#
# Seen (a file of 2 layers of 10 x 11 x 12 voxels):
#   pynrrd    array (2, 10, 11, 12)
#   SimpleITK 3 dimensions, 2 components, array (12, 11, 10, 2); its [0] is (11, 10, 2)
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install pynrrd==1.1.3 SimpleITK==2.5.7 numpy==2.4.6
"$python" - <<'PYTHON'
import nrrd
import numpy as np
import SimpleITK

layers = np.zeros((2, 10, 11, 12), np.uint8)
layers[0, 3], layers[1, :, 4] = 1, 1
header = {
    "space": "left-posterior-superior", "kinds": ["list", "domain", "domain", "domain"], "space origin": [0, 0, 0],
    "space directions": np.array([[np.nan] * 3, [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
}
nrrd.write("two.seg.nrrd", layers, header)
one, _ = nrrd.read("two.seg.nrrd")
image = SimpleITK.ReadImage("two.seg.nrrd")
other = SimpleITK.GetArrayFromImage(image)
print("pynrrd    array", one.shape)
print(f"SimpleITK {image.GetDimension()} dimensions, {image.GetNumberOfComponentsPerPixel()} components,", end=" ")
print(f"array {other.shape}; its [0] is {other[0].shape}")
assert one.shape == (2, 10, 11, 12)
assert (image.GetDimension(), other.shape) == (3, (12, 11, 10, 2))
assert np.array_equal(other, one.T)
PYTHON
