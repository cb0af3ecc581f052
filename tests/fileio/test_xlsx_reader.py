"""Malicious workbooks: refused with a sentence before they are unpacked."""

import io
import zipfile

import openpyxl
import pytest

from apps.fileio import xlsx_reader
from apps.fileio.errors import UnreadableFile
from apps.fileio.xlsx_reader import open_workbook
from tests import worst

# A text with a file of this machine, or a billion laughs.
FILE = '<!DOCTYPE x [<!ENTITY them SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY them "&b;&b;&b;&b;&b;&b;">]>'


def made(more: dict[str, bytes], *, declared: str = "") -> io.BytesIO:
    """A workbook of two cells, one of which is an entity with this declaration, and more parts in its zip."""
    book = openpyxl.Workbook()
    book.active.append(("name", "email"))
    book.active.append(("THEM", "a@corp.example.com"))
    plain, packed = io.BytesIO(), io.BytesIO()
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w") as target:
        for part in source.infolist():
            content = source.read(part)
            if declared and part.filename == "xl/worksheets/sheet1.xml":
                content = declared.encode() + content.replace(b"THEM", b"&them;")
            target.writestr(part.filename, content)
        for name, content in more.items():
            target.writestr(name, content)
    return packed


def test_an_ordinary_workbook_is_read() -> None:
    with open_workbook(made({"xl/media/image1.png": b"-"})) as book:
        assert [record.values for record in book] == [["THEM", "a@corp.example.com"]]


@pytest.mark.parametrize("declared", [FILE, LAUGHS], ids=["a file of this machine", "an entity of entities"])
def test_xml_entities_are_never_resolved(declared: str) -> None:
    with pytest.raises(UnreadableFile, match="damaged"), open_workbook(made({}, declared=declared)) as book:
        list(book)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_a_workbook_that_is_packed_in_an_unusual_way_is_damaged(compression: int) -> None:
    """Otherwise its errors are not those of a damaged file, and stop all work that reads stored files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(made({})) as source, zipfile.ZipFile(packed, "w", compression) as target:
        for part in source.infolist():
            target.writestr(part.filename, source.read(part))
    with pytest.raises(UnreadableFile, match="damaged"), open_workbook(packed):
        pass


def test_an_encrypted_part_is_damage() -> None:
    raw = made({}).getvalue()
    # The bit of the first part in the directory of the zip.
    place = raw.index(b"PK\x01\x02") + 8
    flagged = raw[:place] + bytes([raw[place] | 1]) + raw[place + 1 :]
    with pytest.raises(UnreadableFile, match="damaged"), open_workbook(io.BytesIO(flagged)):
        pass


def test_a_format_of_a_megabyte_is_read_as_none_and_others_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a workbook of a kilobyte holds a worker for hours, in a pattern that grows with the square."""
    from openpyxl.styles import numbers

    is_date, asked = numbers.is_date_format, []
    monkeypatch.setattr(numbers, "is_date_format", lambda code: asked.append(code) or is_date(code))
    codes = ["[" * 100_000, "yyyy-mm-dd"]
    formats = "".join(f'<numFmt numFmtId="{200 + n}" formatCode="{code}"/>' for n, code in enumerate(codes))
    styles = f'<styleSheet>{formats}<cellXfs><xf numFmtId="200"/><xf numFmtId="201"/></cellXfs></styleSheet>'
    rows = '<row><c s="0"><v>45992</v></c><c s="1"><v>45992</v></c></row>' * 100
    with open_workbook(io.BytesIO(worst.workbook(worst.HEADER + rows, styles=styles))) as book:
        assert {tuple(record.values) for record in book} == {("45992", "2025-12-01")}
    assert sorted(asked) == ["General", "yyyy-mm-dd"]


def test_a_workbook_of_endless_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_reader, "MAX_PARTS", 100)
    many = {f"xl/media/{number}.png": b"" for number in range(100)}
    with pytest.raises(UnreadableFile, match="more than 100 parts"), open_workbook(made(many)):
        pass


@pytest.mark.parametrize("limit", ["MAX_UNPACKED_BYTES", "MAX_TEXT_BYTES"])
def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(xlsx_reader, limit, 100)
    with (
        pytest.raises(UnreadableFile, match="more than 100 bytes"),
        open_workbook(made({xlsx_reader.SHARED_STRINGS: bytes(101)})),
    ):
        pass


def one_text(columns: int, *, header: bool) -> io.BytesIO:
    """A workbook of a kilobyte with a row of cells that all point at one text of 30,000 characters."""
    rows = [worst.HEADER, "<row>" + '<c t="s"><v>0</v></c>' * columns + "</row>"]
    smile = "\U0001f600" * 30_000
    texts = f'<sst xmlns="{worst.MAIN}"><si><t>{smile}</t></si></sst>'
    return io.BytesIO(worst.workbook("".join(reversed(rows) if header else rows), sharedStrings=texts))


def test_a_row_of_endless_texts_is_rejected_and_kept_small() -> None:
    with open_workbook(one_text(500, header=False)) as book:
        [record] = list(book)
    assert record.problem == "too_long"
    assert sum(map(len, record.values)) <= xlsx_reader.MAX_RECORD_CHARS


def test_a_header_of_endless_texts_is_refused() -> None:
    with (
        pytest.raises(UnreadableFile, match="the header has more than 1,000 columns or 1,000,000 characters"),
        open_workbook(one_text(500, header=True)),
    ):
        pass


def test_styled_cells_without_text_make_no_row_too_long() -> None:
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["name", "email"])
    book.active.append(["One", "one@corp.example.com"])
    book.active.cell(2, 1_500).number_format = "0.00"
    book.save(content)
    with open_workbook(content) as read:
        assert [record.problem for record in read] == [""]
