"""Reading a list of links: every line is accounted for, and no line can name a file anywhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_plan import LIST_FAULTS, plan, text_of

from medshape_text.sources.medshapenet.url_list import UrlListError, id_of, parse

FORM = "https://host.example/s/HeShw1G4da15OOZ/download?path=%2F&files="


def links(text: str):
    return parse(text.encode()).links


def test_both_forms_give_the_name_as_id() -> None:
    found = links(f"{FORM}s1273_liver.nii.g_1.stl\nhttps://host.example/a/b/045776_liver.STL?x=1\n")
    assert [(link.id, link.file_name, link.reason, link.line) for link in found] == [
        ("s1273_liver.nii.g_1", "s1273_liver.nii.g_1.stl", "", 1),
        ("045776_liver", "045776_liver.STL", "", 2),
    ]
    assert found[0].url == f"{FORM}s1273_liver.nii.g_1.stl"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_comments_blanks_and_marks(end: str, mark: bytes) -> None:
    lines = ["# a comment", f"{FORM}a.stl", "", f"  {FORM}b.stl\t# said twice below", "   ", f"{FORM}b.stl", "\t# more"]
    found = parse(mark + end.join(lines).encode())
    assert [(link.file_name, link.line) for link in found.links] == [("a.stl", 2), ("b.stl", 4)]
    assert (found.comments, found.blank, found.repeated, found.lines) == (2, 2, 1, 7)
    assert parse(mark + end.join([*lines, ""]).encode()) == found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (FORM + "..%2F..%2Fetc%2Fpasswd.stl", "unsafe-name"),
        (FORM + "%252e%252e%252fpasswd.stl", "unsafe-name"),
        (FORM + "..%5C..%5Cboot.stl", "unsafe-name"),
        (FORM + ".hidden.stl", "unsafe-name"),
        (FORM + "C%3Aboot.stl", "unsafe-name"),
        (FORM + ".stl", "unsafe-name"),
        (FORM + "%20.stl", "unsafe-name"),
        (FORM + "a" * 300 + ".stl", "unsafe-name"),
        (FORM + "a%00b.stl", "control-characters"),
        (FORM + "a%0d%0ab.stl", "control-characters"),
        (FORM + "a%1b%5B2Jb.stl", "control-characters"),
        (FORM + "a%E2%80%AEb.stl", "control-characters"),
        (FORM + "a\x00b.stl", "control-characters"),
        (FORM + "a.stl&files=b.stl", "bad-url"),
        (FORM + "a%FFb.stl", "bad-url"),
        (FORM + "a.zip", "not-stl"),
        ("https://host.example/download", "not-stl"),
        ("ftp://host.example/a.stl", "bad-scheme"),
        ("file:///etc/a.stl", "bad-scheme"),
        ("javascript:alert(1)//a.stl", "bad-scheme"),
        ("host.example/a.stl", "bad-scheme"),
        ("a.stl", "bad-scheme"),
        ("https:///a.stl", "bad-url"),
        ("https://user:secret@host.example/a.stl", "bad-url"),
        ("https://host.example:99999999/a.stl", "bad-url"),
        ("https://[::1/a.stl", "bad-url"),
        ("https://host.example/" + "a" * 5000 + ".stl", "bad-url"),
    ],
)
def test_hostile_lines_are_entries_with_a_reason(line: str, reason: str) -> None:
    (found,) = links(line + "\n")
    assert found.reason == reason
    assert found.detail
    assert id_is_safe(found.id)
    assert "\x1b" not in found.url
    assert "\x00" not in found.url


def test_undecodable_bytes_and_other_encodings() -> None:
    (found,) = parse(FORM.encode() + b"a\xff.stl\n").links
    assert found.reason == "bad-encoding"
    with pytest.raises(UrlListError, match="UTF-16"):
        parse((FORM + "a.stl").encode("utf-16"))


def test_one_name_under_two_links_is_never_lost() -> None:
    text = f"{FORM}a.stl\nhttps://other.example/a.stl\nhttps://third.example/a.stl\n"
    first, second, third = links(text)
    assert (first.id, first.reason) == ("a", "")
    assert second.reason == third.reason == "duplicate-id"
    assert len({first.id, second.id, third.id}) == 3
    # The id of the second does not depend on what else is in the list.
    assert links(text.split("\n", 2)[0] + "\n# more\n" + "https://third.example/a.stl")[1].id == third.id


def test_a_list_made_for_it_gets_no_two_links_of_one_id() -> None:
    other = "https://other.example/a.stl"
    foreseen = links(f"{FORM}a.stl\n{other}\n")[1].id
    found = links(f"{FORM}{foreseen}.stl\n{FORM}a.stl\n{other}\n")
    assert [link.reason for link in found] == ["", "", "duplicate-id"]
    assert len({link.id for link in found}) == 3


def test_ids_of_unsafe_names_are_safe_and_differ() -> None:
    names = ["a b.stl", "a_b.stl", "a  b.stl", "ä.stl", "ö.stl", "-a.stl", "x" * 150 + ".stl", "x" * 151 + ".stl"]
    ids = [id_of(name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(map(id_is_safe, ids))
    assert id_of("a_b.stl") == "a_b"


def id_is_safe(text: str) -> bool:
    return text.isascii() and text.replace("-", "a").replace("_", "a").replace(".", "a").isalnum() and text[0] != "."


@given(st.lists(st.binary(max_size=40) | st.text(max_size=40).map(lambda name: (FORM + name).encode())))
def test_every_line_of_anything_is_accounted_for(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    found = parse(data)
    ends = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert found.lines == len(ends.removesuffix(b"\n").split(b"\n")) - (not ends)
    assert len({link.id for link in found.links}) == len(found.links)
    for link in found.links:
        assert id_is_safe(link.id)
        assert bool(link.reason) == bool(link.detail)
        if not link.reason:
            assert "/" not in link.file_name
            assert not link.file_name.startswith(".")


def test_planted_faults_of_the_list_are_all_found() -> None:
    planned = plan(3000, "http://127.0.0.1:1", fault_share=0.2)
    found = parse(text_of(planned))
    assert len(found.links) == len(planned)
    assert found.repeated == 3
    assert found.comments == 4
    for entry, link in zip(planned, found.links, strict=True):
        assert link.reason == LIST_FAULTS.get(entry.fault, ""), entry
        if not link.reason:
            assert link.file_name == entry.name
    assert {entry.fault for entry in planned} >= set(LIST_FAULTS)
