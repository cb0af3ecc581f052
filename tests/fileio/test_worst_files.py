"""What a file costs to read grows with its size, up to a bound: else one small file stops the site for everybody.

Work is counted in calls of Python's functions, so that a slow machine changes nothing.
"""

import io
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from apps.contacts.columns import MAX_CELL_CHARS, PersonReader
from apps.contacts.import_report import MAX_REJECTED_CELL_CHARS
from apps.contacts.reading import read_table_head
from apps.fileio import csv_reader, encodings, xlsx_parts, xlsx_reader
from apps.fileio.csv_injection import escape_formula, unescape_formula
from apps.fileio.csv_reader import open_table
from apps.fileio.errors import TooLarge, UnreadableFile
from apps.fileio.vcards import reader as cards
from apps.fileio.vcards.reader import read_cards
from apps.fileio.xlsx_reader import open_workbook
from tests import worst

SMALL, UNBOUNDED = 10_000, 10**12


def read_table(content: bytes) -> None:
    with open_table(io.BytesIO(content)) as table:
        for _record in table:
            pass


def read_workbook(content: bytes) -> None:
    with open_workbook(io.BytesIO(content)) as book:
        for _record in book:
            pass


def read_all_cards(content: bytes) -> None:
    for _card in read_cards(io.BytesIO(content)):
        pass


KINDS: dict[str, tuple[Callable[[bytes], None], worst.Builder]] = {
    **{name: (read_table, build) for name, build in worst.TABLES.items()},
    **{name: (read_all_cards, build) for name, build in worst.CARDS.items()},
    **{name: (read_workbook, build) for name, build in worst.WORKBOOKS.items()},
}


def work(read: Callable[[bytes], None], content: bytes) -> int:
    """How many functions were called, Python's own included, until the file was read or refused."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        read(content)
    except UnreadableFile:
        pass
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("kind", KINDS)
def test_four_times_the_file_is_at_most_four_times_the_work(kind: str) -> None:
    read, build = KINDS[kind]
    work(read, build(100))  # what is imported and compiled at first
    assert work(read, build(4 * SMALL)) <= 4.4 * work(read, build(SMALL)) + 1_000


LIMITS: list[tuple[Any, str]] = [
    (encodings, "MAX_LINES"), (csv_reader, "MAX_EMPTY_QUOTED_RECORDS"), (cards, "MAX_LINES"), (xlsx_parts, "MAX_ROWS"),
    (xlsx_reader, "MAX_ELEMENTS"), (xlsx_reader, "MAX_TEXT_ELEMENTS"), (xlsx_parts, "MAX_SMALL_PART_ELEMENTS"),
]  # fmt: skip


def limited(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, limit)


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_bound_a_larger_file_is_no_more_work(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, build = KINDS[kind]
    if kind in ("wide rows", "cells far to the right", "one text in every cell"):
        limited(monkeypatch, SMALL // 200)
    else:
        limited(monkeypatch, SMALL)
    monkeypatch.setattr(encodings, "CHUNK_BYTES", 1 << 12)
    assert work(read, build(4 * SMALL)) <= 1.2 * work(read, build(2 * SMALL)) + 1_000


@pytest.mark.parametrize("kind", ["blank lines behind the header", "empty cards", "empty rows", "texts", "styles"])
def test_without_the_bound_it_is(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutants of the test above."""
    read, build = KINDS[kind]
    limited(monkeypatch, UNBOUNDED)
    monkeypatch.setattr(encodings, "CHUNK_BYTES", 1 << 12)
    assert work(read, build(4 * SMALL)) > 1.5 * work(read, build(2 * SMALL))


def test_the_mutant_of_the_header_reads_blank_lines_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = work(read_table, worst.TABLES["newlines"](SMALL))
    monkeypatch.setattr(csv_reader, "MAX_LINES_ABOVE_HEADER", UNBOUNDED)
    assert work(read_table, worst.TABLES["newlines"](SMALL)) > 5 * bounded


def test_lines_of_quotes_are_read_up_to_a_bound_and_without_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """They count as nobody: a file under 1 MB kept a worker busy for half a minute."""
    once, twice = (worst.TABLES["lines of one quote"](n) for n in (SMALL, 2 * SMALL))
    monkeypatch.setattr(csv_reader, "MAX_EMPTY_QUOTED_RECORDS", SMALL // 10)
    assert work(read_table, twice) <= 1.2 * work(read_table, once) + 1_000
    monkeypatch.setattr(csv_reader, "MAX_EMPTY_QUOTED_RECORDS", UNBOUNDED)
    assert work(read_table, twice) > 1.5 * work(read_table, once)


@pytest.mark.parametrize("kind", [*worst.WORKBOOKS, "wide rows"])
def test_memory_does_not_grow_with_the_file(kind: str) -> None:
    """A sheet of empty rows took 742 MB: a tree keeps what it has passed."""
    read, build = KINDS[kind]

    def peak(content: bytes) -> int:
        tracemalloc.start()
        try:
            read(content)
        except UnreadableFile:
            pass
        finally:
            _now, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return most

    small, large = build(SMALL), build(8 * SMALL)
    peak(small)
    # Eight bytes for each text, and for each style; the packed file itself stands in memory here.
    assert peak(large) <= 2 * peak(small) + len(large) + 8 * 16 * SMALL


@pytest.mark.parametrize(
    ("read", "content", "said"),
    [
        (read_table, b"\n" * 1_001, "line 1,000: more than 1,000 lines before the header"),
        (read_table, b"a,b\n" + b"\n" * 2_000_001, "line 2,000,001: more than 2,000,000 lines"),
        (read_table, b"a,b\n" + b'"\n' * 40_004, "line 40,002: more than 20,000 empty records in quotes"),
        (read_all_cards, b"\n" * 1_000_001, "line 1,000,001: more than 1,000,000 lines"),
        (read_workbook, worst.workbook('<row r="1048577"/>'), "line 1,048,576: more than 1,048,576 rows"),
        (read_workbook, worst.workbook("<row>" + "<c/>" * 16_385 + "</row>"), "line 1: more than 16,384 columns"),
        (
            read_workbook,
            worst.workbook("<row/><row>" + '<c r="A2"><v>1</v></c>' * 16_385 + "</row>"),
            "line 2: more than 16,384 cells in a row",
        ),
        (
            read_workbook,
            worst.workbook("<row>" + f"<c><v>{'1' * 32_767}</v></c>" * 31 + "</row>"),
            "line 1: more than 1,000,000 characters in a row",
        ),
        (read_workbook, worst.workbook(f"<row><c><v>{'1' * 32_768}</v></c></row>"), "more than 32,767 characters"),
        (read_workbook, worst.workbook(f"<!--{'<' * 400_000}-->"), "more than 262,144 bytes in an XML tag"),
        (read_workbook, worst.WORKBOOKS["empty rows"](3_000_000), "more than 10,000,000 bytes in an unpacked workbook"),
    ],
    ids=[
        "header",
        "lines",
        "quotes",
        "lines of cards",
        "rows",
        "columns",
        "cells of one column",
        "characters of a row",
        "characters",
        "tag",
        "ratio",
    ],
)
def test_a_refusal_names_the_place_and_the_limit(
    read: Callable[[bytes], None], content: bytes, said: str
) -> None:  # fmt: skip
    with pytest.raises(TooLarge) as refused:
        read(content)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("kind", [name for name in worst.TABLES if name not in ("newlines", "wide rows")])
def test_a_look_at_the_header_costs_the_same_whatever_follows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for three rows; where none come, it must not read the file to its end."""
    build = worst.TABLES[kind]
    monkeypatch.setattr(encodings, "CHUNK_BYTES", 1 << 14)
    monkeypatch.setattr(encodings, "_undecodable_line", lambda raw, encoding: 0)

    def header(content: bytes) -> None:
        read_table_head(io.BytesIO(content), "utf-8")

    work(header, build(100))
    assert work(header, build(8 * SMALL)) <= 1.2 * work(header, build(2 * SMALL)) + 1_000


def test_a_row_of_too_many_cells_costs_itself_only() -> None:
    content = b"name,phone\nAnn,1\n" + b"x," * 1_001 + b"\nBen,2\n" + b"," * 5_000 + b'\n"x"' + b"," * 1_001 + b"\n"
    with open_table(io.BytesIO(content)) as table:
        found = [(record.line, record.problem) for record in table]
    assert found == [(2, ""), (3, "too_long"), (4, ""), (6, "too_long")]


def test_a_roster_of_a_million_rows_is_within_the_bounds() -> None:
    """What was read before is read: a row and a blank line each, or a sheet of twelve columns."""
    assert encodings.MAX_LINES >= 2_000_000
    assert xlsx_parts.MAX_ELEMENTS >= 1_000_000 * (1 + 3 * 12)
    assert xlsx_parts.MAX_TEXT_ELEMENTS >= 1_000_000 * 4 * 2
    assert xlsx_parts.MAX_ROWS > 1_000_000


def cells(content: bytes) -> list[str]:
    with open_table(io.BytesIO(content)) as table:
        return [cell for record in table for cell in record.values]


def seconds(run: Callable[[], object]) -> float:
    """The least processor time of five runs."""
    taken = []
    for _run in range(5):
        before = time.process_time()
        run()
        taken.append(time.process_time() - before)
    return min(taken)


@pytest.mark.parametrize("kind", ["guarded blanks in a name", "blanks in a line to reject"])
@pytest.mark.parametrize("guard", [escape_formula, unescape_formula])
def test_a_cell_of_four_times_the_blanks_takes_four_times_the_time(kind: str, guard: Callable[[str], str]) -> None:
    """It took sixteen times: one cell of a million characters kept a worker, and the facts lock, for an hour."""
    small, large = (cells(worst.TABLES[kind](n)) for n in (2 * SMALL, 8 * SMALL))
    assert sum(map(len, small)) > 2 * SMALL
    assert seconds(lambda: list(map(guard, large))) <= 8 * seconds(lambda: list(map(guard, small))) + 0.001


def test_a_cell_that_is_too_long_is_not_searched_for_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    monkeypatch.setattr("apps.contacts.columns.unescape_formula", lambda text: searched.append(len(text)) or text)
    name, identities = PersonReader(["name", "phone"]).person(
        ["x" + "\t'" * MAX_CELL_CHARS, " " + "1\t'" * MAX_CELL_CHARS]
    )
    assert max(searched) <= MAX_CELL_CHARS
    assert len(name) <= MAX_CELL_CHARS
    assert [len(text) for _kind, text in identities] == [3 * MAX_CELL_CHARS]
    assert MAX_REJECTED_CELL_CHARS > MAX_CELL_CHARS, "a corrected file would take such a cell for a list"
