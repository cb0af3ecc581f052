"""Tables of other programs: a damaged row affects only itself, never a neighbour, a name or a line number."""

import io
import tracemalloc
from pathlib import Path

import pytest

from apps.fileio.csv_quoting import Scan, Scanner
from apps.fileio.csv_reader import Record, Table, open_table
from apps.fileio.errors import UnreadableFile

Rows = list[tuple[int, list[str]]]


def table(text: str) -> Table:
    return Table(io.StringIO(text, newline=""))


def read(text: str) -> list[tuple[int, list[str], str]]:
    return [(record.line, record.values, record.problem) for record in table(text)]


BAD = "unterminated_quote"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_every_separator_and_line_end_separates_the_cells(separator: str, end: str) -> None:
    lines = ["Name,Phone", '"a,b",1', '"two', 'lines","say ""hi"""', "c ,  3"]
    text = end.join(line.replace(",", separator) for line in lines) + end
    expected = [[f"a{separator}b", "1"], [f"two{end}lines", 'say "hi"'], ["c", "3"]]
    assert [record.values for record in table(text)] == expected
    assert [record.line for record in table(text)] == [2, 3, 5]


def test_mixed_line_ends_keep_the_line_numbers() -> None:
    assert read("a,b\r\n1,2\r3,4\n\n5,6\r\n\r\r\n7,8") == [
        (2, ["1", "2"], ""), (3, ["3", "4"], ""), (5, ["5", "6"], ""), (8, ["7", "8"], ""),
    ]  # fmt: skip


@pytest.mark.parametrize("offset", range(-3, 4))
def test_a_line_end_across_two_chunks_is_one_line_end(offset: int) -> None:
    filler = "x" * ((1 << 18) + offset - len("a,b\r\n,1"))
    assert read(f"a,b\r\n{filler},1\r\ny,2\r\n") == [(2, [filler, "1"], ""), (3, ["y", "2"], "")]


def test_short_and_long_rows_keep_their_cells() -> None:
    records = list(table("A,B,C\n1\n1,2,3,4,\n"))
    assert [record.values for record in records] == [["1"], ["1", "2", "3", "4", ""]]
    assert [record.cells for record in records] == [{"a": "1", "b": "", "c": ""}, {"a": "1", "b": "2", "c": "3"}]


def test_blank_rows_are_skipped() -> None:
    assert read('a,b\n\n , \n"",""\n" ", \n"\n",\n,2\n') == [(8, ["", "2"], "")]


@pytest.mark.parametrize(
    ("text", "header", "separator", "line"),
    [
        ("\n , \n\ufeff Name\u200b , E-Mail \n1,2\n", ["Name", "E-Mail"], ",", 4),
        ("sep=;\r\nName, First;Phone\r\n1;2\r\n", ["Name, First", "Phone"], ";", 3),
        ('\ufeff"sep=|"\nName|Phone\n1|2\n', ["Name", "Phone"], "|", 3),
        ('sep={\r\nName{"Phone"\n1{2\n', ["Name", "Phone"], "{", 3),
        ('sep=}\r\nName}"Phone"\n1}2\n', ["Name", "Phone"], "}", 3),
        ("sep=\t\nName\tPhone\n1\t2\n", ["Name", "Phone"], "\t", 3),
        ('"Name,\nall of it, really";"Phone"\n1;2\n', ["Name,\nall of it, really", "Phone"], ";", 3),
        ('Size 27",Phone\n1,2\n', ['Size 27"', "Phone"], ",", 2),
        ('"The "real" name",Phone\n1,2\n', ['The "real" name', "Phone"], ",", 2),
        ("Name\n1\n", ["Name"], ",", 2),
    ],
    ids=[
        "blanks",
        "sep",
        "quoted sep",
        "sep brace",
        "sep end brace",
        "sep tab",
        "two lines",
        "inches",
        "quotes in quotes",
        "one column",
    ],
)
def test_the_header_is_found_in_every_form(text: str, header: list[str], separator: str, line: int) -> None:
    found = table(text)
    assert (found.header, found.separator) == (header, separator)
    assert found.columns == [name.lower() for name in header]
    assert [(record.line, record.values) for record in found] == [(line, ["1", "2"][: len(header)])]


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", "sep=;\n", " , ,\n"])
def test_a_file_without_column_names_gives_a_sentence(text: str) -> None:
    with pytest.raises(UnreadableFile, match="the file is empty: its first line must name the columns"):
        table(text)


@pytest.mark.parametrize("text", ['"a,b\n1,2\n', 'a,"b\n' + "1,2\n" * 2000, '"a,b', "x" * 1_500_000])
def test_an_endless_header_gives_a_sentence(text: str) -> None:
    with pytest.raises(UnreadableFile, match=r"line 1: (a quote in the header is not closed|the header is longer)"):
        table(text)


def test_a_duplicate_column_is_refused_only_if_columns_are_required() -> None:
    twice = table("\nname,phone,Phone\nx,1,2\n")
    assert next(iter(twice)).values == ["x", "1", "2"]
    with pytest.raises(UnreadableFile, match="line 2: the column phone appears twice"):
        twice.require("name")
    with pytest.raises(UnreadableFile, match="line 2: missing column email; found name, phone, phone"):
        twice.require("name", "email")


DAMAGED = {
    "last line": ('x,"abc', [(2, ["x", '"abc'], BAD)]),
    "before plain rows": ('x,"abc\np,q\nr,s', [(2, ["x", '"abc'], BAD), (3, ["p", "q"], ""), (4, ["r", "s"], "")]),
    "two in a row": ('x,"abc\ny,"def\np,q', [(2, ["x", '"abc'], BAD), (3, ["y", '"def'], BAD), (4, ["p", "q"], "")]),
    "before a cell of two lines": (
        'x,"abc\np,"two\nlines"\nr,s', [(2, ["x", '"abc'], BAD), (3, ["p", "two\nlines"], ""), (5, ["r", "s"], "")],
    ),
    "before a cell that begins with a line end": (
        'x,"abc\np,"\nlines"\nr,s', [(2, ["x", '"abc'], BAD), (3, ["p", "lines"], ""), (5, ["r", "s"], "")],
    ),
    "before a cell that begins with a separator": (
        '"abc,x\np,",q"\nr,s', [(2, ['"abc', "x"], BAD), (3, ["p", ",q"], ""), (4, ["r", "s"], "")],
    ),
    "before a stray inch": (
        '"abc,x\n"p",27"\nr,s', [(2, ['"abc', "x"], BAD), (3, ["p", '27"'], ""), (4, ["r", "s"], "")],
    ),
    "all cells quoted": (
        '"x","abc\n"p",""\n"r","s"', [(2, ['"x"', '"abc'], BAD), (3, ["p", ""], ""), (4, ["r", "s"], "")],
    ),
    "before empty quoted cells": (
        'x,"abc\n"",""\np,""\nr,s', [(2, ["x", '"abc'], BAD), (4, ["p", ""], ""), (5, ["r", "s"], "")],
    ),
    "text behind a quoted cell": ('x,"a" b c" d",e\nr,s', [(2, ["x", '"a" b c" d"', "e"], BAD), (3, ["r", "s"], "")]),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), DAMAGED.values(), ids=DAMAGED)
def test_a_lost_quote_affects_only_its_own_row(lines: str, expected: Rows) -> None:
    assert read("a,b\n" + lines) == expected


WHOLE = {
    "quotes in quotes": ('x,"say "hi" now"', [["x", 'say "hi" now']]),
    "at the end": ('x,"say "hi""', [["x", 'say "hi"']]),
    "behind the quotes": ('"Bob" Smith,x', [["Bob Smith", "x"]]),
    "blanks behind the quotes": ('"a" ,"b" ', [["a", "b"]]),
    "inches": ('27" screen,x\n6\' 2",y', [['27" screen', "x"], ["6' 2\"", "y"]]),
    "an address of two lines": ('x,"1 Main St\nSpringfield, IL"', [["x", "1 Main St\nSpringfield, IL"]]),
    "a last line of a separator": ('x,"hi\nall,"\ny,z', [["x", "hi\nall,"], ["y", "z"]]),
    "a last line of nothing": ('x,"hi\n"\ny,z', [["x", "hi"], ["y", "z"]]),
    "lines like rows": ('p,"foo\na,"\nq,"\nbar"', [["p", "foo\na,"], ["q", "bar"]]),
    "blank lines inside": ('x,"a\n\n\nb"', [["x", "a\n\n\nb"]]),
    "a short row": ('"two\nlines"\ny,z', [["two\nlines"], ["y", "z"]]),
    "a long row": ('x,"two\nlines",3,4\ny,z', [["x", "two\nlines", "3", "4"], ["y", "z"]]),
    "an inch before it": ('27" screen,"two\nlines"', [['27" screen', "two\nlines"]]),
    "NUL": ("x,a\0b\n\"\0\",z", [["x", "a\0b"], ["\0", "z"]]),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), WHOLE.values(), ids=WHOLE)
def test_unusual_but_valid_rows_are_read_completely(lines: str, expected: list[list[str]]) -> None:
    assert [record.values for record in table("a,b\n" + lines)] == expected
    assert not any(record.problem for record in table("a,b\n" + lines))


def test_a_late_closing_quote_does_not_swallow_many_rows() -> None:
    records = read('a,b\nx,"abc\n' + "only one cell\n" * 1_500 + 'end"\n')
    assert records[0] == (2, ["x", '"abc'], BAD)
    assert len(records) == 1_502
    assert records[-1] == (1_503, ['end"'], "")


def test_a_file_of_open_quotes_is_read_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    scan = Scanner.scan

    def counted(self: Scanner, line: str, *, inside: bool) -> Scan:
        looks.append(line)
        return scan(self, line, inside=inside)

    monkeypatch.setattr(Scanner, "scan", counted)
    assert {problem for _, _, problem in read("a,b\n" + 'x","y\n' * 5_000)} == {BAD}
    assert len(looks) <= 3 * 5_001


def test_an_endless_line_is_one_problem_and_uses_little_memory() -> None:
    class Endless(io.StringIO):
        pieces = 0

        def read(self, size: int | None = -1) -> str:
            self.pieces += 1
            return "x" * (size or 0) if 1 < self.pieces < 200 else super().read(10)

    tracemalloc.start()
    records = [(r.line, r.problem) for r in Table(Endless("a,b\r\n1,2\r\n\r\n3,4\r\n"))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert records == [(2, ""), (3, "too_long"), (4, "")]
    assert peak < 20_000_000


def test_the_record_of_a_too_long_line_shows_its_beginning() -> None:
    (record,) = table("a,b\nWanda," + "x" * 1_000_001)
    assert isinstance(record, Record)
    assert (record.problem, record.cells["a"]) == ("too_long", "Wanda")


def test_a_callers_file_stays_open_and_a_path_is_closed(tmp_path: Path) -> None:
    raw = io.BytesIO("name\nZoë\n".encode("cp1252"))
    with open_table(raw, encoding="cp1252") as found:
        assert [record.values for record in found] == [["Zoë"]]
    assert not raw.closed
    path = tmp_path / "names.csv"
    path.write_bytes(raw.getvalue())
    with pytest.raises(UnreadableFile, match="near line 2: not UTF-8 text"), open_table(path, encoding="utf-8"):
        pytest.fail("a record was given out before the file was decoded")
    with pytest.raises(UnreadableFile, match="rot13 is not a supported encoding"), open_table(path, encoding="rot13"):
        pytest.fail("an encoding that is none was taken")
