#!/usr/bin/env bash
# rt-utils 1.2.7: where slices are not square, a structure in the longer half comes back empty.
#
# Masks of a series of 32 rows and 24 columns are written as contours and read again. They come back with rows and
# columns exchanged in their shape but not in their content, so that whatever lies beyond row 24 is lost. In square
# slices, which most CT has, the same round trip is exact.
#
# Seen:
#   written (32, 24, 10): rows 4 to 9   192 voxels, read (24, 32, 10): 192 voxels
#   written (32, 24, 10): rows 26 to 29 128 voxels, read (24, 32, 10): 0 voxels
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install rt-utils==1.2.7 pydicom==3.0.2 numpy==2.4.6
"$python" -W ignore - <<'PYTHON'
import os

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from rt_utils import RTStructBuilder

study, series, frame = generate_uid(), generate_uid(), generate_uid()
os.mkdir("ct")
for z in range(10):
    slice_ = Dataset()
    slice_.file_meta = FileMetaDataset()
    slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
    for name in ("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime"):
        setattr(slice_, name, "")
    slice_.PatientID = slice_.PatientName = "nobody"
    slice_.Modality, slice_.SeriesNumber, slice_.InstanceNumber = "CT", 1, z + 1
    slice_.Rows, slice_.Columns, slice_.PixelSpacing, slice_.SliceThickness = 32, 24, [1, 1], 2
    slice_.ImageOrientationPatient, slice_.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2.0 * z]
    slice_.BitsAllocated = slice_.BitsStored = 16
    slice_.HighBit, slice_.PixelRepresentation, slice_.SamplesPerPixel = 15, 0, 1
    slice_.PhotometricInterpretation, slice_.PixelData = "MONOCHROME2", bytes(32 * 24 * 2)
    slice_.save_as(f"ct/{z}.dcm", enforce_file_format=True)
masks = {}
for name, rows in (("rows 4 to 9  ", slice(4, 10)), ("rows 26 to 29", slice(26, 30))):
    masks[name] = np.zeros((32, 24, 10), bool)
    masks[name][rows, 4:12, 2:6] = True
written = RTStructBuilder.create_new(dicom_series_path="ct")
for name, mask in masks.items():
    written.add_roi(mask=mask, name=name.strip())
written.save("structures.dcm")
read = RTStructBuilder.create_from(dicom_series_path="ct", rt_struct_path="structures.dcm")
left = []
for name, mask in masks.items():
    back = read.get_roi_mask_by_name(name.strip())
    left.append(int(back.sum()))
    print(f"written {mask.shape}: {name} {mask.sum()} voxels, read {back.shape}: {back.sum()} voxels")
    assert back.shape == (24, 32, 10)
assert left == [192, 0]
PYTHON
