#!/usr/bin/env bash
# nibabel 5.4.2: labels in floats, told to be stored as bytes, do not come back.
#
# Labels 0 to 4 fit into a byte, so one expects the bytes 0 to 4. nibabel spreads them over the whole range of the type
# and writes a slope beside them. What is read back is near the labels, and converting it to integers, which cuts off,
# makes 1 out of 2 and 2 out of 3. Nothing is said.
#
# Seen:
#   stored 0 64 127 191 255, slope 0.015686
#   read   0.0000 1.0039 1.9922 2.9961 4.0000
#   as int 0 1 1 2 4
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install nibabel==5.4.2 numpy==2.4.6
"$python" - <<'PYTHON'
import nibabel
import numpy as np

labels = np.arange(5.0).reshape(5, 1, 1)
image = nibabel.Nifti1Image(labels, np.eye(4))
image.set_data_dtype(np.uint8)
nibabel.save(image, "labels.nii.gz")
back = nibabel.load("labels.nii.gz")
stored = np.asarray(back.dataobj.get_unscaled()).ravel()
values = back.get_fdata().ravel()
print("stored", *stored, end=f", slope {back.dataobj.slope:.6f}\n")
print("read  ", *(f"{value:.4f}" for value in values))
print("as int", *values.astype(int))
assert stored.tolist() == [0, 64, 127, 191, 255]
assert values.astype(int).tolist() == [0, 1, 1, 2, 4]
PYTHON
