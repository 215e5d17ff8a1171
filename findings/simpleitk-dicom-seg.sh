#!/usr/bin/env bash
# SimpleITK 2.5.7: two segments of a DICOM SEG are read as one taller volume.
#
# A SEG file holds one frame for each slice of each segment. Two segments that overlap, of 4 slices each, 2 mm apart,
# are 8 frames over 6 slices. SimpleITK reads without a word one volume of 8 slices, the second segment on top of the
# first, half as far apart as they are. One expects a vector image, labels, or a refusal.
#
# Seen:
#   written   segment 1 on slices 2 3 4 5, segment 2 on slices 4 5 6 7, 2 mm apart, 256 and 320 voxels a slice
#   SimpleITK size (24, 32, 8), spacing (1.0, 1.0, 1.0), voxels a slice 256 256 256 256 320 320 320 320
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install highdicom==0.28.2 pydicom==3.0.2 SimpleITK==2.5.7 numpy==2.4.6
"$python" -W ignore - <<'PYTHON'
import highdicom
import numpy as np
import SimpleITK
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

study, series, frame = generate_uid(), generate_uid(), generate_uid()


def ct_slice(z):
    slice_ = Dataset()
    slice_.file_meta = FileMetaDataset()
    slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_.SOPClassUID, slice_.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
    for name in ("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime",
                 "PositionReferenceIndicator", "ReferringPhysicianName"):
        setattr(slice_, name, "")
    slice_.PatientID = slice_.PatientName = slice_.Manufacturer = "nobody"
    slice_.Modality, slice_.SeriesNumber, slice_.InstanceNumber = "CT", 1, z + 1
    slice_.Rows, slice_.Columns, slice_.PixelSpacing, slice_.SliceThickness = 32, 24, [1, 1], 2
    slice_.ImageOrientationPatient, slice_.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2.0 * z]
    slice_.BitsAllocated = slice_.BitsStored = 16
    slice_.HighBit, slice_.PixelRepresentation, slice_.SamplesPerPixel = 15, 0, 1
    slice_.PhotometricInterpretation, slice_.PixelData = "MONOCHROME2", bytes(32 * 24 * 2)
    return slice_


masks = np.zeros((10, 32, 24, 2), np.uint8)
masks[2:6, 4:20, 4:20, 0] = 1
masks[4:8, 8:28, 4:20, 1] = 1
thing = CodedConcept("1", "99TEST", "thing")
manual = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
segments = [highdicom.seg.SegmentDescription(n, f"segment {n}", thing, thing, manual) for n in (1, 2)]
highdicom.seg.Segmentation(
    [ct_slice(z) for z in range(10)], masks, highdicom.seg.SegmentationTypeValues.BINARY, segments,
    generate_uid(), 2, generate_uid(), 1, "nobody", "none", "1", "1",
).save_as("segmentation.dcm")
image = SimpleITK.ReadImage("segmentation.dcm")
counts = (SimpleITK.GetArrayFromImage(image) > 0).sum(axis=(1, 2))
print("written  ", end=" ")
print(*(f"segment {n + 1} on slices {' '.join(map(str, np.flatnonzero(masks[..., n].any((1, 2)))))}" for n in (0, 1)),
      "2 mm apart", sep=", ", end=", 256 and 320 voxels a slice\n")
print(f"SimpleITK size {image.GetSize()}, spacing {image.GetSpacing()}, voxels a slice", *counts)
assert image.GetSize() == (24, 32, 8)
assert image.GetSpacing() == (1, 1, 1)
assert counts.tolist() == [256] * 4 + [320] * 4
PYTHON
