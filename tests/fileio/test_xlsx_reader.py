"""Malicious workbooks: refused with a sentence before they are unpacked."""

import io
import zipfile

import openpyxl
import pytest

from apps.fileio import xlsx_reader
from apps.fileio.encodings import UnreadableFile
from apps.fileio.xlsx_reader import open_workbook

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


def test_a_workbook_of_endless_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_reader, "MOST_PARTS", 100)
    many = {f"xl/media/{number}.png": b"" for number in range(100)}
    with pytest.raises(UnreadableFile, match="more than 100 parts"), open_workbook(made(many)):
        pass


@pytest.mark.parametrize("limit", ["MOST_UNPACKED", "MOST_TEXTS"])
def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(xlsx_reader, limit, 100)
    with (
        pytest.raises(UnreadableFile, match="more than 100 bytes"),
        open_workbook(made({xlsx_reader.TEXTS: bytes(101)})),
    ):
        pass
