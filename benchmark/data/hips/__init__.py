"""The embedded image data set ``hips``: bones of 26 real adults, images rendered from them.

Nobody was scanned: what is real is the shape of the bones; the soft tissue round them, the body's outline, the scanner
and its noise are drawn from seeds. Origin is ``rendered``, and any number computed on it should be quoted so.
"""

from benchmark.data.hips.build import build_hips

__all__ = ["build_hips"]
