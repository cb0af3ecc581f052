"""Adjusting many by a file: every line has an outcome, and HR grants exactly the previewed list."""

import csv
import io
import random
import time
from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import account_for, grant_role
from apps.campaigns import rule_draft
from apps.campaigns.adjustments import approve, bulk_file, bulk_previews, bulk_targets, bulk_upload
from apps.campaigns.adjustments import requests as requests
from apps.campaigns.adjustments.approve import grant_adjustment, withdraw_adjustment
from apps.campaigns.adjustments.bulk_upload import BulkPreview
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry, StoredChunk, StoredFile
from apps.employees.models import Employee
from apps.fileio.errors import BinaryFile, UnsureEncoding
from apps.roster import people_file
from apps.roster.people_file import TooManyLines, rejected_csv
from apps.roster.reader import ColumnMissing
from apps.standings import rule_changes
from tests import files
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, adjust, ask, load, mark, november, officer, person, standing

HEADER = "staff_no,target,from,until\n"


def read(content: str | bytes, encoding: str = "") -> bulk_file.AdjustmentFile:
    raw = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return bulk_file.read_adjustments(raw, encoding)


def look(campaign: Campaign, content: str | bytes, besides: int | None = None) -> BulkPreview:
    return bulk_upload.preview_file(read(content), campaign.rule, db_now(), acting_employee_id=besides)


def send(content: str | bytes, campaign: Campaign | None = None) -> StoredFile:
    return files.adjustments(None, content, campaign=campaign)


def ask_with(
    campaign: Campaign, content: str | bytes, by: Actor | None = None, file: StoredFile | None = None, **said: str
) -> AdjustmentRequest:
    by = by or officer("asks")
    found = look(campaign, content, account_employee(by))
    usual = {"kind": "leave", "reason": "x"}
    return bulk_previews.request_by_file(
        campaign=campaign, stored=file or send(content, campaign), expected_digest=found.digest, by=by, **usual | said
    )  # fmt: skip


def account_employee(by: Actor) -> int | None:
    return Employee.objects.filter(account=by.id).values_list("pk", flat=True).first()


def check(request: AdjustmentRequest, besides: int | None = None) -> bulk_targets.BulkTargets:
    request.refresh_from_db()
    return approve.recheck(request, request.campaign.rule, db_now(), besides)


def grant(request: AdjustmentRequest, by: Actor | None = None) -> int:
    return grant_adjustment(request_id=request.pk, expected_digest=check(request).digest, by=by or officer("grants"))


def terms(found: Iterable[Any]) -> dict[str, Any]:
    return {one.staff_no: one.target or one.exempt for one in found}


def rejects(found: BulkPreview) -> list[tuple[int, str, str]]:
    return [(one.line, one.column, one.reason) for one in found.rejects]


# -- reading -----------------------------------------------------------------------------------------------------------


def workbook(rows: list[list[Any]]) -> bytes:
    book, raw = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(raw)
    return raw.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "staff_no,target\nA001,80\nA002,exempt\n",
        "\ufeffStaff No;New target\r\nA001;80\r\nA002;EXEMPT\r\n",
        "E-mail\tTarget\nalice@corp.example.com\t80\nALAN@corp.example.com\texempted\n",
        "工号,目标\nA001,80\nA002,豁免\n".encode("gb18030"),
        "工号,姓名,目标,豁免\nA001,爱丽丝,80,否\nA002,艾伦,,是\n",
        'name,staff_no,target,exempt\n"Alice, A.",A001,"80",no\nAlan,A002,,yes\n',
        workbook([["Staff ID", "Target"], ["A001", 80], ["A002", "exempt"]]),
        "who,goal\nA001,８０\nalan@corp.example.com,Exempt\n",
    ],
    ids=["plain", "excel", "tabs and addresses", "gb18030", "a column of its own", "quotes", "xlsx", "full width"],
)
def test_a_list_is_read_as_hr_writes_it(campaign: Campaign, content: str | bytes) -> None:
    """HR exports files from its own programs and does not have to retype them."""
    found = look(campaign, content)
    assert terms(found.listed) == {"A001": 80, "A002": True}
    assert found.rejects == []


def test_days_are_the_campaigns_and_both_included(campaign: Campaign) -> None:
    found = look(campaign, HEADER + "A001,80,2026-11-05,11.11.2026\nA002,80,2026/11/5,31.12.9999\n")
    one, other = found.listed
    assert (one.starts_at.isoformat(), one.ends_at.isoformat()) == (
        "2026-11-04T16:00:00+00:00", "2026-11-11T16:00:00+00:00",
    )  # fmt: skip
    assert other.ends_at == requests.adjustment_period(campaign.rule, None, None)[1], "an open end"


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("X999,80,,", "staff_no", "No employee on the roster has this staff number or e-mail address."),
        (",80,,", "staff_no", "This line does not name an employee."),
        ("A001,,,", "target", "This line has no target and no exemption."),
        ("A001,many,,", "target", "“many” is neither a whole number nor “exempt”."),
        ('A001,"1,000",,', "target", "“1,000” is neither a whole number nor “exempt”."),
        ("A001,-5,,", "target", "“-5” is neither a whole number nor “exempt”."),
        ("A001,0,,", "target", "Enter a target from 1 to 1,000,000."),
        ("A001,1000001,,", "target", "Enter a target from 1 to 1,000,000."),
        ("A001,80,05/11/2026,", "from", "“05/11/2026” is not a date such as 2026-11-30."),
        ("A001,80,2026-11-20,2026-11-10", "until", "The end is before the start."),
        ("A001,80,2026-12-01,", "from", "The adjustment starts after the deadline, so it would change nothing."),
        ("A001,80,2026-10-01,2026-10-31", "until", "The adjustment ends before the campaign opens."),
        ("GONE,80,,", "staff_no", "This person is not in the campaign now: not employed, or in another department."),
    ],
)
def test_a_bad_line_says_where_and_why_and_costs_no_other(campaign: Campaign, row: str, column: str, said: str) -> None:
    """A mistake in one line does not stop the file, and is not applied silently."""
    load("staff_no,name,email,started_on,left_on\nGONE,Gone,gone@corp.example.com,2026-11-02,2026-11-03")
    found = look(campaign, HEADER + f"S001,70,,\n{row}\nB001,exempt,,\n")
    assert rejects(found) == [(3, column, said)]
    assert terms(found.listed) == {"S001": 70, "B001": True}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A001,80,yes", "This line has a target and an exemption. Use only one."),
        ("A001,,perhaps", "“perhaps” is neither yes nor no."),
        ("A001,,no", "This line has no target and no exemption."),
        ('"A001,80,yes', "A quotation mark is missing or in the wrong place."),
    ],
)
def test_two_columns_that_do_not_agree_are_no_adjustment(campaign: Campaign, row: str, said: str) -> None:
    found = look(campaign, f"staff_no,target,exempt\n{row}\nA002,80,\n")
    assert [(one.line, one.reason) for one in found.rejects] == [(2, said)]
    assert terms(found.listed) == {"A002": 80}


def test_a_number_and_an_address_must_be_one_persons(campaign: Campaign) -> None:
    """A staff number shifted by one line would exempt the neighbour."""
    found = look(
        campaign,
        "staff_no,email,target\nA001,alan@corp.example.com,80\nB001,nobody@corp.example.com,80\n"
        "A002,Alan@corp.example.com,80\n,carol@corp.example.com,80\n",
    )
    assert rejects(found) == [
        (2, "email", "This e-mail address and this staff number belong to different people."),
        (3, "email", "No employee on the roster has this staff number or e-mail address."),
    ]
    assert terms(found.listed) == {"A002": 80, "C001": 80}


def test_who_stands_twice_is_taken_once_or_not_at_all(campaign: Campaign) -> None:
    found = look(
        campaign, "who,target\nA001,80\nA002,70\nalice@corp.example.com,80\nA002,60\nB001,50\nA002,70\n"
    )  # fmt: skip
    assert terms(found.listed) == {"A001": 80, "B001": 50}
    again = "Line 2 already has the same adjustment."
    apart = "Lines 3, 5, 7 have different adjustments for this person."
    assert [(one.line, one.reason) for one in found.rejects] == [(3, apart), (4, again), (5, apart), (7, apart)]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("name,target\nAlice,80\n", ColumnMissing),
        ("staff_no,name\nA001,Alice\n", ColumnMissing),
        ("A001,80\nA002,70\n", ColumnMissing),
        (b"PK\x03\x04" + bytes(64), BinaryFile),
        (b"who,target,note\nA001,80,\xc4\xe3\xba\xc3\n", UnsureEncoding),
    ],
)
def test_a_file_that_is_no_list_is_refused_as_a_whole(content: str | bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(content)


def test_a_file_of_too_many_lines_is_refused_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_file, "MAX_LINES", 3)
    assert len(read("who,target\n" + "A001,80\n" * 3).lines) == 3
    with pytest.raises(TooManyLines):
        read("who,target\n" + "A001,80\n" * 4)


def test_the_rejected_lines_are_a_file_that_can_be_corrected_and_sent_again(campaign: Campaign) -> None:
    file = read("staff_no,name,target\nX1,=Eve,80\nA001,Alice,many\nA002,Alan,70\n")
    found = bulk_upload.preview_file(file, campaign.rule, db_now(), acting_employee_id=None)
    text = rejected_csv(file, found.rejects).decode("utf-8-sig")
    first, second = csv.DictReader(io.StringIO(text))
    assert first == {
        "staff_no": "X1", "name": "'=Eve", "target": "80", "line": "2", "column": "staff_no",
        "reason": "No employee on the roster has this staff number or e-mail address.",
    }  # fmt: skip
    assert (second["staff_no"], second["line"], second["column"]) == ("A001", "3", "target")
    again = look(campaign, text.replace("many", "60"))
    assert terms(again.listed) == {"A001": 60}
    file = read(text)
    header = rejected_csv(file, again.rejects).decode("utf-8-sig").splitlines()[0]
    assert header == "staff_no,name,target,line,column,reason", "these columns stand there once"


def test_our_own_csv_of_adjustments_can_be_read_back(campaign: Campaign) -> None:
    """HR can request one campaign's adjustments in the next campaign without typing them again."""
    found = look(
        campaign,
        "request,staff_no,name,kind,kind_text,target,exempt,from,until,reason\n"
        "1,A001,Alice,leave,,,yes,2026-11-05,,x\n1,A002,Alan,leave,,40,,2026-11-01,2026-12-24,x\n",
    )
    assert terms(found.listed) == {"A001": True, "A002": 40}


# -- asking and granting -----------------------------------------------------------------------------------------------


def test_one_grant_gives_each_what_the_file_said(campaign: Campaign) -> None:
    request = ask_with(campaign, HEADER + "A001,80,,\nA002,exempt,2026-11-05,\nB001,9,,2026-11-10\n", kind="part_time")
    mark()
    assert {one.target for one in campaign.standing_set.all()} == {100}, "nothing counts yet"
    assert (request.for_many, request.file_name, request.kind) == (True, "leave.csv", "part_time")
    assert grant(request) == 3
    mark()
    assert standing(campaign, person("A001")).target == 80
    assert standing(campaign, person("A002")).exempt
    assert standing(campaign, person("B001")).target == 100, "over since the 10th"
    assert stored(campaign) == oracle(campaign)
    asked = AuditEntry.objects.get(action="adjustment.asked").detail
    assert (asked["people"], asked["file"]) == (3, "leave.csv")
    labels = AuditEntry.objects.filter(action__startswith="adjustment.").values_list("subject_label", flat=True)
    assert set(labels) == {"leave.csv"}, "the trail names the batch, not only its campaign"
    told = AuditEntry.objects.filter(action="standing.adjusted").values_list("subject_id", "detail__target")
    assert dict(told) == {"A001": 80, "A002": None, "B001": 9}


def test_the_file_is_gone_when_it_has_asked(campaign: Campaign) -> None:
    """Its bytes are personal data and no longer needed."""
    ask_with(campaign, HEADER + "A001,80,,\n")
    assert not StoredFile.objects.exists()
    assert not StoredChunk.objects.exists()


def test_a_file_sent_twice_asks_once_and_another_cannot_take_its_place(campaign: Campaign) -> None:
    content = HEADER + "A001,80,,\n"
    file, seen = send(content), look(campaign, content).digest
    again = partial(
        bulk_previews.request_by_file, campaign=campaign, stored=file, kind="leave", reason="x", expected_digest=seen
    )
    assert again(by=officer("asks")).pk == again(by=officer("asks")).pk
    with pytest.raises(Refused, match="Another user has already sent this form"):
        again(by=officer("third"))
    assert AdjustmentRequest.objects.count() == 1


def test_a_file_that_has_expired_asks_for_nothing(campaign: Campaign) -> None:
    content = HEADER + "A001,80,,\n"
    file = send(content)
    StoredFile.objects.all().delete()
    with pytest.raises(Refused, match="no longer stored"):
        ask_with(campaign, content, file=file)


def test_whoever_has_an_own_adjustment_is_left_out_and_named(campaign: Campaign) -> None:
    adjust(campaign=campaign, employee=person("A001"), exempt=True)
    ask(campaign=campaign, employee=person("A002"), exempt=True)
    found = look(campaign, HEADER + "A001,80,,\nA002,80,,\nB001,80,,\n")
    assert [(one.staff_no, one.skip_reason) for one in found.skipped] == [("A001", "own")]
    assert terms(found.listed) == {"A002": 80, "B001": 80}, "a request that waits keeps no one out"
    request = ask_with(campaign, HEADER + "A001,80,,\nA002,80,,\nB001,80,,\n")
    assert sorted(one.employee.staff_no for one in request.adjustment_set.all()) == ["A002", "B001"]


def test_hr_is_left_out_of_what_they_ask_for_and_grant(campaign: Campaign) -> None:
    """A line about oneself in a long file would be the easiest way to adjust one's own target."""
    for number in ("A001", "A002"):
        grant_role(employee=person(number), role="hr", by=TESTER)
    asker, granter = (account_for(person(number)) for number in ("A001", "A002"))
    content = HEADER + "A001,1,,\nA002,1,,\nB001,1,,\n"
    found = look(campaign, content, asker.employee_id)
    assert [(one.staff_no, one.skip_reason) for one in found.skipped] == [("A001", "self")]
    request = ask_with(campaign, content, by=asker.actor)
    seen = check(request, granter.employee_id)
    assert [(one.staff_no, one.skip_reason) for one in seen.skipped] == [("A002", "self")]
    assert grant_adjustment(request_id=request.pk, expected_digest=seen.digest, by=granter.actor) == 1
    assert Adjustment.objects.get(employee=person("A002")).left_out == "self"
    mark()
    assert {no: target for no, _counted, target, _exempt, _red in stored(campaign) if target != 100} == {"B001": 1}


def sooner(campaign: Campaign) -> None:
    """Move the deadline forward to the 26th."""
    rule = campaign.rule
    wanted = rule_draft.RuleDraft(rule.target, rule.opens_on, date(2026, 11, 26), rule.time_zone)
    rule_changes.change_rule(
        campaign=campaign, draft=wanted, expected_version=rule.version, reason="x", by=officer("changes")
    )


def test_whose_facts_change_before_the_grant_is_shown_and_left_out(campaign: Campaign) -> None:
    request = ask_with(campaign, HEADER + "A001,80,,\nA002,70,,\nB001,60,2026-11-28,\nC001,50,,\n")
    load("staff_no,name,email,manager_staff_no,left_on\nA001,Alice,alice@corp.example.com,B001,2026-11-20")
    adjust(campaign=campaign, employee=person("A002"), exempt=True)
    sooner(campaign)
    found = check(request)
    assert [(one.staff_no, one.skip_reason) for one in found.skipped] == [
        ("A001", "gone"), ("A002", "own"), ("B001", "changed"),
    ]  # fmt: skip
    assert grant(request) == 1
    assert dict(Adjustment.objects.filter(request=request).values_list("employee__staff_no", "left_out")) == {
        "A001": "gone", "A002": "own", "B001": "changed", "C001": "",
    }  # fmt: skip
    mark()
    assert stored(campaign) == oracle(campaign)


def test_a_list_that_changed_since_it_was_looked_at_is_refused(campaign: Campaign) -> None:
    content = HEADER + "A001,80,,\nA002,70,,\n"
    before = look(campaign, content).digest
    adjust(campaign=campaign, employee=person("A002"), exempt=True)
    file = send(content)
    with pytest.raises(Refused, match="has changed since"):
        bulk_previews.request_by_file(
            campaign=campaign, stored=file, kind="leave", reason="x", expected_digest=before, by=officer("asks")
        )  # fmt: skip
    assert StoredFile.objects.filter(pk=file.pk).exists(), "to look at again"
    request = ask_with(campaign, content, file=file)
    seen = check(request).digest
    adjust(campaign=campaign, employee=person("A001"), exempt=True)
    with pytest.raises(Refused, match="has changed since"):
        grant_adjustment(request_id=request.pk, expected_digest=seen, by=officer("grants"))
    with pytest.raises(Refused, match="no longer affect anyone"):
        grant(request)


def test_a_list_with_other_numbers_has_another_digest(campaign: Campaign) -> None:
    """Otherwise the granted list could differ from the previewed one."""
    rows = ["A001,80,,", "A001,81,,", "A001,exempt,,", "A001,80,2026-11-05,", "A001,80,,2026-12-24"]
    assert len({look(campaign, HEADER + row).digest for row in rows}) == len(rows)


def test_a_file_of_nobody_is_not_asked_for(campaign: Campaign) -> None:
    with pytest.raises(Refused, match="This list is empty"):
        ask_with(campaign, HEADER + "X999,80,,\n")


def test_one_of_many_can_be_ended_and_then_all(campaign: Campaign) -> None:
    request = ask_with(campaign, HEADER + "A001,80,,\nA002,exempt,,\nB001,60,,\n")
    grant(request)
    one = requests.request_revocation(request=request, employee=person("A002"), reason="x", by=officer("asks"))
    assert grant_adjustment(request_id=one.pk, by=officer("grants")) == 1
    mark()
    assert not standing(campaign, person("A002")).exempt
    rest = requests.request_revocation(request=request, employee=None, reason="x", by=officer("asks"))
    assert grant_adjustment(request_id=rest.pk, by=officer("grants")) == 2
    mark()
    assert {target for _no, _counted, target, _exempt, _red in stored(campaign)} == {100}


def test_it_is_refused_as_a_whole(campaign: Campaign) -> None:
    request = ask_with(campaign, HEADER + "A001,80,,\nA002,exempt,,\n")
    approve.refuse_adjustment(request_id=request.pk, note="no", by=officer("grants"))
    mark()
    assert {target for _no, _counted, target, _exempt, _red in stored(campaign)} == {100}


@pytest.mark.parametrize("seed", range(8))
def test_a_file_gives_exactly_what_single_adjustments_give(campaign: Campaign, seed: int) -> None:
    """The same lines one by one in another campaign: the same are refused, and the standings of every day are equal."""
    pick, twin = random.Random(seed), november(name="Twin")
    rows = []
    for number in ("D001", "B001", "A001", "A002", "C001", "S001", "H001", "U001"):
        days = [pick.choice(("", str(date(2026, 10, 25) + timedelta(days=pick.randrange(45))))) for _ in range(2)]
        rows.append((number, pick.choice(("exempt", str(pick.randint(1, 200)))), *days))
    refused = set()
    for number, target, starts, ends in rows:
        try:
            begin, end = requests.adjustment_period(
                twin.rule, *(date.fromisoformat(day) if day else None for day in (starts, ends))
            )
            given: dict[str, Any] = {"exempt": True} if target == "exempt" else {"target": int(target)}
            adjust(campaign=twin, employee=person(number), starts_at=begin, ends_at=end, **given)
        except Refused:
            refused.add(number)
    content = HEADER + "".join(",".join(row) + "\n" for row in rows)
    found = look(campaign, content)
    assert {one.cells[0] for one in found.rejects} == refused
    request = ask_with(campaign, content)
    assert grant(request) == len(rows) - len(refused)
    mark()
    assert stored(campaign) == stored(twin) == oracle(campaign)
    for days in range(1, 30, 4):
        at = campaign.rule.opens_at + timedelta(days=days)
        assert oracle(campaign, at) == oracle(twin, at)


# -- how much ----------------------------------------------------------------------------------------------------------


def questions(size: int, noon: Clock) -> list[int]:
    """Return the query counts of preview, request, second preview and grant of `size` lines, some of them bad."""
    load("staff_no,name,email\n" + "\n".join(f"N{n:05d},Name,n{n}@corp.example.com" for n in range(size)))
    campaign = november(name=f"Of {size}")
    mark()
    asks, grants = officer("asks"), officer("grants")
    content = HEADER + "".join(f"N{n:05d},{n + 1},,\nX{n},5,,\nn{n}@corp.example.com,bad,,\n" for n in range(size))
    file, counts = send(content), []

    def counted(act: Any) -> Any:
        with CaptureQueriesContext(connection) as asked:
            result = act()
        counts.append(len(asked))
        return result

    found = counted(lambda: look(campaign, content))
    assert (len(found.listed), len(found.rejects)) == (size, 2 * size)
    request = counted(lambda: ask_with(campaign, content, asks, file))
    seen = counted(lambda: check(request))
    assert counted(lambda: grant_adjustment(request_id=request.pk, expected_digest=seen.digest, by=grants)) == size
    return counts


def test_a_thousand_lines_are_adjusted_with_the_statements_of_three(noon: Clock) -> None:
    few = questions(3, noon)
    assert questions(1_000, noon) == few


@pytest.mark.parametrize("targets", [("50", "51"), ("50", "50")], ids=["disagree", "agree"])
def test_many_lines_about_one_person_cost_no_more_than_lines(campaign: Campaign, targets: tuple[str, str]) -> None:
    """A small file must not occupy a worker for minutes or use up its memory."""
    lines = "".join(f"A001,{targets[number % 2]},,\n" for number in range(10_000))
    before = time.process_time()
    found = look(campaign, HEADER + lines)
    assert time.process_time() - before < 15
    assert len(found.rejects) >= 9_999
    assert max(len(reject.reason) for reject in found.rejects) < 120


def test_an_account_makes_only_so_many_requests_for_many_in_a_day(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their rows stay when they are withdrawn: one HR user could slow down every evaluation of the campaign."""
    monkeypatch.setattr(requests, "MAX_BULK_REQUESTS_A_DAY", 1)
    content = "staff_no,target\nA001,50\n"
    withdraw_adjustment(request_id=ask_with(campaign, content).pk, by=officer("asks"))
    with pytest.raises(Refused, match="within a day"):
        ask_with(campaign, content)
    ask_with(campaign, content, by=officer("another"))
