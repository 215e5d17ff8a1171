"""What belongs together because links join it (union-find)."""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Sets of names, at first each by itself."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parent = {name: name for name in names}

    def join(self, first: str, second: str) -> None:
        """Make the sets of two names one."""
        low, high = sorted((self._top(first), self._top(second)))
        self._parent[high] = low

    def sets(self) -> list[list[str]]:
        """All sets, each in order, by their first name."""
        found: dict[str, list[str]] = {}
        for name in sorted(self._parent):
            found.setdefault(self._top(name), []).append(name)
        return [found[top] for top in sorted(found)]

    def _top(self, name: str) -> str:
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name
