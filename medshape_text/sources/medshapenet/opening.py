"""From a list of links to a source: read the list, download what is missing, say what became of each link."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from medshape_text.hashing import sha256
from medshape_text.sources.medshapenet import fetch as fetching
from medshape_text.sources.medshapenet import url_list
from medshape_text.sources.medshapenet.cache import Cache
from medshape_text.sources.medshapenet.fetch_list import read_list
from medshape_text.sources.medshapenet.ledger import Failed, Fetched, Outcome
from medshape_text.sources.medshapenet.politeness import Politeness
from medshape_text.sources.medshapenet.source import Item, MedShapeNetSource
from medshape_text.sources.subject_table import SubjectTable, read_subject_table


def open_medshapenet(
    urls: str | Path,
    cache: Path,
    *,
    limit: int | None = None,
    connections: int = 8,
    rate: float | None = None,
    offline: bool = False,
    retry_failed: bool = False,
    verify_cache: bool = False,
    meta: Path | None = None,
    politeness: Politeness | None = None,
    progress: fetching.Progress = lambda step, done, total: None,
) -> MedShapeNetSource:
    """Read a list of links, download what is not in the cache yet, and describe what there is.

    Args:
        urls: the list, a file or an ``http(s):`` address.
        cache: folder of downloads; the same one continues.
        limit: the first so many entries of the list only.
        connections: downloads at once.
        rate: requests a second to one host at most.
        offline: never touch the network; what is not in the cache fails, which is not noted in the ledger.
        retry_failed: ask again for links that failed in an earlier run.
        verify_cache: hash every file in the cache; those that changed are fetched again.
        meta: TotalSegmentator's ``meta.csv``.
        politeness: all limits of the download; ``connections`` and ``rate`` are ignored then.
        progress: called with what is going on, how much is done and how much there is.

    Raises:
        FetchError: if the list or nearly everything cannot be had.
        UrlListError, LedgerError, SubjectTableError: if one of these files cannot be read.
        OSError: if a file cannot be read or the cache cannot be written.
    """
    politeness = politeness or Politeness(connections=connections, rate=rate)
    store = Cache(cache)
    data = read_list(urls, store, politeness, url_list.MAX_LIST_BYTES, offline=offline)
    parsed = url_list.parse(data)
    links = parsed.links[:limit]
    wanted = [link.url for link in links if not link.reason]
    if offline:
        outcomes = fetching.from_ledger(wanted, store)
    else:
        outcomes = fetching.fetch(
            wanted, store, politeness, retry_failed=retry_failed, verify=verify_cache, progress=progress
        )
    listed = {"sha256": sha256(data), "lines": parsed.lines, "comments": parsed.comments, "blank": parsed.blank,
              "repeated": parsed.repeated, "entries": len(parsed.links), "limit": limit}  # fmt: skip
    subjects = read_subject_table(meta) if meta is not None else SubjectTable()
    return MedShapeNetSource(cache, tuple(_item(link, outcomes) for link in links), listed, subjects)


def _item(link: url_list.Link, outcomes: Mapping[str, Outcome]) -> Item:
    if link.reason:
        return Item(link.id, link.file_name, link.url, "", link.reason, link.detail)
    match outcomes[link.url]:
        case Fetched(sha256=digest):
            return Item(link.id, link.file_name, link.url, digest, "", "")
        case Failed(reason=reason, detail=detail):
            return Item(link.id, link.file_name, link.url, "", reason, detail)
