"""Small files that have broken other readers of CSV: each cell arrives as meant, whatever ended the lines."""

import io
import json
from pathlib import Path

import pytest

from apps.fileio.csv_reader import Table, open_table
from tests import plugin

pytestmark = pytest.mark.shared
FILES = sorted((plugin.SHARED / "data" / "csv" / "spectrum" / "csvs").glob("*.csv"))
CASES = [pytest.param(path, id=path.stem) for path in FILES]


def meant(path: Path) -> list[dict[str, str]]:
    """What the file means; cells without the blanks around them, as they are read here."""
    told = json.loads((path.parents[1] / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    return [{name: value.strip() for name, value in row.items()} for row in told]


def found(table: Table) -> list[dict[str, str]]:
    records = list(table)
    assert not any(record.problem for record in records)
    return [dict(zip(table.header, record.values, strict=True)) for record in records]


def test_the_files_are_there() -> None:
    assert len(FILES) == 11


@pytest.mark.parametrize("path", CASES)
def test_every_cell_of_the_spectrum_arrives(path: Path) -> None:
    with open_table(path) as table:
        assert found(table) == meant(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("path", CASES)
def test_the_spectrum_reads_the_same_with_any_line_end(path: Path, end: str) -> None:
    text = end.join(path.read_bytes().decode().splitlines()) + end
    expected = [{name: end.join(value.splitlines()) for name, value in row.items()} for row in meant(path)]
    assert found(Table(io.StringIO(text, newline=""))) == expected
