"""The standings CSV: equal to the page, opens correctly in a spreadsheet, and runs nothing there."""

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.exports.event_exports import reviews_table
from apps.exports.standings_export import write_standings
from apps.fileio.csv_injection import escape_formula, unescape_formula
from apps.reports.standings_columns import COLUMNS
from apps.reports.standings_filters import SORTS, Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import Team, WholeCompany
from tests.fixtures import Clock
from tests.people import load, mark, november, person, record, record_one
from tests.published import STANDINGS_FILE
from tests.reviewing import answer, ask, ids, withdraw

ZONE = ZoneInfo("Asia/Shanghai")
# How a spreadsheet program may recognise a formula: the first character after blanks and quotes.
DANGEROUS = re.compile(r"^[\s\"'＂＇‘’“”]*[=+\-@\t\r＝＋－＠]")


def exported(standings: Standings, **options: str) -> bytes:
    pieces: list[bytes] = []
    write_standings(standings, pieces.append, **options)
    return b"".join(pieces)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_file_is_utf8_with_bom_crlf_and_the_header_of_the_contract(campaign: Campaign) -> None:
    content = exported(Standings(campaign, WholeCompany()))
    assert content.startswith(b"\xef\xbb\xbf" + ",".join(STANDINGS_FILE).encode() + b"\r\n")
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == 10
    assert "董".encode() in content


def test_a_line_says_everything_about_one_person(campaign: Campaign, alice: Employee) -> None:
    record(alice, 100)
    mark()
    standings = Standings(campaign, WholeCompany())
    [line] = [row for row in rows(exported(standings)) if row["staff_no"] == "A001"]
    reached = line.pop("reached_at")
    expected = {
        "staff_no": "A001", "name": "Alice 艾", "email": "alice@corp.example.com", "department": "Sales",
        "manager_staff_no": "B001", "counted": "100", "target": "100", "remaining": "0", "red": "no", "pace": "done",
        "exempt": "no", "as_of": standings.now.astimezone(ZONE).isoformat(timespec="microseconds"),
        "under_review": "", "quiet_days": "0",
    }  # fmt: skip
    assert line.items() >= expected.items()
    assert datetime.fromisoformat(reached) == standings.row_of(alice.pk).target_reached_at
    assert reached.endswith("+08:00"), "times are in the campaign's zone"


def test_every_cell_is_the_value_of_the_page(random_company: Campaign) -> None:
    names = {"": "", **dict(Employee.objects.values_list("staff_no", "name"))}
    past, since = (datetime.fromisoformat(f"2026-11-{day}T00:00:00+08:00") for day in (20, 12))
    for as_of, earlier in ((None, None), (None, since), (past, None), (past, since)):
        standings = Standings(random_company, WholeCompany(), as_of=as_of, since=earlier, show_reviews=True)
        page = {row.staff_no: row for row in standings.page(limit=100).rows}
        lines = rows(exported(standings))
        assert {line["staff_no"] for line in lines} == set(page)
        for line in lines:
            del line["as_of"]
            assert line.pop("compared_with") == text_of(earlier)
            assert unescape_formula(line.pop("manager_name")) == names[line["manager_staff_no"]]
            row = page[line["staff_no"]]
            expected = {name: text_of(getattr(row, COLUMNS[name].source)) for name in line}
            assert {name: unescape_formula(cell) for name, cell in line.items()} == expected


def text_of(value: object) -> str:
    """A value as files write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(ZONE).isoformat(timespec="microseconds")
    return "" if value is None else str(value)


def test_only_permitted_readers_see_review_marks_and_others_see_no_value(campaign: Campaign, alice: Employee) -> None:
    ask(campaign, alice)
    told = {
        row["staff_no"]: row["under_review"]
        for row in rows(exported(Standings(campaign, WholeCompany(), show_reviews=True)))
    }
    assert told.pop("A001") == "yes"
    assert set(told.values()) == {"no"}
    assert {row["under_review"] for row in rows(exported(Standings(campaign, WholeCompany())))} == {""}


def reviews_of(campaign: Campaign) -> bytes:
    pieces: list[bytes] = []
    reviews_table(campaign, db_now()).write(pieces.append)
    return b"".join(pieces)


def test_the_file_of_reviews_says_who_when_and_how_and_no_word_that_was_written(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    load("staff_no,name,email\nX1,=1+1,x1@corp.example.com")
    record_one(alice, ("email", "canary@outside.example.org"), name="Canary Name")
    review = ask(campaign, alice, "Canary question", contacts=ids(alice))
    answer(review, hr, "Canary answer", by=Actor(None, "=Hedda"))
    withdraw(ask(campaign, alan))
    ask(campaign, person("X1"))
    content = reviews_of(campaign)
    assert content.startswith(
        b"\xef\xbb\xbfstaff_no,name,state,asked_at,due_at,answer,answered_by,answered_at,as_of\r\n"
    )
    assert b"anary" not in content
    first, second, third = rows(content)
    assert (first["staff_no"], first["state"], first["answer"]) == ("A001", "answered", "reason")
    assert first["answered_by"] == "'=Hedda"
    review.refresh_from_db()
    assert datetime.fromisoformat(first["answered_at"]) == review.closed_at
    assert first["due_at"] == "2026-12-01T00:00:00.000000+08:00"
    assert (second["state"], second["answer"], second["answered_at"]) == ("withdrawn", "", "")
    assert (third["name"], third["state"]) == ("'=1+1", "open")


@mock.patch("apps.roster.load_checks.REJECT_MISLEADING_NUMBERS", ())  # older rosters have such numbers
def test_rows_are_ordered_by_staff_number_byte_by_byte(noon: Clock) -> None:
    numbers = ["10", "9", "a1", "B1", "b1", "A1", "ä", "Z-1", "Z 1", "007", "7"]
    load("staff_no,name,email\n" + "\n".join(f"{no},N,n{n}@corp.example.com" for n, no in enumerate(numbers)))
    campaign = november()
    found = [row["staff_no"] for row in rows(exported(Standings(campaign, WholeCompany())))]
    assert found == sorted(numbers)


def test_the_file_holds_exactly_what_the_filters_leave(campaign: Campaign, bob: Employee, alice: Employee) -> None:
    record(alice, 100)
    for people in (WholeCompany(), Team(bob, None)):
        for filters in (Filters(), Filters(status="red"), Filters(q="ali"), Filters(department="Sales")):
            standings = Standings(campaign, people, filters=filters)
            shown = {row.staff_no for row in standings.page(limit=100).rows}
            assert {row["staff_no"] for row in rows(exported(standings))} == shown


def test_the_file_is_in_the_order_of_the_page(random_company: Campaign) -> None:
    """A manager who works through page and file finds the same person on the same line."""
    for sort in SORTS:
        standings = Standings(random_company, WholeCompany())
        shown = [row.staff_no for row in standings.page(sort=sort, limit=100).rows]
        assert [row["staff_no"] for row in rows(exported(standings, sort=sort))] == shown, sort


def test_pending_employees_are_evaluated_from_the_facts_in_the_file_too(campaign: Campaign, alice: Employee) -> None:
    record(alice, 100)
    [line] = [row for row in rows(exported(Standings(campaign, WholeCompany()))) if row["staff_no"] == "A001"]
    assert (line["counted"], line["red"]) == ("100", "no")


def test_an_empty_file_has_its_header(campaign: Campaign) -> None:
    assert exported(Standings(campaign, WholeCompany(), filters=Filters(q="nobody"))).count(b"\r\n") == 1


def test_a_failing_writer_raises_to_its_caller(campaign: Campaign) -> None:
    def full(piece: bytes) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_standings(Standings(campaign, WholeCompany()), full)
    assert Standings(campaign, WholeCompany()).totals().people == 9, "the connection goes on"


def cell_of(text: str) -> str:
    """A department of that text in the file."""
    sid = connection.savepoint()
    name = text.replace('"', '""')
    load(f'staff_no,name,email,department\n1,One,1@corp.example.com,"{name}"')
    line = rows(exported(Standings(november(), WholeCompany())))[0]
    connection.savepoint_rollback(sid)
    return line["department"]


FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\u3000=1", "\u00a0=1", '"=1', "'=1", "“=1", "＝1", "＋1",
    "－1", "＠1",
    "'+'", "\u200b=1", "-", "=", "'\"=1", "==", "@",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_runs_in_a_spreadsheet(noon: Clock, text: str) -> None:
    cell = cell_of(text)
    assert cell.startswith("'")
    assert cell[1:] == clean_text(text)


@pytest.mark.shared
@pytest.mark.django_db
def test_no_formula_that_others_collected_runs(noon: Clock, shared: Path) -> None:
    lines = [line for line in (shared / "text" / "csv-formulas.txt").read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) >= 5
    for line in lines:
        cell = cell_of(line)
        assert not cell.startswith(("=", "+", "-", "@"))
        assert cell.removeprefix("'") == clean_text(line)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.sampled_from("ab ,;\"'=+-@\t\r\n\\.\u3000＝艾é%{}$"), max_size=12))
def test_every_text_comes_back_as_it_was_behind_its_guards(noon: Clock, text: str) -> None:
    cell, stored = cell_of(text), clean_text(text)
    assert cell == escape_formula(stored), "SQL guards as Python does"
    assert unescape_formula(cell) == stored
    for separator in (None, ";", "\t"):
        for piece in cell.split(separator) if separator else [cell]:
            assert not DANGEROUS.match(piece) or piece.startswith("'")


def test_a_look_back_is_written_with_its_instant(campaign: Campaign, alice: Employee) -> None:
    record(alice, 3)
    mark()
    as_of = datetime.fromisoformat("2026-11-23T00:00:00+08:00")
    lines = rows(exported(Standings(campaign, WholeCompany(), as_of=as_of)))
    assert {line["as_of"] for line in lines} == {"2026-11-23T00:00:00.000000+08:00"}
    assert {line["counted"] for line in lines} == {"0"}


@pytest.mark.parametrize(
    ("zone", "offset"), [("America/St_Johns", "-03:30"), ("Asia/Kathmandu", "+05:45"), ("UTC", "+00:00")]
)
def test_odd_zones_have_their_whole_offset(company: dict[str, Employee], zone: str, offset: str) -> None:
    campaign = november(time_zone=zone)
    standings = Standings(campaign, WholeCompany())
    told = rows(exported(standings))[0]["as_of"]
    assert told.endswith(offset)
    assert datetime.fromisoformat(told) == standings.now


def test_the_zone_of_the_session_is_left_as_it_was(campaign: Campaign) -> None:
    def zone() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW TimeZone")
            return str(cursor.fetchone()[0])

    before = zone()
    exported(Standings(campaign, WholeCompany()))
    assert (zone(), person("A001").staff_no) == (before, "A001")
