"""Requested files: the same numbers as the page, the same bytes again, complete or absent."""

import csv
import gzip
import io
import re
import uuid
import zipfile
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.services import account_for
from apps.campaigns.adjustments import approve, requests
from apps.campaigns.models import Campaign
from apps.campaigns.selectors import restore_while_open
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core import clock as core_clock
from apps.core.errors import Refused
from apps.core.files import expire_files, read_file
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.exports import build_export, workbook
from apps.exports.build_export import make_export
from apps.exports.export_requests import ExportRequest, request_export, rerun_export
from apps.exports.manifest import comparison_of, manifest_of
from apps.exports.models import Export
from apps.exports.verify_stored import verify_stored
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.results.freeze import freeze
from apps.results.result_files import signature_file
from apps.results.verification import COVERED, FORM, HANDOVER, UnreadableResultFile
from apps.standings.report_people import WholeCompany
from tests import people
from tests.files import export
from tests.fixtures import Clock
from tests.people import TESTER, load, mark, record
from tests.reviewing import ask as request_review
from tests.reviewing import withdraw


def content(made: Export) -> bytes:
    assert made.file is not None
    return b"".join(read_file(made.file))


def lines(made: Export) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(made).decode("utf-8-sig"), newline="")))


def cells(sheet: bytes, name: str = "xl/worksheets/sheet1.xml") -> list[list[tuple[str, str]]]:
    """(type, value) of every cell of a sheet, by row."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    tree = ET.fromstring(zipfile.ZipFile(io.BytesIO(sheet)).read(name))  # noqa: S314 - our own
    assert not tree.findall(".//m:f", space), "a formula"
    rows = [row.iterfind("m:c", space) for row in tree.iterfind(".//m:row", space)]
    return [[(cell.get("t", "n"), "".join(cell.itertext())) for cell in row] for row in rows]


@pytest.mark.parametrize("filters", [{}, {"status": "red"}, {"q": "ali"}, {"department": "Sales", "sort": "counted"}])
def test_a_file_of_now_holds_what_the_page_shows(
    random_company: Campaign, hr: Employee, filters: dict[str, str]
) -> None:
    shown = Standings(
        random_company, WholeCompany(), filters=Filters(**{k: v for k, v in filters.items() if k != "sort"})
    )
    page = shown.page(sort=filters.get("sort", "staff_no"), limit=1000).rows
    made = lines(export(random_company, hr, filters=filters))
    assert [(row["staff_no"], row["counted"], row["target"], row["red"], row["pace"]) for row in made] == [
        (row.staff_no, str(row.counted), str(row.target), "yes" if row.red else "no", row.pace) for row in page
    ]


def again(before: Export, by: Employee) -> Export:
    asked = rerun_export(export=before, key=uuid.uuid4(), by=account_for(by).actor)
    made = make_export(asked.pk, show_progress=False)
    assert made is not None
    return made


@pytest.mark.parametrize("form", Export.Format.values)
def test_a_file_made_again_for_the_same_instant_is_the_same_bytes(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, form: str
) -> None:
    record(alice, 3)
    mark()
    first = export(campaign, hr, format=form)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    record(alice, 4)
    second = again(first, hr)
    assert content(second) == content(first)
    compared = comparison_of(second, reads_trail=True)
    assert compared is not None
    assert compared.same
    assert manifest_of(second)["sha256"] == manifest_of(first)["sha256"]


def test_a_file_that_differs_when_made_again_names_what_corrected_the_past(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    record(alice, 2)
    gone = Contact.objects.of(alice).earliest("pk")
    end_contact(contact_id=gone.pk, employee=alice, by=TESTER)
    mark()
    first = export(campaign, hr)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    restore_while_open(contact_id=gone.pk, employee=alice, by=TESTER)
    compared = comparison_of(again(first, hr), reads_trail=True)
    assert compared is not None
    assert (compared.same, compared.explained) == (False, True)
    assert [entry.action for entry in compared.corrections] == ["contact.restored"]
    assert not compared.has_more


def test_a_page_lists_a_hundred_corrections_and_says_that_there_are_more(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.exports.manifest.MAX_CORRECTIONS", 2)
    record(alice, 3)
    contacts = list(Contact.objects.of(alice))
    for contact in contacts:
        end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    mark()
    first = export(campaign, hr)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    for contact in contacts:
        restore_while_open(contact_id=contact.pk, employee=alice, by=TESTER)
    compared = comparison_of(again(first, hr), reads_trail=True)
    assert compared is not None
    assert (len(compared.corrections), compared.has_more) == (2, True)


def test_in_a_workbook_numbers_are_numbers_and_no_text_is_a_formula(campaign: Campaign, hr: Employee) -> None:
    load("staff_no,name,email\n007,=1+1,x1@corp.example.com")
    sheet = cells(content(export(campaign, hr, format="xlsx")))
    head = [value for _type, value in sheet[0]]
    [line] = [row for row in sheet[1:] if row[0][1] == "007"]
    row = dict(zip(head, line, strict=False))
    assert row["staff_no"] == ("inlineStr", "007"), "leading zeros stay"
    assert row["name"] == ("inlineStr", "=1+1")
    assert [(kind, value) for kind, value in line if kind == "n"][:3] == [("n", "0"), ("n", "100"), ("n", "100")]


def test_a_workbook_is_named_and_its_instants_are_dates_of_the_zone_in_their_heading(
    campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    clock.set("2026-11-25T12:00:05+08:00", ticks=True)
    load("staff_no,name,email\nN001,Nina,nina@corp.example.com\nA002,Alan,alan@corp.example.com\n")
    load("staff_no,name,email,department,effective_on\nA002,Alan,alan@corp.example.com,Support,2026-11-24\n")
    made = content(export(campaign, hr, "roster_changes", format="xlsx"))
    head, first = cells(made)[:2]
    assert [value for _type, value in head][:2] == ["at (Asia/Shanghai)", "staff_no"]
    kind, value = first[0]
    assert kind == "n", "a date, which a spreadsheet sorts and subtracts"
    at = lines(export(campaign, hr, "roster_changes"))[0]["at"]
    day = datetime.fromisoformat("1899-12-30T00:00:00") + timedelta(days=float(value))
    assert abs(day - datetime.fromisoformat(at).replace(tzinfo=None)) < timedelta(seconds=2)
    assert b'<sheet name="roster changes"' in zipfile.ZipFile(io.BytesIO(made)).read("xl/workbook.xml")


def test_a_files_name_has_every_filter_but_no_text_of_a_search(campaign: Campaign, hr: Employee, bob: Employee) -> None:
    filters = {"status": "not_red", "department": "华东 销售/A", "q": "Alice"}
    made = export(campaign, hr, root=bob, filters=filters)
    assert re.fullmatch(r"standings-november-B001-not_red-华东-销售a-search-\d{8}T\d{6}Z\.csv", made.name)
    assert "-no-department-" in export(campaign, hr, filters={"department": " "}).name
    assert len(export(campaign, hr, filters={"department": "销" * 200}).name.encode()) < 255
    since = datetime.fromisoformat("2026-11-20T00:00:00+08:00")
    assert "-from-20261119T160000Z-" in export(campaign, hr, "roster_changes", since=since).name


def test_every_line_names_the_manager_and_a_result_keeps_the_names_of_the_freeze(
    campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    def managers(kind: str, **options: Any) -> dict[str, str]:
        return {row["staff_no"]: row["manager_name"] for row in lines(export(campaign, hr, kind, **options))}

    assert managers("standings")["A001"] == managers("teams").get("A001", "Bob 白") == "Bob 白"
    assert managers("teams")["B001"] == "Dana 董"
    assert managers("standings")["D001"] == "", "the first has no manager"
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    load("staff_no,name,email\nB001,Robert,bob@corp.example.com\n")
    assert managers("standings", result_version=1)["A001"] == "Bob 白", "the file of a result never changes"


def test_a_workbook_goes_on_on_a_second_sheet_where_the_first_is_full(
    campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROWS_OF_A_SHEET", 4)
    whole = content(export(campaign, hr, format="xlsx"))
    sheets = [cells(whole, f"xl/worksheets/sheet{number}.xml") for number in (1, 2, 3)]
    assert [len(sheet) for sheet in sheets] == [5, 5, 2]
    numbers = [row[0][1] for sheet in sheets for row in sheet[1:]]
    assert numbers == sorted(person.staff_no for person in Employee.objects.all())


def test_chosen_columns_are_the_only_ones(campaign: Campaign, hr: Employee) -> None:
    made = export(campaign, hr, columns=["red", "staff_no"])
    assert list(lines(made)[0]) == ["staff_no", "red"] == manifest_of(made)["columns"]


def test_counts_by_day_add_up_to_what_counts(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> None:
    record(alice, 3)
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    record(alice, 2)
    found = [(row["staff_no"], row["day"], row["counted"], row["counted_so_far"])
             for row in lines(export(campaign, hr, "days"))]  # fmt: skip
    assert found == [("A001", "2026-11-23", "3", "3"), ("A001", "2026-11-24", "2", "5")]


def test_every_manager_has_a_line_with_all_employees_below(
    campaign: Campaign, alice: Employee, bob: Employee, hr: Employee
) -> None:
    record(alice, 100)
    found = {
        row["staff_no"]: (row["people"], row["red"], row["at_target"]) for row in lines(export(campaign, hr, "teams"))
    }
    assert found == {"D001": ("8", "7", "1"), "B001": ("2", "1", "1"), "C001": ("1", "1", "0")}
    own = lines(export(campaign, bob, "teams", root=bob))
    assert [(row["staff_no"], row["people"]) for row in own] == [("B001", "2")], "a manager reads of the own team alone"


@pytest.mark.parametrize("kind", ["standings", "days", "teams", "flips"])
@pytest.mark.parametrize(
    ("filters", "looked_at"),
    [
        ({"q": "A001"}, ["A001"]), ({"q": "nobody"}, []), ({"department": "Sales", "q": "alice"}, ["A001"]),
        ({"status": "red"}, []), ({}, []),
    ],
)  # fmt: skip
def test_a_file_of_one_person_is_a_look_at_that_person(
    campaign: Campaign, alice: Employee, hr: Employee, kind: str, filters: dict[str, str], looked_at: list[str]
) -> None:
    """As the same search on a page is; also where the file is empty, which says that nothing counts."""
    export(campaign, hr, kind, filters=filters)
    found = AuditEntry.objects.filter(action="person.standing_read").order_by("pk")
    assert [(one.actor_label, one.subject_id) for one in found] == [("Hedda", number) for number in looked_at]


def test_flips_are_those_of_before_the_instant(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> None:
    record(alice, 100)
    mark()
    [flip] = [row for row in lines(export(campaign, hr, "flips")) if row["red"] == "no"]
    assert (flip["staff_no"], flip["counted"], flip["cause"]) == ("A001", "100", "mark")
    before = datetime.fromisoformat("2026-11-23T00:00:00+08:00")
    assert lines(export(campaign, hr, "flips", as_of=before)) == []


def test_a_look_back_at_questions_and_adjustments_knows_nothing_of_what_came_after(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock
) -> None:
    review = request_review(campaign, alice)
    asked = people.ask(campaign=campaign, employee=alan, exempt=True)
    then = core_clock.db_now()
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    withdraw(review)
    approve.grant_adjustment(request_id=asked.pk, by=people.officer("grants"))
    assert [row["state"] for row in lines(export(campaign, hr, "reviews"))] == ["withdrawn"]
    assert [row["state"] for row in lines(export(campaign, hr, "adjustments"))] == ["in_force"]
    assert [row["state"] for row in lines(export(campaign, hr, "reviews", as_of=then))] == ["open"]
    [line] = lines(export(campaign, hr, "adjustments", as_of=then))
    assert (line["state"], line["decided_by"], line["granted_at"]) == ("waiting", "", "")


def test_the_file_of_adjustments_says_which_of_two_people_of_one_name_asked_and_granted(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    actor = account_for(hr).actor
    asked = requests.request_adjustment(
        campaign=campaign, employee=alice, kind="leave", reason="x", exempt=True, by=actor
    )
    then = core_clock.db_now()
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    granter = people.with_account(people.person("C001"), "hr")
    approve.grant_adjustment(request_id=asked.pk, by=account_for(granter).actor)
    [line] = lines(export(campaign, hr, "adjustments"))
    assert (line["asked_by_staff_no"], line["decided_by_staff_no"]) == ("H001", "C001")
    assert (line["end_asked_by_staff_no"], line["end_granted_by_staff_no"]) == ("", "")
    [line] = lines(export(campaign, hr, "adjustments", as_of=then))
    assert (line["asked_by_staff_no"], line["decided_by_staff_no"]) == ("H001", ""), "the decision came later"


def test_leavers_are_listed_with_what_counts_and_the_roster_says_who_moved(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    record(alice, 3)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    load("staff_no,name,email,department,manager_staff_no,left_on\n"
         "A001,Alice,alice@corp.example.com,Sales,B001,2026-11-24\n"
         "A002,Alan,alan@corp.example.com,Support,C001,\n"
         "N001,Nina,nina@corp.example.com,Sales,B001,\n")  # fmt: skip
    clock.set("2026-11-26T12:00:00+08:00", ticks=True)
    [left] = lines(export(campaign, hr, "leavers"))
    assert (left["staff_no"], left["left_on"], left["counted"]) == ("A001", "2026-11-24", "3")
    changes = [(row["staff_no"], row["change"], row["department_before"], row["department"], row["manager_staff_no"])
               for row in lines(export(campaign, hr, "roster_changes"))]  # fmt: skip
    assert ("A001", "left", "Sales", "", "") in changes
    assert ("A002", "moved", "Sales", "Support", "C001") in changes


def test_the_hand_over_says_under_review_and_is_proved_by_its_own_signature(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock
) -> None:
    record(alice, 100)
    request_review(campaign, alan)
    with pytest.raises(Refused):
        export(campaign, hr, "handover")
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    result = freeze(campaign=campaign, by=TESTER, wait=False)
    made = export(Campaign.objects.get(pk=campaign.pk), hr, "handover")
    verdicts = {row["staff_no"]: row["verdict"] for row in lines(made)}
    assert (verdicts["A001"], verdicts["A002"], verdicts["B001"]) == ("eligible", "under_review", "not_eligible")
    signature = signature_of(made)
    for known in (signature, None):
        proved = verify_stored(io.BytesIO(content(made)), known, None)
        assert proved.verified, proved.sentence
        assert "verdict of all 9 people match the hand-over of the frozen result of november" in proved.sentence
        for before, after in (
            (b",eligible,", b",not_eligible,"),
            (b"under_review", b"not_eligible"),
            (b"Alan", b"Alana"),
        ):
            altered = content(made).replace(before, after)
            assert altered != content(made)
            assert verify_stored(io.BytesIO(altered), known, None).code == "changed"
    with pytest.raises(UnreadableResultFile, match="covers no verdict"):
        verify_stored(io.BytesIO(content(made)), signature_file(result), None)


def signature_of(made: Export) -> bytes:
    assert made.signature is not None
    return b"".join(read_file(made.signature))


def test_a_hand_over_always_has_the_columns_that_prove_it(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    made = export(Campaign.objects.get(pk=campaign.pk), hr, "handover", columns=["email"])
    assert set(lines(made)[0]) == {*COVERED[FORM, HANDOVER], "email"}
    assert verify_stored(io.BytesIO(content(made)), signature_of(made), None).verified


def test_e_mails_that_were_exchanged_are_named_as_not_covered_and_changed(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock
) -> None:
    """A payout by e-mail address would go to another person."""
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    result = freeze(campaign=campaign, by=TESTER, wait=False)
    assert result
    frozen = Campaign.objects.get(pk=campaign.pk)
    for kind in ("handover", "standings"):
        made = export(frozen, hr, kind)
        signature = signature_of(made) if kind == "handover" else signature_file(result)
        exchanged = content(made).replace(b"alice@", b"x@").replace(b"alan@", b"alice@").replace(b"x@", b"alan@")
        verdict = verify_stored(io.BytesIO(exchanged), signature, None)
        assert (verdict.verified, verdict.changed, verdict.line) == (False, ("email",), 2)
        assert "Not covered and changed: email, first in line 2." in verdict.sentence
        proved = verify_stored(io.BytesIO(content(made)), signature, None)
        assert proved.verified
        assert "As stored here: email" in proved.sentence


def test_a_manager_exports_the_own_team_without_review_marks(
    campaign: Campaign, alice: Employee, bob: Employee, hr: Employee
) -> None:
    request_review(campaign, alice)
    made = export(campaign, bob, root=bob)
    assert {(row["staff_no"], row["under_review"]) for row in lines(made)} == {("A001", ""), ("A002", "")}
    assert list(Export.objects.visible_to(account_for(bob))) == [made]
    assert list(Export.objects.visible_to(account_for(alice))) == []
    assert list(Export.objects.visible_to(account_for(hr))) == [made]
    load("staff_no,name,email,manager_staff_no\nB001,Bob,bob@corp.example.com,D001\n", complete=False)
    assert Export.objects.visible_to(account_for(bob)).count() == 1
    moved = "A001,Alice,alice@corp.example.com,C001\nA002,Alan,alan@corp.example.com,C001\n"
    load(f"staff_no,name,email,manager_staff_no\n{moved}", complete=False)
    assert not Export.objects.visible_to(account_for(bob)).exists(), "who has lost a team loses its files"


def test_hr_finds_who_of_a_team_is_under_review_in_its_file_as_on_its_page(
    campaign: Campaign, alice: Employee, bob: Employee, hr: Employee
) -> None:
    request_review(campaign, alice)
    made = export(campaign, hr, root=bob, filters={"status": "under_review"})
    assert [(row["staff_no"], row["under_review"]) for row in lines(made)] == [("A001", "yes")]
    assert lines(export(campaign, bob, root=bob, filters={"status": "under_review"})) == []


def test_sent_twice_it_is_one_export(campaign: Campaign, hr: Employee) -> None:
    key, by = uuid.uuid4(), account_for(hr).actor
    first = request_export(campaign=campaign, request=ExportRequest("standings"), key=key, by=by)
    assert request_export(campaign=campaign, request=ExportRequest("standings"), key=key, by=by).pk == first.pk
    assert make_export(first.pk, show_progress=False) == make_export(first.pk, show_progress=False)
    assert Export.objects.count() == 1


def test_a_file_that_dies_half_way_is_not_there_and_says_so(
    campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_rest: Any, **_named: Any) -> None:
        raise OSError("no space left")

    asked = request_export(
        campaign=campaign, request=ExportRequest("standings"), key=uuid.uuid4(), by=account_for(hr).actor
    )
    monkeypatch.setattr(build_export, "store_file", dies)
    made = make_export(asked.pk, show_progress=False)
    assert made is not None
    assert (made.state, made.error, made.file, made.sha256) == ("failed", "OSError", None, None)


def test_an_export_whose_workers_die_is_not_retried_for_ever(campaign: Campaign, hr: Employee) -> None:
    asked = request_export(
        campaign=campaign, request=ExportRequest("standings"), key=uuid.uuid4(), by=account_for(hr).actor
    )
    assert list(Export.objects.waiting()) == [asked], "the sweep finds it"
    Export.objects.filter(pk=asked.pk).update(attempts=3)
    made = make_export(asked.pk, show_progress=False)
    assert made is not None
    assert made.state == "failed"
    assert not Export.objects.waiting().exists()


def test_what_was_asked_for_and_the_manifest_never_change_and_only_the_bytes_expire(
    campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    made = export(campaign, hr)
    for change in ("rows = 1", "as_of = now()", "filters = '{}', kind = 'days'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE exports_export SET {change}")
    clock.set("2026-12-27T12:00:00+08:00")
    assert expire_files(core_clock.db_now()) == 1
    made.refresh_from_db()
    assert (made.file, made.state) == (None, "done")


def test_a_gzip_holds_the_csv(campaign: Campaign, hr: Employee) -> None:
    at = core_clock.db_now() - timedelta(hours=1)
    packed, plain = export(campaign, hr, format="csv.gz", as_of=at), export(campaign, hr, as_of=at)
    assert gzip.decompress(content(packed)) == content(plain)
