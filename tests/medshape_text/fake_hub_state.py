"""What the fake hub remembers: repositories, their commits and discussions."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Discussion:
    """A discussion, or a pull request if ``files`` wait to be merged."""

    number: int
    title: str
    description: str = ""
    pull_request: bool = False
    status: str = "open"
    comments: list[str] = field(default_factory=list)


@dataclass
class Repo:
    """Commits in order as (id, files, message), and which of them a reference names."""

    kind: str
    name: str
    private: bool = False
    commits: list[tuple[str, dict[str, bytes], str]] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    discussions: dict[int, Discussion] = field(default_factory=dict)

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Commit id and files of a branch, a pull request or a commit."""
        wanted = self.refs.get(revision, revision)
        return next(((name, files) for name, files, _ in self.commits if name == wanted), None)

    @property
    def files(self) -> dict[str, bytes]:
        """What the main branch shows."""
        found = self.at("main")
        assert found is not None
        return found[1]
