"""What sources share that know all of their shapes beforehand: a list of items, found by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, cast


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
