"""What sources share: their one error, ids that are safe everywhere, and a list of items found by their ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, cast

from medshape_text.hashing import sha256

MAX_LENGTH = 120
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SourceError(RuntimeError):
    """A source could not be fetched or is not what was expected."""


def safe_id(name: str) -> str:
    """The name itself if it is safe, else what is left of it with a hash of it behind, so that no two become one."""
    if _SAFE.fullmatch(name) and len(name) <= MAX_LENGTH:
        return name
    return hashed_id(name)


def hashed_id(name: str) -> str:
    """What is safe of a name, with a hash of it behind."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:MAX_LENGTH]
    return f"{kept or 'file'}-{sha256(name.encode('utf-8', 'surrogatepass'))[:12]}"


class _Item(Protocol):
    @property
    def id(self) -> str: ...


ItemT = TypeVar("ItemT", bound=_Item)


class ItemSource(Generic[ItemT]):
    """Base of a frozen dataclass with the field ``items``, in the order of the published rows."""

    items: tuple[ItemT, ...]

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what is derived from them is made anew where it is needed."""
        return {entry.name: getattr(self, entry.name) for entry in fields(cast(Any, self))}

    @cached_property
    def _by_id(self) -> dict[str, ItemT]:
        return {item.id: item for item in self.items}

    def ids(self) -> Sequence[str]:
        """In the order of the items."""
        return [item.id for item in self.items]
