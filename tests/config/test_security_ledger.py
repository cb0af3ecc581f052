"""docs/security.md claims that a requirement is met and names the tests for it: an unverifiable claim misleads."""

import ast
import csv
import re
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR

LEDGER = (BASE_DIR / "docs" / "security.md").read_text(encoding="utf-8").split("\n## The ledger\n", 1)[1]
# Ids and levels of OWASP ASVS 5.0.0.
IDS = (Path(__file__).parent / "asvs.csv").read_text(encoding="utf-8")
EXPECTED_IDS = [row["id"] for row in csv.DictReader(IDS.splitlines())]
# A chapter is a line such as "**3. Web frontend**: `tests/...`"; its list follows.
CHAPTERS = re.findall(r"^\*\*(\d[^*]*)\*\*: (.*)\n((?:(?!\*\*).*\n?)*)", LEDGER, flags=re.MULTILINE)


def part(heading: str) -> str:
    return LEDGER.split(f"\n### {heading}\n", 1)[1].split("\n### ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the lines of a table that begin with a requirement, or the two halves of such a line of a list."""
    table = [line.strip("|").split("|") for line in text.splitlines() if re.match(r"\| \d", line)]
    items = [list(item) for item in re.findall(r"^- (\d[^:]*):(.*)$", text, flags=re.MULTILINE)]
    return [[cell.strip() for cell in cells] for cells in table + items]


def ids(cell: str) -> list[str]:
    """ "1.1.1, 1.2.1 to 1.2.3" names four requirements."""
    named = []
    for item in cell.split(", "):
        first, _to, last = item.partition(" to ")
        named += EXPECTED_IDS[EXPECTED_IDS.index(first) : EXPECTED_IDS.index(last or first) + 1]
    return named


def listed(text: str) -> list[str]:
    return [name for row in rows(text) for name in ids(row[0])]


def test_every_requirement_is_listed_once() -> None:
    assert len(EXPECTED_IDS) == 253
    assert sorted(listed(LEDGER)) == sorted(EXPECTED_IDS)


@pytest.mark.parametrize(("heading", "cells"), [("Gaps", 3), ("Does not apply", 2), ("Met", 2)])
def test_nothing_is_left_blank(heading: str, cells: int) -> None:
    assert rows(part(heading))
    for row in rows(part(heading)):
        assert len(row) == cells, row
        assert all(row), row


@pytest.mark.parametrize(("title", "evidence", "items"), CHAPTERS, ids=[title for title, *_rest in CHAPTERS])
def test_each_chapter_names_tests_that_exist(title: str, evidence: str, items: str) -> None:
    files = re.findall(r"`(tests/[\w/]+\.py)`", evidence)
    assert files
    for file in files:
        tree = ast.parse((BASE_DIR / file).read_text(encoding="utf-8"))
        assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree)), file
    chapters = re.findall(r"(\d+)\. ", title)
    assert {name.partition(".")[0] for name in listed(items)} == set(chapters)


def test_every_met_requirement_is_in_a_chapter_with_tests() -> None:
    assert listed(part("Met")) == [name for _title, _evidence, items in CHAPTERS for name in listed(items)]


def test_the_totals_match_the_rows() -> None:
    totals = re.search(r"(\d+) requirements: (\d+) met, (\d+) partly, (\d+) not met, (\d+) that do not apply", LEDGER)
    assert totals is not None
    states = [holds.startswith("*not met*: ") for cell, holds, _need in rows(part("Gaps")) for _id in ids(cell)]
    met, aside = listed(part("Met")), listed(part("Does not apply"))
    counts = [len(met), states.count(False), states.count(True), len(aside)]
    assert [int(number) for number in totals.groups()] == [len(EXPECTED_IDS), *counts]
