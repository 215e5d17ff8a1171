"""Images of a body: CT-like in Hounsfield units, and MR-like with another order of contrasts.

Every tissue has a mean and a texture; shares of bone, cortex and trabeculae mix it in each fine voxel, eight of which
make a voxel (partial volume). Then comes the scanner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmark.data.hips import tissues as t
from benchmark.data.hips.bones import FINE, SIDE, VOXEL_MM, Field
from benchmark.data.hips.fields import exponential, smooth_field
from benchmark.data.hips.tissues import FINE_MM, FINE_SIDE, Body
from medshape_text.seeds import generator_for

LOWEST_HU, HIGHEST_HU = -1024, 3071

_HU = {t.AIR: -1000, t.FAT: -100, t.MUSCLE: 55, t.WATER: 8, t.BOWEL: 30, t.GAS: -850, t.VESSEL: 42, t.CALCIUM: 700,
       t.CORTICAL: 1350, t.TRABECULAR: 330, t.MARROW: -20}  # fmt: skip
_ENHANCED_HU = {t.WATER: (120, 600), t.BOWEL: (150, 550), t.VESSEL: (140, 380)}
_HU_TEXTURE = 14.0
_SIGNAL = {t.AIR: 0.0, t.FAT: 1.0, t.MUSCLE: 0.36, t.WATER: 0.2, t.BOWEL: 0.45, t.GAS: 0.02, t.VESSEL: 0.08,
           t.CALCIUM: 0.05, t.CORTICAL: 0.04, t.TRABECULAR: 0.5, t.MARROW: 0.86}  # fmt: skip
"""Of a T1-weighted spin echo, fat being 1; as is well known of such images, not measured."""


def ct_image(subject: str, body: Body) -> NDArray[np.int16]:
    """(64, 64, 64) in HU: bone denser or less by subject, blur, cupping of some ten HU, noise of 12 to 32 HU."""
    rng = generator_for(subject, "hips/ct")
    values = dict(_HU)
    values[t.CORTICAL] = int(_HU[t.CORTICAL] * (0.45 + 0.55 * body.density))
    values[t.TRABECULAR] = int(_HU[t.TRABECULAR] * body.density**1.5)
    values[t.MARROW] = int(rng.uniform(-70, 40))
    for tissue, (low, high) in _ENHANCED_HU.items():
        if body.enhanced[tissue]:
            values[tissue] = int(rng.uniform(low, high))
    fine = _mixed(body, values)
    # Gas and air have no texture.
    fine += np.where(fine > -500, _HU_TEXTURE * _texture(rng, 6.0) + _HU_TEXTURE * _texture(rng, 20.0), 0)
    image = ndimage.gaussian_filter(_pooled(fine), 0.45)
    image += 12 * smooth_field(rng, SIDE, VOXEL_MM, 90.0)
    image += rng.uniform(12, 32) * rng.standard_normal(image.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(image), LOWEST_HU, HIGHEST_HU), np.int16)


def mr_image(subject: str, body: Body) -> NDArray[np.int16]:
    """(64, 64, 64) in the arbitrary units of a scanner: fat bright, cortex dark, bias of a coil, Rician noise."""
    rng = generator_for(subject, "hips/mr")
    values = {tissue: float(mean * rng.uniform(0.88, 1.12)) for tissue, mean in _SIGNAL.items()}
    fine = _mixed(body, values)
    fine *= 1 + 0.07 * _texture(rng, 6.0) + 0.07 * _texture(rng, 18.0)
    image = ndimage.gaussian_filter(_pooled(fine), 0.45)
    image *= exponential(np.float32(rng.uniform(0.12, 0.28)) * smooth_field(rng, SIDE, VOXEL_MM, 100.0))
    noise = rng.uniform(0.025, 0.06)
    real = image + noise * rng.standard_normal(image.shape).astype(np.float32)
    imaginary = noise * rng.standard_normal(image.shape).astype(np.float32)
    scale = rng.uniform(300, 1500)
    return np.asarray(np.clip(np.rint(scale * np.hypot(real.astype(np.float64), imaginary)), 0, 32767), np.int16)


def _mixed(body: Body, values: dict[int, float] | dict[int, int]) -> Field:
    """What each fine voxel reads without noise."""
    soft = np.array([values[tissue] for tissue in range(t.TISSUES)], np.float32)[body.soft]
    inside = values[t.MARROW] + body.trabecular * np.float32(values[t.TRABECULAR] - values[t.MARROW])
    shell = body.outer - body.inner
    return np.asarray(soft * (1 - body.outer) + np.float32(values[t.CORTICAL]) * shell + inside * body.inner)


def _texture(rng: np.random.Generator, scale_mm: float) -> Field:
    return smooth_field(rng, FINE_SIDE, FINE_MM, scale_mm)


def _pooled(fine: Field) -> Field:
    """Means of the fine voxels of each voxel."""
    return np.asarray(fine.reshape(SIDE, FINE, SIDE, FINE, SIDE, FINE).mean(axis=(1, 3, 5)), np.float32)
