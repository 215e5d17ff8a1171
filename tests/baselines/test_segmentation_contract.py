"""The segmentation controls keep to the contract, on images of 32³ with slices missing."""

from __future__ import annotations

import dataclasses

from segmentation_material import ArrayImages, anatomy, picture, request_for

from benchmark.conformance import parametrize_method_checks

MAPS = [anatomy((k, 0, -k), 1 + k / 20) for k in range(3)]
DATA = ArrayImages(MAPS, [picture(each, seed=k) for k, each in enumerate(MAPS)])


def requests():
    """Two images, one of them seen in slices."""
    asked = [request_for(picture(anatomy((0, 2, k)), seed=9 + k), seen) for k, seen in enumerate(("slices-8", "whole"))]
    return [dataclasses.replace(request, case_id=f"case{k}") for k, request in enumerate(asked)]


@parametrize_method_checks("mean-label", requests, DATA)
def test_mean_label(method_check) -> None:
    method_check()


@parametrize_method_checks("nearest-image", requests, DATA)
def test_nearest_image(method_check) -> None:
    method_check()


@parametrize_method_checks("registration", requests, DATA)
def test_registration(method_check) -> None:
    method_check()


@parametrize_method_checks("random", requests, DATA)
def test_random(method_check) -> None:
    method_check()
