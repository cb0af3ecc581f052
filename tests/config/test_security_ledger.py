"""docs/security.md claims that a requirement is met and names the test for it: an unverifiable claim misleads."""

import ast
import csv
import re
from functools import cache
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR

PAGE = BASE_DIR / "docs" / "security.md"
TEXT = PAGE.read_text(encoding="utf-8")
LEDGER = TEXT.split("\n## The ledger\n", 1)[1]
# Ids and levels of OWASP ASVS 5.0.0.
IDS = (Path(__file__).parent / "asvs.csv").read_text(encoding="utf-8")
EXPECTED_IDS = [row["id"] for row in csv.DictReader(IDS.splitlines())]
OPEN = {"Not met": "**Not met:** ", "Partly": "**Partly:** "}
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")


def rows() -> list[list[str]]:
    lines = [line for line in LEDGER.splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def headings(path: Path) -> set[str]:
    """The anchors of a page's headings, as repository hosts generate them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_every_requirement_is_listed_once_and_in_order() -> None:
    assert len(EXPECTED_IDS) == 253
    assert [row[0] for row in rows()] == EXPECTED_IDS


def test_nothing_is_left_blank() -> None:
    for row in rows():
        assert len(row) == 4, row
        assert all(row), row


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_named_evidence_exists(row: list[str]) -> None:
    named, linked = NAMED.findall(row[3]), LINK.findall(row[3])
    assert named or linked or "`python -m" in row[3], "no evidence"
    for file, function in named:
        assert (BASE_DIR / file).is_file(), file
        assert not function or function in functions(BASE_DIR / file), f"{file} has no {function}"
    assert row[3].count("tests/") - row[3].count("](../tests/") == len(named), "a test that is not named in full"


def test_links_point_to_files_and_headings() -> None:
    for file, heading in LINK.findall(TEXT):
        target = (PAGE.parent / file).resolve() if file else PAGE
        assert target.exists(), file
        assert not heading or heading in headings(target), f"{file}#{heading}"


@pytest.mark.parametrize("kind", OPEN)
def test_gaps_are_listed_at_the_top_with_their_remedies(kind: str) -> None:
    (top,) = re.findall(rf"^\*\*{kind}\*\*: (.+)$", LEDGER, flags=re.MULTILINE)
    missing = [row for row in rows() if row[2].startswith(OPEN[kind])]
    assert re.findall(r"\(`([\d.]+)`\)", top) == [row[0] for row in missing]
    assert [row[0] for row in missing if "Needs:" not in row[2]] == []


def test_the_totals_match_the_rows() -> None:
    totals = re.search(r"(\d+) requirements: (\d+) met, (\d+) partly, (\d+) not met, (\d+) that do not apply", LEDGER)
    assert totals is not None
    ways = [row[2] for row in rows()]
    partly, not_met = (sum(way.startswith(start) for way in ways) for start in (OPEN["Partly"], OPEN["Not met"]))
    aside = sum(way.startswith("Does not apply") for way in ways)
    count_met = len(ways) - partly - not_met - aside
    assert [int(number) for number in totals.groups()] == [len(ways), count_met, partly, not_met, aside]
