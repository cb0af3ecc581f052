"""Damaged files: every valid row is recorded exactly, and every bad one is reported with line and reason.

Each file has its own seed, which a failure prints. FAULT_ROUNDS multiplies the number of files.
"""

import csv
import io
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

import pytest

from apps.contacts import reading
from apps.contacts.drafts import OutcomeCode
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, Submission
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.fileio.csv_reader import Record
from apps.fileio.errors import UnreadableFile, UnsureEncoding
from tests.people import TESTER

pytestmark = pytest.mark.django_db
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)
CSVS, CARDS = 300 * ROUNDS, 150 * ROUNDS
INVALID, LOST, LONG, OPEN = (
    OutcomeCode.INVALID,
    OutcomeCode.UNTERMINATED_QUOTE,
    OutcomeCode.TOO_LONG,
    OutcomeCode.UNTERMINATED_CARD,
)
Identities = frozenset[tuple[str, str]]


class Expected(NamedTuple):
    """A person who must be stored, or (with codes) a record that must be reported, with its line and column."""

    name: str = ""
    identities: Identities = frozenset()
    codes: tuple[str, ...] = ()
    column: str | None = None


@dataclass
class Bad:
    """A generated file: its bytes, and the expected result of each record, by its first line."""

    seed: int
    dice: random.Random = field(init=False)
    content: bytes = b""
    line: int = 1
    expected: dict[int, Expected] = field(default_factory=dict)
    encoding: str = ""
    made: list[str] = field(default_factory=list)
    people: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def write(self, text: bytes, lines: int, expected: Expected | None = None) -> None:
        if expected:
            self.expected[self.line] = expected
        self.content += text
        self.line += lines

    def person(self) -> tuple[str, str, str, str]:
        """Return a new name, phone, e-mail and handle; no two files of a run share one."""
        self.people += 1
        number = self.seed % 10_000 * 10_000 + self.people
        return f"Guest {number}", f"138{number:08d}", f"g{number}@outside.example.org", f"h{number}"


def found_wrong(bad: Bad, employee: Employee, **options: Any) -> list[str]:
    """Import the file; returns a description of every difference from the expected result."""
    try:
        told = import_contacts(raw=io.BytesIO(bad.content), by=TESTER, employee=employee, **options)
    except UnreadableFile as error:
        return [f"refused as a whole: {error}"]
    counts = told.as_json()
    sums = sum(counts[code] for code in ("created", "updated", "unchanged", "duplicate", "rejected"))
    wrong = [] if counts["read"] == sums else [f"read {counts['read']}, told of {sums}"]
    new = Contact.objects.filter(submission=told.submission).prefetch_related("identities")
    stored = Counter(
        (one.name, frozenset((each.kind, each.value) for each in one.identities.all())) for one in new
    )  # fmt: skip
    rejects = {reject["line"]: reject for reject in told.rejects}
    for line, one in bad.expected.items():
        there = stored.pop((one.name, one.identities), 0) if one.identities else 0
        reject = rejects.pop(line, None)
        if not one.codes and (there != 1 or reject):
            wrong.append(f"line {line}: {one.name} is there {there} times, told {reject}")
        elif one.codes and reject is None:
            wrong.append(f"line {line}: not told")
        if reject and one.codes:
            right = reject["code"] in one.codes and one.column in (None, reject["column"]) and reject["reason"]
            wrong += [] if right else [f"line {line}: told {reject}, not {one.codes} in {one.column}"]
    wrong += [f"somebody nobody wrote: {one}" for one in stored]
    return wrong + [f"told of a line that is none: {reject}" for reject in rejects.values()]


def all_wrong(files: Sequence[Bad], employee: Employee) -> list[str]:
    return [
        f"seed {bad.seed} {bad.made}: {wrong}\n{bad.content[:600]!r}"
        for bad in files
        for wrong in found_wrong(bad, employee, **({"encoding": bad.encoding} if bad.encoding else {}))
    ]


# -- tables ------------------------------------------------------------------------------------------------------------

HEADER = ["name", "phone", "email", "handle"]
HEADERS = {
    "gb18030": ["姓名", "手机", "邮箱", "handle"],
    "utf-16": ["Имя", "Телефон", "Эл. почта", "handle"],
    "cp1251": ["Имя", "Телефон", "Эл. почта", "handle"],
}
NAMES = {"gb18030": "欧阳建国", "utf-16": "Ёлка", "cp1251": "Иванова"}


def identities(phone: str = "", email: str = "", handle: str = "") -> Identities:
    found = [("phone", phone and f"+86{phone}"), ("email", email), ("handle", handle)]
    return frozenset((kind, value) for kind, value in found if value)


@dataclass
class BadTable(Bad):
    """A table with damaged rows in one dialect; with `mixed`, line ends differ from line to line."""

    separator: str = ","
    end: str = "\n"
    mixed: bool = False
    text_encoding: str = "utf-8"
    planned: set[str] = field(default_factory=set)

    def row(self, text: str, expected: Expected | None) -> None:
        """Write one record, with its line breaks as \\n."""
        # In an empty line a lone LF would combine with the CR before it.
        pieces = text.split("\n")
        ends = [self.dice.choice(["\n", "\r\n", "\r"] if one else ["\r\n"]) for one in pieces]
        whole = "".join(one + (end if self.mixed else self.end) for one, end in zip(pieces, ends, strict=True))
        self.write(whole.encode(self.text_encoding, "surrogatepass"), len(pieces), expected)

    def cells(self, *cells: str) -> str:
        return self.separator.join(cells)

    def good(self) -> None:
        """Write a valid row, in one of the shapes that programs produce."""
        name, phone, email, handle = self.person()
        name = NAMES.get(self.text_encoding.removesuffix("-le"), "Guest") + " " + name
        kept = self.dice.choice([(phone, "", ""), ("", email, ""), ("", "", handle), (phone, email, handle)])
        shape = self.dice.randrange(5)
        if shape == 1:
            self.row(self.cells(*(f'"{cell}"' for cell in (name, *kept))), Expected(name, identities(*kept)))
        elif shape == 2:
            named = f"{name}{self.separator} the other"
            self.row(self.cells(f'"{named}"', *kept), Expected(clean_text(named), identities(*kept)))
        elif shape == 3 and not self.mixed:
            self.row(self.cells(f'"{name}\nthe other"', *kept), Expected(f"{name} the other", identities(*kept)))
        elif shape == 4:
            self.row(self.cells(f'"{name} ""the other"""', *kept), Expected(f'{name} "the other"', identities(*kept)))
        else:
            self.row(self.cells(name, *kept), Expected(name, identities(*kept)))


def lost_quote(it: BadTable) -> None:
    name, phone, email, _handle = it.person()
    row = [name, phone, email, ""]
    place = it.dice.randrange(3)
    row[place] = '"' + row[place]
    it.row(it.cells(*row), Expected(codes=(LOST,)))


def stray_quote(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    # After a missing quote, the second quote would close it in a cell of two lines; no reader could separate the rows.
    quoted = it.dice.choice([f'{name} "the other"', *([] if "lost_quote" in it.planned else [f'{name}"'])])
    it.row(it.cells(quoted, phone, "", ""), Expected(quoted, identities(phone)))


def quotes_inside_quotes(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    text = f'{name} "hi" now'
    it.row(it.cells(f'"{text}"', phone, "", ""), Expected(text, identities(phone)))


def a_nul(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    it.row(it.cells(f"{name}\0", phone[:4] + "\0" + phone[4:], "", "\0"), Expected(name, identities(phone)))


def short(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    it.row(it.cells(name, phone), Expected(name, identities(phone)))
    it.row(name, Expected(codes=(INVALID,), column="phone"))


def too_wide(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    it.row(it.cells(name, phone, "", "", "more", "", "and more"), Expected(name, identities(phone)))


def other_separators(it: BadTable) -> None:
    other = next(one for one in ("|", ";", ",") if one != it.separator)
    it.row(other.join(it.person()), Expected(codes=(INVALID,), column="phone"))


def a_megabyte(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    it.row(it.cells("x" * 1_000_001, phone, "", ""), Expected(codes=(LONG,), column=""))
    it.row(it.cells(name + "x" * 300_000, phone, "", ""), Expected(clean_text(name + "x" * 300), identities(phone)))


def formulas(it: BadTable) -> None:
    name, phone, email, _handle = it.person()
    it.row(it.cells(f"=cmd|' /C calc'!{name}", phone, "", ""), Expected(f"=cmd|' /C calc'!{name}", identities(phone)))
    it.row(it.cells(name, f"'+86{phone[:-1]}", "", ""), Expected(codes=(INVALID,), column="phone"))
    it.row(it.cells(f"'@{name}", "", f"'{email}", ""), Expected(f"@{name}", identities(email=email)))


def bad_phone(it: BadTable) -> None:
    name, _phone, email, handle = it.person()
    number = it.dice.choice(["12", "1381234567", "hello", "99999999999", "=1+1", "13812345678 x 9x", "1.38E+10"])
    it.row(it.cells(name, number, email, handle), Expected(codes=(INVALID,), column="phone"))


def bad_email(it: BadTable) -> None:
    name, phone, _email, handle = it.person()
    address = it.dice.choice(["a", "a@", "@a.example", "a@b", "a b@example.org", "a@@example.org", "=A1@"])
    it.row(it.cells(name, phone, address, handle), Expected(codes=(INVALID,), column="email"))


def bad_handle(it: BadTable) -> None:
    name, phone, email, _handle = it.person()
    handle = it.dice.choice(["@", "a b", "http://x", "...", "x" * 65, "<b>", "a\\b"])
    it.row(it.cells(name, phone, email, handle), Expected(codes=(INVALID,), column="handle"))


def empty_lines(it: BadTable) -> None:
    it.row("", None)
    it.row(it.cells("", " ", "", ""), None)
    it.row(it.cells("", "", ""), None)


def header_again(it: BadTable) -> None:
    it.row(it.cells(*HEADER), Expected(codes=(INVALID,), column="phone"))


def mark_in_the_middle(it: BadTable) -> None:
    name, phone, _email, _handle = it.person()
    it.row("\ufeff" + it.cells(name, phone, "", ""), Expected(name, identities(phone)))


DAMAGES: list[Callable[[BadTable], None]] = [
    lost_quote, lost_quote, lost_quote, stray_quote, quotes_inside_quotes, a_nul, short, too_wide, other_separators,
    formulas, bad_phone, bad_email, bad_handle, empty_lines, header_again, mark_in_the_middle,
]  # fmt: skip


def table(seed: int) -> BadTable:
    """Return a file of valid rows with one to four damages, sometimes in another encoding, sometimes cut short."""
    it = BadTable(seed)
    it.separator = it.dice.choice([",", ",", ";", "\t"])
    it.end = it.dice.choice(["\n", "\n", "\r\n", "\r"])
    it.mixed = it.dice.random() < 0.1
    encoding = it.dice.choice([""] * 8 + ["gb18030", "utf-16", "cp1251"])
    if encoding:
        it.text_encoding = "utf-16-le" if encoding == "utf-16" else encoding
        it.encoding = "" if encoding == "utf-16" else encoding
        it.content = b"\xff\xfe" if encoding == "utf-16" else b""
        it.made.append(encoding)
    elif it.dice.random() < 0.3:
        it.content = b"\xef\xbb\xbf"
    it.row(it.cells(*HEADERS.get(encoding, HEADER)), None)
    damages = it.dice.sample(DAMAGES, it.dice.randint(1, 4))
    if encoding == "cp1251":
        damages = [one for one in damages if one is not mark_in_the_middle]
    if seed % 30 == 0:
        damages.append(a_megabyte)
    it.planned = {damage.__name__ for damage in damages}
    rows: list[Callable[[], None]] = [it.good] * it.dice.randint(3, 7)
    for damage in damages:
        rows.insert(it.dice.randrange(len(rows) + 1), _doing(it, damage))
    for row in rows:
        row()
    if it.dice.random() < 0.2:
        _cut_short(it)
    return it


def _doing(it: BadTable, damage: Callable[[BadTable], None]) -> Callable[[], None]:
    def do() -> None:
        it.made.append(damage.__name__)
        damage(it)

    return do


def _cut_short(it: BadTable) -> None:
    """Simulate a full disk: the last line ends in the middle of a quoted cell."""
    it.made.append("cut short")
    name, _phone, _email, _handle = it.person()
    it.row(f'"{name[:-2]}', Expected(codes=(LOST,)))
    it.content = it.content[: -len(it.end.encode(it.text_encoding))] if not it.mixed else it.content


def test_every_good_row_of_300_damaged_tables_goes_in_and_every_bad_one_is_told(alice: Employee) -> None:
    print(f"seed {SEED}")
    files = [table(SEED * 1000 + n) for n in range(CSVS)]
    wrong = all_wrong(files, alice)
    kinds = Counter(kind for it in files for kind in it.made)
    print(f"{len(files)} files, {sum(len(it.expected) for it in files)} records; {dict(kinds)}")
    assert not wrong, "\n".join(wrong[:20]) + f"\n... {len(wrong)} in all"


@contextmanager
def plain_csv(raw: IO[bytes], **options: Any) -> Iterator[Any]:
    """Mutant: Python's csv reader without any protection."""

    class Plain:
        def __init__(self, text: io.TextIOWrapper) -> None:
            self._lines = text
            csv.field_size_limit(10**9)
            sample = text.readline()
            text.seek(0)
            self._rows = csv.reader(text, delimiter=max(",;\t", key=sample.count))
            self.header = next(self._rows)

        def __iter__(self) -> Iterator[Record]:
            for values in self._rows:
                if any(value.strip() for value in values):
                    yield Record(self._rows.line_num, [value.strip() for value in values])

    text = io.TextIOWrapper(raw, encoding=options["encoding"], newline="")
    try:
        yield Plain(text)
    finally:
        text.detach()


def test_mutant_a_plain_csv_reader_loses_good_rows(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "open_table", plain_csv)
    files = [it for it in (table(SEED * 1000 + n) for n in range(80)) if "lost_quote" in it.made and not it.mixed]
    assert files
    lost = [wrong for it in files for wrong in all_wrong([it], alice) if "is there 0 times" in wrong]
    print(f"seed {SEED}: {len(lost)} good rows lost in {len(files)} files")
    assert lost


@pytest.mark.parametrize("broken", [b"\xed\xa0\x80", b"\xff", b"\xc3", b"\xf5\x80\x80\x80", b"\xed\xb2\x80\xed"])
def test_a_table_with_bytes_that_are_no_text_is_refused_whole_and_nobody_is_stored_as_mojibake(
    alice: Employee, broken: bytes
) -> None:
    """The encoding of the rest is unknown, so the message says so and nothing is recorded."""
    content = "name,handle\nZoë,h1\n王芳,h2\n".encode() + broken + b",h3\nGuest,h4\n"
    with pytest.raises(UnreadableFile) as refused:
        import_contacts(raw=io.BytesIO(content), by=TESTER, employee=alice)
    assert str(refused.value)
    assert not Contact.objects.exists()
    assert not Submission.objects.exists()


@pytest.mark.parametrize("encoding", ["gb18030", "cp1251"])
def test_a_legacy_table_is_read_for_certain_or_the_right_reading_is_offered(alice: Employee, encoding: str) -> None:
    sure = 0
    for n in range(20):
        it = BadTable(SEED + n, text_encoding=encoding)
        it.row(it.cells(*HEADERS[encoding]), None)
        for _ in range(5):
            it.good()
        try:
            assert found_wrong_unless_unsure(it, alice) == []
            sure += 1
        except UnsureEncoding as unsure:
            assert encoding in unsure.candidates  # noqa: PT017 - one of two good ends, not the only one
    print(f"seed {SEED}: {sure} of 20 in {encoding} were sure")


def found_wrong_unless_unsure(it: Bad, employee: Employee) -> list[str]:
    with reading.open_contacts(io.BytesIO(it.content)):
        return found_wrong(it, employee)


# -- cards -------------------------------------------------------------------------------------------------------------

PHOTO = "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD\n /2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAs\n"


class BadCards(Bad):
    """A vCard file."""

    end = "\r\n"

    def card(self, text: str, expected: Expected | None) -> None:
        """Write a card, with its line ends as \\n."""
        raw = text.encode("utf-8", "surrogateescape")
        self.write(raw.replace(b"\n", self.end.encode()), text.count("\n"), expected)

    def good(self) -> None:
        name, phone, email, handle = self.person()
        shape = self.dice.randrange(5)
        if shape == 0:
            self.card(f"BEGIN:VCARD\nVERSION:2.1\nN:{name};;;\nTEL;CELL:{phone}\nEND:VCARD\n",
                      Expected(name, identities(phone)))  # fmt: skip
        elif shape == 1:
            self.card(f"BEGIN:VCARD\nVERSION:3.0\nFN:{name}\n{PHOTO}item1.EMAIL;TYPE=INTERNET:{email}\nEND:VCARD\n",
                      Expected(name, identities(email=email)))  # fmt: skip
        elif shape == 2:
            self.card(f"BEGIN:VCARD\nVERSION:4.0\nFN:{name[:4]}\n {name[4:]}\nTEL;VALUE=uri:tel:+86{phone}\n"
                      f"X-HUNDRED-HANDLE:{handle}\nEND:VCARD\n",
                      Expected(name, identities(phone, "", handle)))  # fmt: skip
        elif shape == 3:
            self.card(f"begin:vcard\nversion:2.1\nfn;charset=utf-8;encoding=quoted-printable:=E7=8E=8B {name}\n"
                      f"tel;cell:{phone}\nend:vcard\n", Expected(f"王 {name}", identities(phone)))  # fmt: skip
        else:
            self.card(f"\nBEGIN:VCARD\nVERSION:3.0\nFN:{name}\nNOTE:a\\nb\nTEL:{phone}\nEMAIL:{email}\nEND:VCARD\n\n",
                      None)  # fmt: skip
            # The card begins after a blank line, and another blank line follows it.
            self.expected[self.line - 8] = Expected(name, identities(phone, email))


def no_end(it: BadCards) -> None:
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN:{name}\nTEL:{phone}\n", Expected(codes=(OPEN,), column=""))


def stray_begin(it: BadCards) -> None:
    it.card("BEGIN:VCARD\n", Expected(codes=(OPEN,), column=""))


def cut_lines(it: BadCards) -> None:
    name, phone, email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN\n{name}\nTE\nTEL;CE\nTEL:{phone[:5]}\nEMAIL:{email}\nEND:VCARD\n",
            Expected("", identities(email=email)))  # fmt: skip
    it.card(f"BEGIN:VCARD\nFN:{name}\nTEL:{phone[:5]}\nEND:VCARD\n", Expected(codes=(INVALID,), column="phone"))
    it.card(f"BEGIN:VCARD\nFN:{name}\nEMAI\nEND:VCARD\n", Expected(codes=(INVALID,), column="phone"))


def bad_base64(it: BadCards) -> None:
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN:{name}\nPHOTO;BASE64:=!!?===\n ====\nTEL:{phone}\nEND:VCARD\n",
            Expected(name, identities(phone)))  # fmt: skip
    it.card(f"BEGIN:VCARD\nFN:{name}\nEMAIL;ENCODING=B:abc\nEND:VCARD\n", Expected(codes=(INVALID,)))


def wrong_charset(it: BadCards) -> None:
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN;CHARSET=KLINGON:{name}\nTEL;CHARSET=UTF-7:{phone}\nEND:VCARD\n",
            Expected(name, identities(phone)))  # fmt: skip
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN;CHARSET=UTF-8:\udcff{name}\nTEL:{phone}\nEND:VCARD\n", Expected("", identities(phone)))


def a_long_line(it: BadCards) -> None:
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN:{name}\nNOTE:{'x' * 1_000_000}\nTEL:{phone}\nEND:VCARD\n",
            Expected(name, identities(phone)))  # fmt: skip
    it.card(f"BEGIN:VCARD\nFN:{'x' * 1_000_000}\nTEL:{phone}\nEND:VCARD\n", Expected(codes=(LONG,), column=""))


def nested(it: BadCards) -> None:
    name, phone, email, _handle = it.person()
    first = it.line
    it.card(f"BEGIN:VCARD\nFN:{name}\nAGENT:\nBEGIN:VCARD\nFN:Agent {name}\nEMAIL:{email}\nEND:VCARD\n"
            f"TEL:{phone}\nEND:VCARD\n", Expected(name, identities(phone)))  # fmt: skip
    it.expected[first + 3] = Expected(f"Agent {name}", identities(email=email))


def nuls(it: BadCards) -> None:
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nFN:{name[:3]}\0{name[3:]}\nTEL:{phone[:4]}\0{phone[4:]}\nX-HUNDRED-HANDLE:\0\nEND:VCARD\n",
            Expected(name, identities(phone)))  # fmt: skip


def between_cards(it: BadCards) -> None:
    it.card("hello\nTEL:13812345678\n:::\n;;;\n", None)


def no_identity(it: BadCards) -> None:
    it.card("BEGIN:VCARD\nFN:Nobody\nEND:VCARD\n", Expected(codes=(INVALID,), column="phone"))
    it.card("BEGIN:VCARD\nEND:VCARD\n", Expected(codes=(INVALID,), column="phone"))


CARD_DAMAGES: list[Callable[[BadCards], None]] = [
    no_end, stray_begin, cut_lines, bad_base64, wrong_charset, nested, nuls, between_cards, no_identity,
]  # fmt: skip


def cards(seed: int) -> BadCards:
    it = BadCards(seed)
    it.end = it.dice.choice(["\r\n", "\n", "\r"])
    # A vCard file is recognised by its first bytes.
    name, phone, _email, _handle = it.person()
    it.card(f"BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL:{phone}\nEND:VCARD\n", Expected(name, identities(phone)))
    damages = it.dice.sample(CARD_DAMAGES, it.dice.randint(1, 4))
    if seed % 30 == 0:
        damages.append(a_long_line)
    rows: list[Any] = [it.good] * it.dice.randint(3, 7)
    for damage in damages:
        rows.insert(it.dice.randrange(len(rows) + 1), damage)
    for row in rows:
        if row in damages:
            it.made.append(row.__name__)
            row(it)
        else:
            row()
    return it


def test_every_good_card_of_150_damaged_files_goes_in_and_every_bad_one_is_told(alice: Employee) -> None:
    print(f"seed {SEED}")
    files = [cards(SEED * 1000 + n) for n in range(CARDS)]
    wrong = all_wrong(files, alice)
    kinds = Counter(kind for it in files for kind in it.made)
    print(f"{len(files)} files, {sum(len(it.expected) for it in files)} cards; {dict(kinds)}")
    assert not wrong, "\n".join(wrong[:20]) + f"\n... {len(wrong)} in all"
