"""The most recently used values, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """A cache of values that are expensive to make; forgets the least recently used beyond ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        """Keep up to ``limit`` bytes, and the last value however large."""
        self._limit, self._used = limit, 0
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T], size: int) -> T:
        """The value of ``key``, made now if it is not there; ``size`` is its number of bytes."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key][0]
        value = make()
        self._values[key] = (value, size)
        self._used += size
        while self._used > self._limit and len(self._values) > 1:
            self._used -= self._values.popitem(last=False)[1][1]
        return value
