"""vCard files: no person is lost, whatever program wrote the file, and a broken card affects no other."""

import base64
import io
import random
import re
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fileio.vcards import writer
from apps.fileio.vcards.reader import Card, looks_like_vcards, needs_encoding, read_cards


def cards(content: str | bytes, encoding: str = "") -> list[Card]:
    return list(read_cards(io.BytesIO(content.encode() if isinstance(content, str) else content), encoding=encoding))


def only(*lines: str | bytes, version: str = "3.0", encoding: str = "", end: bytes = b"\r\n") -> Card:
    """The card of these lines."""
    inside = [line.encode() if isinstance(line, str) else line for line in lines]
    [card] = cards(
        end.join([b"BEGIN:VCARD", f"VERSION:{version}".encode(), *inside, b"END:VCARD", b""]), encoding=encoding
    )
    assert (card.line, card.problem) == (1, "")
    return card


def values(card: Card) -> list[str]:
    return [text for _kind, text in card.identities]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TEL:+86 138 0013 8000", [("phone", "+86 138 0013 8000")]),
        ("TEL;HOME;VOICE:010-66668888", [("phone", "010-66668888")]),
        ("item1.TEL;type=CELL;type=pref:1", [("phone", "1")]),
        ("item1.TEL : 1 ", [("phone", "1")]),
        ('TEL;TYPE="a:b;c,d",pref:1', [("phone", "1")]),
        ('TEL;TYPE="HOME:1', [("phone", "1")]),
        ('tel;value=uri;type="work,voice":tel:+1-418-656-9254;ext=102', [("phone", "+1-418-656-9254")]),
        ("TEL;VALUE=uri:TEL:%2B8613800138000", [("phone", "+8613800138000")]),
        ("TEL:010-66668888,,123", [("phone", "010-66668888")]),
        ("TEL:13800138000p12w3", [("phone", "13800138000")]),
        ("TEL:13800138000\\;12", [("phone", "13800138000")]),
        ("TEL:p1234p5678w9", [("phone", "1234")]),
        ("TEL:555-1234 work", [("phone", "555-1234 work")]),
        ("TEL:555-1234 x12", [("phone", "555-1234 x12")]),
        ("TEL:sip:ann@example.org", []),
        ("X-SIP:888", []),
        ("TEL:", []),
        ("TEL;CELL: ", []),
        ("EMAIL;TYPE=INTERNET:ann@example.org", [("email", "ann@example.org")]),
        ("EMAIL:mailto:ann%2Bx@example.org?subject=hi", [("email", "ann+x@example.org")]),
        ('EMAIL;INTERNET:"Omega" <omega@example.com>', [("email", "omega@example.com")]),
        ("EMAIL:Ann Lee (ann@example.org)", [("email", "ann@example.org")]),
        ("EMAIL:ann@example.org (Ann Lee)", [("email", "ann@example.org")]),
        ("EMAIL:a@x.org\\, b@x.org", [("email", "a@x.org"), ("email", "b@x.org")]),
        ("EMAIL:nobody", [("email", "nobody")]),
        ("EMAIL:", []),
        ("X-HUNDRED-HANDLE:ann\\;lee", [("handle", "ann;lee")]),
        ("TEL;ENCODING=QUOTED-PRINTABLE:=2B86138", [("phone", "+86138")]),
        ("TEL;QUOTED-PRINTABLE:=2B86138", [("phone", "+86138")]),
        ("TEL;ENCODING=b:KzE=", [("phone", "+1")]),
        ("TEL;BASE64:KzE=", [("phone", "+1")]),
        ("TEL;ENCODING=BASE64:!", []),
        ("TEL;ENCODING=8BIT:1", [("phone", "1")]),
        (b"TEL:138\xa00013", [("phone", "138 0013")]),
        ("TELEX:1", []),
        ("NOTE:TEL:1", []),
    ],
)
def test_an_identity_is_found_in_every_form_of_its_line(line: str | bytes, expected: list[tuple[str, str]]) -> None:
    assert only("FN:Ann", line) == Card(1, "Ann", tuple(expected))


def test_a_shared_office_fax_does_not_merge_two_people() -> None:
    faxes = ["TEL;WORK;FAX:1", "TEL;TYPE=PAGER:2", "TEL;TYPE=modem:3", "a.TEL:4", "a.X-ABLabel:_$!<WorkFAX>!$_"]
    assert values(only(*faxes, "TEL;CELL:5", "TEL;VOICE;FAX:6")) == ["5", "6"]
    assert values(only(*faxes, "EMAIL:a@x.org")) == ["a@x.org"]
    assert values(only(*faxes)) == [], "two people of an office would become one contact"


@pytest.mark.parametrize(
    "label", ["传真", "Fax (dienstlich)", "Télécopie", "Служебный факс", "Pager", "Työfaksi", "秘書"]
)
def test_labels_of_many_languages_mark_a_shared_line(label: str) -> None:
    assert values(only("a.TEL:1", f"a.X-ABLabel:{label}", "b.TEL:2", "b.X-ABLabel:Büro")) == ["2"]


def test_the_phone_of_an_assistant_is_not_this_persons() -> None:
    assert values(only("i.TEL:1", "i.X-ABLabel:_$!<AssistantPhone>!$_", "TEL;TYPE=X-EVOLUTION-ASSISTANT:2")) == []


def test_one_number_written_twice_is_one_identity() -> None:
    assert values(only("TEL;HOME:1", "TEL;WORK:2", "TEL;CELL:1")) == ["1", "2"]


@pytest.mark.parametrize(
    ("lines", "version", "name"),
    [
        (["FN:Ann Lee", "N:Lee;Ann"], "3.0", "Ann Lee"),
        (["N:Lee;Ann;Mary Jane;Dr.;Jr."], "3.0", "Ann Mary Jane Lee"),
        (["FN: ", "N:Lee;Ann"], "3.0", "Ann Lee"),
        (["N:张;三"], "3.0", "张三"),
        (["N:安藤;ロイド"], "3.0", "安藤ロイド"),
        (["N:김;철수"], "3.0", "김철수"),
        (["N:王;David"], "3.0", "David 王"),
        (["N:;三;;;"], "4.0", "三"),
        (["N:;;;;", "NICKNAME:Annie,Nan"], "3.0", "Annie"),
        (["ORG:Acme\\; Inc.;Sales"], "3.0", "Acme; Inc."),
        (["ORG:Acme\\; Inc.;Sales"], "2.1", "Acme; Inc."),
        (["TITLE:Boss"], "3.0", ""),
        (["FN:Lee\\, Ann\\nMary \\\\ x\\: \\q"], "3.0", "Lee, Ann Mary \\ x: \\q"),
        (["FN:A\\B\\,"], "2.1", "A\\B\\,"),
        (["N:O\\;Lee;A\\\\n"], "2.1", "A\\n O;Lee"),
        (["N:Lee;Ann,Mary"], "4.0", "Ann Mary Lee"),
        (["N:Lee, Jr.;Ann"], "2.1", "Ann Lee, Jr."),
        (["FN:Alex", " ander"], "3.0", "Alexander"),
        (["FN:Alex", "\tander"], "4.0", "Alexander"),
        (["FN:Ann", " Lee"], "2.1", "Ann Lee"),
        (["F", " N:Ann"], "3.0", "Ann"),
        (["FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0=", "=E4=B8=89"], "2.1", "张三"),
        (["FN;QUOTED-PRINTABLE:=E5=BC=", " =A0=E4=B8=89"], "2.1", "张三"),
        (["FN;QUOTED-PRINTABLE:=E5=BC=A0", " =E4=B8=89"], "2.1", "张三"),
        (["FN;QUOTED-PRINTABLE:=5= ", "=5=", "Z"], "2.1", "=5=5Z"),
        (["FN;ENCODING=B:5byg5LiJ"], "3.0", "张三"),
        (["FN:=E5=BC"], "2.1", "=E5=BC"),
        (["NOTE;QUOTED-PRINTABLE:he is=", "FN:Ghost", "FN:Ann"], "2.1", "Ann"),
        (["PHOTO;BASE64:", "QUJD", "FN/ABC=", "", "FN:Ann"], "2.1", "Ann"),
        (["KEY;ENCODING=B:QUJD", " FN:Ghost", "FN:Ann"], "3.0", "Ann"),
    ],
)  # fmt: skip
def test_a_name_is_read_in_every_form(lines: list[str], version: str, name: str) -> None:
    assert only(*lines, version=version).name == name


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("SHIFT_JIS", "cp932"), ("x-sjis", "cp932"), ("GB2312", "gb18030"), ("gbk", "gbk"), ("ISO-2022-JP", "iso2022_jp")],
)
def test_a_name_is_decoded_by_its_charset_before_unescaping(charset: str, codec: str) -> None:
    # 能, 圭 and 予 end in a backslash in Shift_JIS.
    line = f"FN;CHARSET={charset}:".encode() + "伊能 圭一 伊予".encode(codec)
    assert [only(line, version=version).name for version in ("2.1", "3.0")] == ["伊能 圭一 伊予"] * 2


CHARSETS = [
    "KLINGON",
    "",
    "unicode_escape",
    "raw_unicode_escape",
    "UTF-7",
    "rot13",
    "undefined",
    "idna",
    "hex",
    "\0",
    "é",
    "x" * 1000,
]


@pytest.mark.parametrize("charset", CHARSETS, ids=range(len(CHARSETS)))
def test_an_unknown_charset_loses_neither_the_name_nor_the_card(charset: str) -> None:
    assert only(f"FN;CHARSET={charset}:张\\\\x41", "TEL:1") == Card(1, "张\\x41", (("phone", "1"),))


def test_a_name_that_is_not_utf8_needs_a_choice_and_is_never_guessed() -> None:
    content = b"BEGIN:VCARD\nFN:" + "张三".encode("gb18030") + b"\nTEL:1\nORG:Acme\nEND:VCARD\n"
    assert needs_encoding(io.BytesIO(content))
    assert cards(content) == [Card(1, "", (("phone", "1"),))]
    assert cards(content, "gb18030") == [Card(1, "张三", (("phone", "1"),))]


def test_an_irrelevant_charset_needs_no_choice() -> None:
    for line in (b"NOTE:\xff", b"FN;CHARSET=GBK:" + "张".encode("gbk"), "FN:张".encode()):
        assert not needs_encoding(io.BytesIO(b"BEGIN:VCARD\nFN:Ann\n" + line + b"\nEND:VCARD"))


def test_an_undecodable_address_never_becomes_another_address() -> None:
    [(kind, text)] = only(b"EMAIL:m\xfcller@example.org").identities
    assert (kind, text) == ("email", "m\\xfcller@example.org")
    assert "\ufffd" in values(only(b"TEL:138\xff000"))[0]


WIDE = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", WIDE)
def test_a_utf_16_file_is_read_whatever_its_charset_lines_say(encoding: str) -> None:
    content = "\r\nBEGIN:VCARD\r\nFN;CHARSET=GBK:张三\r\nTEL:1\r\nEND:VCARD\r\n".encode(encoding)
    assert looks_like_vcards(content[:64])
    assert cards(content) == [Card(2, "张三", (("phone", "1"),))]


def test_a_file_in_a_given_stateful_encoding_is_read() -> None:
    content = "BEGIN:VCARD\nFN:安藤\nTEL:1\nEND:VCARD\n".encode("iso2022_jp")
    assert cards(content, "iso2022_jp") == [Card(1, "安藤", (("phone", "1"),))]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"BEGIN:VCARD", True),
        (b"\xef\xbb\xbf\r\n\n  begin : vCard\r\n", True),
        (b"", False),
        (b"name,phone\nBEGIN:VCARD", False),
        (b"BEGIN:VCALENDAR", False),
        (b"\xff\xfe", False),
        (b"\x00" * 50, False),
    ],
)
def test_a_vcard_file_is_recognised_by_its_first_bytes(head: bytes, expected: bool) -> None:
    assert looks_like_vcards(head) is expected


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\r\r\n"])
def test_lines_may_have_any_line_end_and_are_counted(end: bytes) -> None:
    one = [b"", b"text outside", b"TEL:9", b" begin:vcard ", b"FN:Alex", b" ander", b"TEL:1", b"", b"End:VCard"]
    assert cards(end.join([*one, *one])) == [Card(n, "Alexander", (("phone", "1"),)) for n in (4, 13)]


def nested(agent: str) -> str:
    inside = "BEGIN:VCARD\nFN:In\nTEL:2\nEND:VCARD"
    return f"BEGIN:VCARD\nFN:Out\n{agent}{inside}\nTEL:1\nEND:VCARD"


@pytest.mark.parametrize(("agent", "line"), [("", 3), ("AGENT:\n", 4), ("AGENT;X=1:", 3), ("AGENT: \n", 4)])
def test_a_nested_card_is_read_as_a_person(agent: str, line: int) -> None:
    assert cards(nested(agent)) == [Card(line, "In", (("phone", "2"),)), Card(1, "Out", (("phone", "1"),))]


def test_an_agent_written_as_text_is_read_as_a_person() -> None:
    agent = "AGENT:BEGIN:VCARD\\nFN:Susan\\, S.\\nTEL:+1-919-555-1234\\nEND:VCARD\\n"
    assert cards(f"BEGIN:VCARD\nFN:Out\n{agent}\nTEL:1\nEND:VCARD") == [
        Card(3, "Susan, S.", (("phone", "+1-919-555-1234"),)),
        Card(1, "Out", (("phone", "1"),)),
    ]


def test_an_unterminated_card_is_reported_and_its_neighbours_are_read() -> None:
    content = "BEGIN:VCARD\nTEL:1\nBEGIN:VCARD\nTEL:2\nEND:VCARD\nTEL:3\nBEGIN:VCARD\nTEL:4\n"
    assert cards(content) == [
        Card(3, "", (("phone", "2"),)),
        Card(1, "", (), "unterminated_card"),
        Card(7, "", (), "unterminated_card"),
    ]


@pytest.mark.parametrize("line", ["FN:" + "x" * 11_000, "TEL:" + "1" * 2_000_000, "EMAIL:a\r\n " + "b" * 11_000])
def test_a_too_long_value_is_reported_and_not_cut(line: str) -> None:
    good = "BEGIN:VCARD\r\nFN:Ann\r\nEND:VCARD\r\n"
    bad = f"BEGIN:VCARD\r\n{line}\r\nEND:VCARD\r\n"
    assert [card.problem for card in cards(good + bad + good)] == ["", "too_long", ""]
    assert cards(f"BEGIN:VCARD\nFN:Ann\nNOTE:{'x' * 1_000_000}\nORG:{'x' * 1_000_000}\nEND:VCARD") == [
        Card(1, "Ann", ())
    ]
    assert cards("BEGIN:VCARD\n" + "TEL:123456789\n" * 10_000 + "END:VCARD") == [Card(1, "", (), "too_long")]


def photos(people: int) -> bytes:
    """Cards with a photo of 4,000 characters each, folded as programs do it."""
    photo = base64.b64encode(random.Random(1).randbytes(2850)).decode()
    folded = "\r\n ".join(photo[at : at + 75] for at in range(0, len(photo), 75))
    return "".join(
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:P{n}\r\nTEL:{n}\r\nPHOTO;ENCODING=b:{folded}\r\nEND:VCARD\r\n"
        for n in range(people)
    ).encode()


def test_an_address_book_with_photos_is_read_quickly() -> None:
    content = photos(500)
    assert len(content) > 1_900_000
    seconds = []
    for _ in range(3):
        start = time.process_time()
        assert len(cards(content)) == 500
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5


def test_memory_stays_constant_whatever_the_size() -> None:
    line = b"x" * 4_000_000
    parts = [b"BEGIN:VCARD\nFN:A\nPHOTO:" + line, b"FN:" + line, line, b"BEGIN:VCARD\n" * 50_000, b" " * 4_000_000]
    content = io.BytesIO(b"\n".join(parts))
    tracemalloc.start()
    try:
        found = sum(1 for _ in read_cards(content))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 50_001
    assert peak < 2_000_000


Reader = Callable[[IO[bytes]], Iterable[Card]]
BREAKERS: list[Callable[[random.Random, list[bytes]], list[bytes]]] = [
    lambda chance, lines: [lines[0], *(line[: chance.randrange(len(line))] for line in lines[1:])],
    lambda chance, lines: lines[:-1],
    lambda chance, lines: [*lines[:-1], b"NOTE;ENCODING=QUOTED-PRINTABLE:cut=", lines[-1]],
    lambda chance, lines: [*lines[:-1], b"PHOTO;ENCODING=BASE64:", b"QUJ" * 20, b"!!:*", b"====", lines[-1]],
    lambda chance, lines: [*lines[:2], b"FN;CHARSET=UTF-8:\xff\xfe", b"N;CHARSET=NO-SUCH:\x80;\x81", *lines[2:]],
    lambda chance, lines: [*lines[:2], b"BEGIN:VCARD", *lines[2:]],
    lambda chance, lines: [*lines, b"END:VCARD", b"END:VCARD"],
    lambda chance, lines: [lines[0], b"\0" * chance.randrange(99), b"FN:\0\0", *lines[2:]],
    lambda chance, lines: [*lines[:2], b"FN:" + b"\xe5" * 1_000_000, *lines[2:]],
    lambda chance, lines: [*lines[:2], b'TEL;TYPE="' + b'";:' * 900, *lines[2:]],
]


def good_card(n: int) -> tuple[list[bytes], tuple[str, tuple[tuple[str, str], ...]]]:
    name, identities = f"张{n}; Ann", (("phone", f"+86138{n:08}"), ("email", f"g{n}@example.org"))
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"FN:张{n}\\; Ann", f"TEL:{identities[0][1]}", f"EMAIL:{identities[1][1]}"]
    return [line.encode() for line in [*lines, "END:VCARD"]], (name, identities)


def check_neighbours(reader: Reader, seed: int) -> None:
    """Write 150 broken cards between 151 good ones; every good one is read exactly, every broken one is reported."""
    chance = random.Random(seed)
    written: list[bytes] = []
    good: list[Card] = []
    broken: list[int] = []
    for n in range(301):
        lines, (name, identities) = good_card(n)
        if n % 2 == 0:
            good.append(Card(len(written) + 1, name, identities))
        else:
            broken.append(len(written) + 1)
            # Occasionally megabytes.
            breaker = BREAKERS[chance.randrange(len(BREAKERS)) if n % 30 == 1 else n // 2 % 8]
            lines = breaker(chance, lines)
        written += lines
    found = list(reader(io.BytesIO(chance.choice([b"\n", b"\r\n"]).join(written))))
    assert [card for card in found if card.line in {one.line for one in good}] == good
    assert set(broken) <= {card.line for card in found}
    assert all(card.identities == () for card in found if card.problem)


@pytest.mark.parametrize("seed", range(3))
def test_150_broken_cards_affect_no_other_card(seed: int) -> None:
    check_neighbours(read_cards, seed)


def whole_file_reader(raw: IO[bytes]) -> Iterator[Card]:
    """The mutant: it reads the file as one text, and treats everything between a BEGIN and the next END as a card."""
    text = raw.read().decode("utf-8", "replace")
    for found in re.finditer(r"BEGIN:VCARD.*?END:VCARD", text, re.DOTALL):
        one = "BEGIN:VCARD" + found[0].replace("BEGIN:VCARD", "")
        yield from read_cards(io.BytesIO(b"\n" * text.count("\n", 0, found.start()) + one.encode()))


def test_mutant_a_whole_file_reader_loses_neighbouring_cards() -> None:
    with pytest.raises(AssertionError):
        check_neighbours(whole_file_reader, 0)


PIECES = [
    b"BEGIN:VCARD\n", b"END:VCARD\n", b"FN:A=\r", b"TEL;", b"\r\n", b" ", b":", b'"', b"N:", b"\xff", b"\0", b"AGENT:",
    b"\\", b";", b",", b"=", b"QUOTED-PRINTABLE", b"1",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_no_file_raises_an_unexpected_exception(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    found = cards(content)
    assert len(found) <= content.count(b"BEGIN:VCARD")
    assert needs_encoding(io.BytesIO(content)) in (True, False)


def folded_by_character(line: str) -> bytes:
    """The definition: each character is looked at, of short lines too."""
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode()
        if len(piece) + len(octets) > writer.LINE_OCTETS - bool(pieces):
            pieces += writer._split_delimiter(piece) if pieces else [piece]
            piece = b""
        piece += octets
    pieces += writer._split_delimiter(piece) if pieces else [piece]
    return b"\r\n ".join(pieces) + b"\r\n"


LINES = st.text(st.sampled_from("aé王😀 ;\\"), max_size=90) | st.text(
    st.sampled_from("FN: ENDVCARDBGI\t"), max_size=160
)


@given(LINES, st.sampled_from(["", "x" * 73, "END:VCARD", "x" * 75 + "END:VCARD", "x" * 75 + "BEGIN:VCARD" + "y" * 70]))
def test_a_line_is_folded_as_by_the_definition(line: str, before: str) -> None:
    for text in (line, before + line, line + before):
        assert writer._folded(text) == folded_by_character(text)


def test_a_short_line_is_not_looked_at_character_by_character() -> None:
    """The contacts of one employee took 0.7 s to export, in which no page of that web process was served."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        writer._folded("FN:" + "x" * 72)
    finally:
        sys.setprofile(None)
    assert calls < 10
