"""Readers of official layouts of images with label maps, one a file. Each gives a `Layout` of lazy records.

| name | layout |
|---|---|
| totalsegmentator | ``s####/ct.nii.gz`` and ``segmentations/NAME.nii.gz``, ``meta.csv``; v1 and v2 |
| mmwhs | ``ct_train_1001_image.nii.gz`` and ``..._label.nii.gz`` |
| kits23 | ``case_00000/imaging.nii.gz`` and ``segmentation.nii.gz`` |
| nnunet | ``dataset.json``, ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz`` |
| decathlon | ``dataset.json``, ``imagesTr/CASE.nii.gz``, ``labelsTr/CASE.nii.gz`` |
| openkbp | ``train-pats/pt_1/*.csv``, or one ``.npz`` a patient |
| sts | ``STS_001_CT_image.nii.gz`` and ``..._mask.nii.gz`` |
| folder | ``images/CASE.nii.gz``, ``labels/CASE.nii.gz``, ``labels.csv`` |
"""

from benchmark.data.layouts.catalogue import LAYOUTS, read_layout

__all__ = ["LAYOUTS", "read_layout"]
