"""Shape completion, the first task family: a 64³ signed distance from planes or from a damaged copy."""

from benchmark.tasks.shape_completion.family import FAMILY

__all__ = ["FAMILY"]
