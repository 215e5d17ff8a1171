"""Segmentation: the structures in an image, whole or degraded, of the modality that was learnt from or another."""

from benchmark.tasks.segmentation.family import FAMILY

__all__ = ["FAMILY"]
