"""Typed and pasted text: what is recognised, and that a name is never stored as an identity."""

import time

import pytest

from apps.contacts.pasting import SEVERAL, drafts_from_text
from apps.core.identity import InvalidIdentity, normalise

WANG, ANN = ("phone", "13800138000"), ("email", "ann@x.org")
GERMAN = ("phone", "+49 170 1234567")


@pytest.mark.parametrize(
    ("line", "name", "identities"),
    [
        ("王伟 13800138000", "王伟", (WANG,)),
        ("13800138000 王伟", "王伟", (WANG,)),
        ("王伟13800138000", "王伟", (WANG,)),
        ("王伟　１３８００１３８０００", "王伟", (WANG,)),
        ("电话：13800138000，王伟", "王伟", (WANG,)),
        ("王伟 +86 138 0013 8000", "王伟", (("phone", "+86 138 0013 8000"),)),
        ("(+86) 138-0013-8000 Wang Wei", "Wang Wei", (("phone", "(+86) 138-0013-8000"),)),
        ("Ann Lee <ann@x.org>", "Ann Lee", (ANN,)),
        ("Ann Lee＜ann＠x.org＞", "Ann Lee", (ANN,)),
        ("Ann<ann@x.org>", "Ann", (ANN,)),
        ("ann@x.org <ann@x.org>", "", (ANN,)),
        ("ann@x.org, Ann Lee", "Ann Lee", (ANN,)),
        ("Ann Lee (ann@x.org)", "Ann Lee", (ANN,)),
        ("Ann Lee (+49 170 1234567)", "Ann Lee", (GERMAN,)),
        ("Ann Lee - mailto:ann@x.org", "Ann Lee", (ANN,)),
        ("Tel: +49 170 1234567 Ann Lee", "Ann Lee", (GERMAN,)),
        ("tel:+49 170 1234567 Ann Lee", "Ann Lee", (GERMAN,)),
        ("Ann Lee; +49 170 1234567; ann@x.org", "Ann Lee", (GERMAN, ANN)),
        ("Ann\tLee\t+49 170 1234567\tann@x.org\t@annlee", "Ann Lee", (GERMAN, ANN, ("handle", "@annlee"))),
        ("Ann Lee; +49 170 1234567; 13800138000", "Ann Lee", (GERMAN, WANG)),
        ("@annlee Ann Lee", "Ann Lee", (("handle", "@annlee"),)),
        ("Ann O'Neil 2026 o'neil@x.org", "Ann O'Neil 2026", (("email", "o'neil@x.org"),)),
    ],
)
def test_a_name_and_what_reaches_it_are_told_apart(
    line: str, name: str, identities: tuple[tuple[str, str], ...]
) -> None:
    (draft,) = drafts_from_text(line)
    assert (draft.name, draft.identities) == (name, identities)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("13800138000", "phone"), ("+86 138 0013 8000", "phone"), ("12345", "phone"), ("tel:+4930901820", "phone"),
        ("\u202a13800138000\u202c", "phone"), ("ann@x.org", "email"), ("mailto:ann@x.org", "email"),
        ("@ann@x.org", "email"), ("13800138000@x.org", "email"), ("@annlee", "handle"), ("＠annlee", "handle"),
        # A bare word is not a handle, and a number with a wrong letter is still a number.
        ("annlee", "word"), ("88annlee", "word"), ("1234567annlee", "word"), ("annlee-1234567", "word"),
        ("王芳", "word"), ("王芳1990", "word"), ("asdf", "word"), ("A001", "word"),
        ("139-1234-567x", "phone"), ("13o12345678", "phone"), ("l3912345678", "phone"), ("+86139I2345678", "phone"),
    ],
)  # fmt: skip
def test_one_word_or_one_number_stands_for_itself(line: str, kind: str) -> None:
    (draft,) = drafts_from_text(line)
    assert (draft.name, draft.identities) == ("", ((kind, line),))


@pytest.mark.parametrize(
    "line", ["Ann Lee", "王伟 李四", "王伟,李四", "Ann Lee, Berlin", "Ann\tannlee", "Room 12", "Name;Phone", "x" * 1001]
)
def test_words_without_anything_to_reach_are_refused_and_never_stored_as_a_handle(line: str) -> None:
    (draft,) = drafts_from_text(line)
    ((kind, raw),) = draft.identities
    assert kind == "handle"
    with pytest.raises(InvalidIdentity):
        normalise(kind, raw, region="CN", key="x")


@pytest.mark.parametrize(
    "line",
    [
        "Ann <ann@x.org>; Bob <bob@x.org>",
        "Ann <ann@x.org>, bob@x.org",
        "13800138000, 13900139000",
        "13800138000\t13900139000",
        "@ann, @bob",
    ],
)
def test_two_people_in_one_line_are_never_taken_for_one(line: str) -> None:
    (draft,) = drafts_from_text(line)
    ((kind, raw),) = draft.identities
    assert kind == SEVERAL
    with pytest.raises(InvalidIdentity):
        normalise(kind, raw, region="CN", key="x")


def test_each_line_is_one_person_and_knows_where_it_stood() -> None:
    drafts = drafts_from_text("\r\nAnn Lee ann@x.org\r\n\r\n  \t\r\n王伟 13800138000\r\n@annlee\r\n")
    assert [(draft.line, draft.name) for draft in drafts] == [(2, "Ann Lee"), (5, "王伟"), (6, "")]


def test_the_name_beside_is_for_one_line_that_brings_none() -> None:
    assert drafts_from_text("ann@x.org", "Ann")[0].name == "Ann"
    assert drafts_from_text("Ann Lee ann@x.org", "Grace")[0].name == "Ann Lee"
    assert [draft.name for draft in drafts_from_text("ann@x.org\n@bob", "Ann")] == ["", ""]


@pytest.mark.parametrize("text", ["", "  ", "\n\r\n\t\n"])
def test_nothing_said_is_nobody(text: str) -> None:
    assert drafts_from_text(text, "Ann") == []


@pytest.mark.parametrize("piece", ["1", "a", "@", "(", "1-", "a@", "<", " ", "王1"])
def test_a_hostile_text_is_read_in_no_time(piece: str) -> None:
    text = "\n".join([piece * (1000 // len(piece))] * 50)
    before = time.perf_counter()
    drafts_from_text(text)
    assert time.perf_counter() - before < 1
