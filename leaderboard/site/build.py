"""The whole site, from a board: `build_site`. It is a static Space of the Hub, too, as its README says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from leaderboard.model import Board, Table, Verification
from leaderboard.site.cases import Drawn, TableCases, case_context, compare_data, heading, read_cases, surface_folder
from leaderboard.site.files import MARKER, Folder, data_script, key, replacing_site
from leaderboard.site.methods import data_set_context, data_set_key, data_sets_of, method_context
from leaderboard.site.pages import SCRIPTS, Pages, script, style
from leaderboard.site.ranking import SEVERITIES, TIERS, is_refused, sentence
from leaderboard.site.scenes import case_record, method_record
from leaderboard.site.sources import CaseFacts, CaseViews, DataSet, Export, Progress, Space
from leaderboard.site.tasks import front_context, group_data, task_context

_DRAWN_AT_ONCE = 8
"""Methods whose surfaces are in memory at a time."""
_TEXT = """
# {title}

Static pages made by genmed-bench {toolkit} from the results with hash `{built_from}`.
Open `index.html`; everything works from disk, too, and nothing is fetched from elsewhere.
"""


def build_site(
    board: Board,
    target: Path,
    *,
    cases: CaseViews | None = None,
    data_sets: Sequence[DataSet] = (),
    verifications: Mapping[str, Verification] | None = None,
    export: Export | None = None,
    space: Space | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write the site; it is whole or as it was before. The same arguments give the same bytes.

    Args:
        board: all tables and method pages.
        target: a new or empty folder, or an older site, which is replaced.
        cases: what there is to see of each case; without it there are no case pages and no comparison.
        data_sets: what is known of the data sets; others get a page of their name and revision.
        verifications: by submission, for the method pages.
        export: a table as files to download, by suffix.
        space: front matter of the README.
        progress: told what is being made.

    Returns:
        Address -> bytes of every file written.

    Raises:
        RunError: if ``target`` is something else than a site, or two ids share a name.
        WriteError: when the disk refuses.
    """
    say = progress or (lambda _: None)
    with replacing_site(target) as folder:
        pages = Pages({
            "built_from": board.built_from, "toolkit": board.toolkit, "comparable": cases is not None,
            "tiers_explained": TIERS, "severities_explained": SEVERITIES, "sentence": sentence,
            "data_set_key": data_set_key, "has_page": {page.submission for page in board.methods},
        })  # fmt: skip
        _write_shared(folder, board, space or Space())
        drawn: dict[str, Drawn] = {}
        for table in board.tables:
            say(table.title)
            read = read_cases(table, cases) if cases and table.entries else None
            _write_table(folder, pages, table, read, export)
            if read and cases:
                _write_cases(folder, pages, read, cases, drawn, say)
        say("methods, data sets")
        _write_methods(folder, pages, board, verifications or {})
        for address, data_set, tables in data_sets_of(board, data_sets):
            context = data_set_context(data_set, tables)
            folder.write(f"data-sets/{address}.html", pages.render("data_set.html", 1, context))
        folder.write("index.html", pages.render("index.html", 0, front_context(board)))
        folder.write("methods/index.html", pages.render("methods.html", 1, _method_list(board)))
        if cases:
            context = {
                "title": "Compare two methods",
                "tables": [(table, key(table.id)) for table in board.tables if table.entries],
            }
            folder.write("compare.html", pages.render("compare.html", 0, context))
        return folder.sizes


def _write_shared(folder: Folder, board: Board, space: Space) -> None:
    folder.write("site.css", style().encode("utf-8"))
    for name in SCRIPTS:
        folder.write(name, script(name).encode("utf-8"))
    marker = {"made_by": "genmed-bench", "toolkit": board.toolkit, "built_from": board.built_from}
    folder.write(MARKER, (json.dumps(marker, indent=1) + "\n").encode("utf-8"))
    folder.write("README.md", space_readme(board, space))


def _write_table(folder: Folder, pages: Pages, table: Table, read: TableCases | None, export: Export | None) -> None:
    name = key(table.id)
    downloads: dict[str, str] = {}
    for suffix, content in (export(table) if export else {}).items():
        downloads[suffix] = f"downloads/{name}.{suffix}"
        folder.write(downloads[suffix], content.encode("utf-8", "backslashreplace"))
    context = task_context(table, downloads, len(read.shown) if read else 0, read is not None)
    folder.write(f"tasks/{name}.html", pages.render("task.html", 1, context))
    _write_data(folder, group_data(table))


def _write_cases(
    folder: Folder, pages: Pages, read: TableCases, views: CaseViews, drawn: dict[str, Drawn], say: Progress
) -> None:
    _write_data(folder, compare_data(read))
    name = key(read.table.id)
    gallery = []
    for place, facts in enumerate(read.shown):
        say(f"{read.table.title}: {facts.id} ({place + 1} of {len(read.shown)})")
        found = _draw(folder, read, facts, views, drawn)
        context = case_context(read, facts, found, place)
        folder.write(f"cases/{name}/{key(facts.id)}.html", pages.render("case.html", 2, context))
        gallery.append((facts, heading(read, facts), key(facts.id), found.picture))
    if gallery:
        context = {"title": f"Cases, {read.table.title}", "table": read.table, "key": name, "gallery": gallery}
        folder.write(f"cases/{name}/index.html", pages.render("cases.html", 2, context))


def _draw(folder: Folder, read: TableCases, facts: CaseFacts, views: CaseViews, drawn: dict[str, Drawn]) -> Drawn:
    """Write the surfaces of a case that are not there yet: another profile of the task shows the same ones."""
    where = surface_folder(read.table, facts.id)
    lines = [line for line in read.lines if not folder.has(f"data/{where}/{line.key}.js")]
    for start in range(0, max(len(lines), where not in drawn), _DRAWN_AT_ONCE):
        some = lines[start : start + _DRAWN_AT_ONCE]
        scene = views.scene(read.table, facts.id, [line.entry.submission for line in some])
        if where not in drawn:
            _write_data(folder, [(f"{where}/scene", case_record(scene))])
            picture = _picture(folder, scene.thumbnail) if scene.thumbnail else ""
            observed = any(view.kind == "observation" for view in scene.views)
            drawn[where] = Drawn(
                scene.exact, scene.scale, scene.error_range, picture, scene.slices is not None, observed
            )  # fmt: skip
        _write_data(folder, ((f"{where}/{each.key}", method_record(scene, each.entry.submission)) for each in some))
    return drawn[where]


def _write_methods(folder: Folder, pages: Pages, board: Board, verifications: Mapping[str, Verification]) -> None:
    for page in board.methods:
        context = method_context(board, page, verifications.get(page.submission))
        folder.write(f"methods/{key(page.submission)}.html", pages.render("method.html", 1, context))


def _method_list(board: Board) -> dict[str, object]:
    tasks: dict[str, list[str]] = {}
    for table in board.tables:
        for entry in (*table.entries, *table.quoted):
            if not is_refused(entry):
                tasks.setdefault(entry.submission, []).append(table.task)
    ordered = sorted(board.methods, key=lambda page: (page.method.lower(), page.submission))
    rows = [
        (page, key(page.submission), ", ".join(sorted(set(found))), len(found))
        for page in ordered
        for found in [tasks.get(page.submission, [])]
    ]
    return {"title": "Methods", "rows": rows}


def _write_data(folder: Folder, data: Iterable[tuple[str, object]]) -> None:
    for name, value in data:
        folder.write(f"data/{name}.js", data_script(name, value))


def _picture(folder: Folder, data_url: str) -> str:
    """Address of a thumbnail, stored once however many tables show it."""
    content = base64.b64decode(data_url.partition(",")[2])
    address = f"media/{sha256(content).hexdigest()[:16]}.png"
    if not folder.has(address):
        folder.write(address, content)
    return address


def space_readme(board: Board, space: Space) -> bytes:
    """README.md with the front matter of a static Space (values as JSON strings, which are YAML strings, too)."""
    front = {"title": space.title, "colorFrom": space.colour_from, "colorTo": space.colour_to, "sdk": "static",
             "app_file": "index.html", "pinned": False}  # fmt: skip
    lines = ["---", *(f"{name}: {json.dumps(value)}" for name, value in front.items())]
    if space.data_sets:
        lines += ["datasets:", *(f"  - {json.dumps(name)}" for name in space.data_sets)]
    text = _TEXT.format(title=space.title, toolkit=board.toolkit, built_from=board.built_from)
    return "\n".join([*lines, "---", text]).encode("utf-8")
