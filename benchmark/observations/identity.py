"""What pins an observation in a run record: a hash of everything that a method can know of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from benchmark.contract import Observation


def observation_hash(observations: Sequence[Observation]) -> str:
    """SHA-256 of everything a method can know of a case's observations, the same on every platform."""
    digest = hashlib.sha256()
    for observation in observations:
        header = {
            "part": observation.part,
            "operator": observation.operator.declared(),
            "exact": observation.exact,
            "space": dataclasses.asdict(observation.space),
            "shape": list(observation.value.shape),
            "parameters": observation.parameters,
        }
        digest.update(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
        value = np.ascontiguousarray(observation.value)
        digest.update(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes())
        digest.update(np.packbits(observation.mask).tobytes())
    return digest.hexdigest()
