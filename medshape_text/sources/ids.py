"""Ids that are safe in any file system, address and table, made of names that are not."""

from __future__ import annotations

import re

from medshape_text.hashing import sha256

MAX_LENGTH = 120
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def safe_id(name: str) -> str:
    """The name itself if it is safe, else what is left of it with a hash of it behind, so that no two become one."""
    if _SAFE.fullmatch(name) and len(name) <= MAX_LENGTH:
        return name
    return hashed_id(name)


def hashed_id(name: str) -> str:
    """What is safe of a name, with a hash of it behind."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:MAX_LENGTH]
    return f"{kept or 'file'}-{sha256(name.encode('utf-8', 'surrogatepass'))[:12]}"
