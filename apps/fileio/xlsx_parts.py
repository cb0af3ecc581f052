"""Read the parts of an XLSX workbook as streams: build no tree, and limit the elements and characters of every part.

A library that builds trees took 742 MB and minutes for a workbook of 188 kB: compressed rows, cells and references cost
a malicious sender a few bits each.
"""

from __future__ import annotations

import os
import posixpath

# No expansion: a document type is refused before any entity, and the size of a token is limited (MAX_TOKEN_BYTES).
import xml.parsers.expat as expat  # nosec B407
import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from apps.fileio.csv_quoting import MAX_RECORD_CHARS
from apps.fileio.encodings import strip_invisible
from apps.fileio.errors import TooLarge, UnreadableFile

PIECE_BYTES = 1 << 16
# A tag or a comment: the parser holds it in memory until it ends.
MAX_TOKEN_BYTES = 1 << 18
# A sheet of a million rows, with twelve cells of three elements each.
MAX_ELEMENTS = 40_000_000
# Texts: four columns of such a sheet with all values different, and a reserve.
MAX_TEXT_ELEMENTS = 20_000_000
# Styles, relationships, the list of sheets.
MAX_SMALL_PART_ELEMENTS = 500_000
# Limits of the format: rows of a sheet, columns of a row, characters of a cell.
# As in Excel.
MAX_FORMAT_CHARS = 255
MAX_ROWS, MAX_SHEET_COLUMNS, MAX_CELL_CHARS = 1_048_576, 16_384, 32_767
Attributes = dict[str, str]


@dataclass
class Budget:
    """The number of elements that may still be read, shared by several parts."""

    limit: int
    used: int = 0

    def spend(self) -> None:
        self.used += 1
        if self.used > self.limit:
            raise TooLarge(self.limit, "XML elements")


@dataclass
class Cell:
    """A cell of the sheet: its column from 1, the type, the style, and the text of its value."""

    column: int
    kind: str
    style: int
    text: str


class WorkbookPart:
    """Handlers of one part, which is read as a stream. Names come without their namespace prefix."""

    def start(self, name: str, attributes: Attributes) -> None: ...

    def end(self, name: str) -> None: ...

    def characters(self, text: str) -> None: ...

    def read(self, archive: zipfile.ZipFile, path: str, budget: Budget) -> Iterator[None]:
        """Feed the part to the handlers; pauses after every chunk. Raises TooLarge, ExpatError, KeyError."""
        parser = expat.ParserCreate()
        # One call of the handler for a text, not one for each entity or line in it.
        parser.buffer_text = True

        def start(name: str, attributes: Attributes) -> None:
            budget.spend()
            self.start(name.rpartition(":")[2], attributes)

        parser.StartElementHandler = start
        parser.EndElementHandler = lambda name: self.end(name.rpartition(":")[2])
        parser.CharacterDataHandler = self.characters
        parser.StartDoctypeDeclHandler = _refuse_doctype
        fed = 0
        with archive.open(path) as raw:
            while piece := raw.read(PIECE_BYTES):
                fed += len(piece)
                parser.Parse(piece, False)
                # The parser is still inside a token that began so many bytes ago, and keeps all of it.
                if fed - parser.CurrentByteIndex > MAX_TOKEN_BYTES:
                    raise TooLarge(MAX_TOKEN_BYTES, "bytes in an XML tag")
                yield
        parser.Parse(b"", True)
        yield


def _refuse_doctype(*declared: object) -> None:
    raise UnreadableFile("the workbook is damaged")


class Texts(WorkbookPart):
    """The text inside `t` elements, of a cell or of the shared texts; without reading aids (`rPh`)."""

    def __init__(self) -> None:
        self._pieces: list[str] | None = None
        self._size, self._phonetic = 0, False

    def take(self) -> str:
        """The text since the last call."""
        text, self._pieces, self._size = "".join(self._pieces or ()), None, 0
        return text

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "rPh":
            self._phonetic = True
        self._inside = name in ("t", "v") and not self._phonetic
        if self._inside and self._pieces is None:
            self._pieces = []

    _inside = False

    def end(self, name: str) -> None:
        self._inside = False
        if name == "rPh":
            self._phonetic = False

    def characters(self, text: str) -> None:
        if self._inside and self._pieces is not None:
            self._size += len(text)
            if self._size > MAX_CELL_CHARS:
                raise TooLarge(MAX_CELL_CHARS, "characters in a cell")
            self._pieces.append(text)


class SharedStrings(Texts):
    """The shared texts of the workbook by number. They are on disk: in memory each takes eight bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file, self._ends = file, array("Q", (0,))

    def end(self, name: str) -> None:
        super().end(name)
        if name == "si":
            # Excel writes a literal _x000D_ as _x005F_x000D_.
            text = strip_invisible(self.take().replace("x005F_", "")).strip().encode("utf-8", "replace")
            self._file.write(text)
            self._ends.append(self._ends[-1] + len(text))

    def text(self, number: int) -> str:
        """Raises IndexError. Call it only after all texts have been read."""
        # Python would count a negative number from the end.
        if number < 0:
            raise IndexError(number)
        begin, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file.fileno(), end - begin, begin).decode()


@dataclass
class Styles(WorkbookPart):
    """The number format of each cell style: its built-in number, and the codes of the workbook's own."""

    formats: list[int] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)
    _of_cells: bool = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "cellXfs":
            self._of_cells = True
        # cellStyleXfs has xf elements too, which no cell refers to.
        elif name == "xf" and self._of_cells:
            self.formats.append(int(attributes.get("numFmtId", 0)))
        elif name == "numFmt":
            code = attributes.get("formatCode", "")
            # A longer one is none: to tell whether it shows a day takes time that grows with the square of its length.
            self.codes[int(attributes["numFmtId"])] = code if len(code) <= MAX_FORMAT_CHARS else "General"

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._of_cells = False


@dataclass
class Sheets(WorkbookPart):
    """The list of sheets: the relationship of each visible sheet, in order, and whether days count from 1904."""

    visible: list[str] = field(default_factory=list)
    from_1904: bool = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "0") in ("1", "true")
        elif name == "sheet" and attributes.get("state", "visible") == "visible":
            self.visible += [value for key, value in attributes.items() if key.endswith(":id")]


@dataclass
class Relationships(WorkbookPart):
    """The target of each sheet relationship of the workbook, as a path in the zip."""

    sheets: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            # A target is relative to xl/, unless it begins with a slash.
            path = target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            self.sheets[attributes.get("Id", "")] = path


class SheetRows(Texts):
    """The rows of a sheet read since the last call: the number, and the cells that are not empty."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, list[Cell]]] = []
        self._number = self._column = 0
        # Of the row: nothing else limits them where all cells name one column, and a row is in memory until it ends.
        self._count = self._characters = 0
        self._cells: list[Cell] | None = None
        self._open: Attributes | None = None

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c" and self._cells is not None:
            self._open = attributes
            reference = attributes.get("r")
            # Some programs write no references: a cell then follows the one before it.
            self._column = _column(reference) if reference else self._column + 1
            if self._column < 1:
                raise UnreadableFile("the workbook is damaged", self._number)
            if self._column > MAX_SHEET_COLUMNS:
                raise TooLarge(MAX_SHEET_COLUMNS, "columns", self._number)
            self._count += 1
            if self._count > MAX_SHEET_COLUMNS:
                raise TooLarge(MAX_SHEET_COLUMNS, "cells in a row", self._number)
        elif name == "row":
            # Some programs write "1.0". Rows that go back would be read out of order.
            number = int(float(attributes.get("r", self._number + 1)))
            if number <= self._number:
                raise UnreadableFile("the workbook is damaged", self._number)
            if number > MAX_ROWS:
                raise TooLarge(MAX_ROWS, "rows", MAX_ROWS)
            self._number, self._column, self._cells = number, 0, []
            self._count = self._characters = 0
        else:
            super().start(name, attributes)

    def end(self, name: str) -> None:
        if name == "c" and self._open is not None and self._cells is not None:
            if text := self.take():
                self._characters += len(text)
                if self._characters > MAX_RECORD_CHARS:
                    raise TooLarge(MAX_RECORD_CHARS, "characters in a row", self._number)
                kind, style = self._open.get("t", "n"), int(self._open.get("s", 0))
                self._cells.append(Cell(self._column, kind, style, text))
            self._open = None
        elif name == "row" and self._cells is not None:
            self.rows.append((self._number, self._cells))
            self._cells = None
        else:
            super().end(name)

    def take_rows(self) -> list[tuple[int, list[Cell]]]:
        rows, self.rows = self.rows, []
        return rows


def _column(reference: str) -> int:
    """The column of a cell reference: BC12 is in column 55."""
    number = 0
    for letter in reference[:4]:
        if not letter.isascii() or not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    return number


def read_small(part: Any, archive: zipfile.ZipFile, path: str) -> Any:
    """The part, read whole; unchanged when the workbook has none."""
    if path in archive.NameToInfo:
        for _piece in part.read(archive, path, Budget(MAX_SMALL_PART_ELEMENTS)):
            pass
    return part
