"""How good a set of generated shapes is as a set: MMD, COV, 1-NNA and their intervals."""

from benchmark.metrics.generation.intervals import GenerationIntervals, generation_intervals
from benchmark.metrics.generation.scores import GenerationScores, generation_scores

__all__ = ["GenerationIntervals", "GenerationScores", "generation_intervals", "generation_scores"]
