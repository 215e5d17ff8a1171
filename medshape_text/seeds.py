"""Seeds derived from what a random draw is for; the only place randomness enters the toolkit."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_for(identity: str, purpose: str, run_seed: int = 0) -> int:
    """A 63-bit seed that depends on the case (or shape) id, the purpose of the draw and the run seed only."""
    text = f"{identity}\x1f{purpose}\x1f{run_seed}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def generator_for(identity: str, purpose: str, run_seed: int = 0) -> np.random.Generator:
    """A numpy generator seeded by :func:`seed_for`."""
    return np.random.default_rng(seed_for(identity, purpose, run_seed))
