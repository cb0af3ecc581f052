"""Roster uploads: the load applies what was shown, once, whatever happens in between."""

import io
import threading
from datetime import date
from typing import Any

import openpyxl
import pytest
from django.db import OperationalError, connection

from apps.core.files import read_file
from apps.core.models import AuditEntry
from apps.core.time_zones import midnight
from apps.employees.models import Employee, Employment
from apps.roster import import_processing, imports, loading
from apps.roster.models import RosterImport
from tests.accounts.access_log_entries import boss_of, employed, tree
from tests.fixtures import Clock
from tests.people import ROSTER, TESTER, load, officer
from tests.rosters import applied, confirmed, looked, worked

State = RosterImport.State
# Alan leaves, Alice moves to Carol, Carol changes her name, Nina is new, Uwe's e-mail is invalid.
NEXT = (
    ROSTER.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", "")
    .replace("Sales,B001", "Support,C001")
    .replace("Carol,", "Carol Chen,")
    .replace("uwe@corp.example.com", "uwe at corp")
    + "N001,Nina,nina@corp.example.com,,Sales,B001\n"
)


def kinds(one: RosterImport) -> dict[str, list[str]]:
    """The people in each list."""
    return {kind: [row.get("code", row["staff_no"]) for row in rows] for kind, rows in one.report["shown"].items()}


def test_a_file_is_shown_as_what_it_changes_and_changes_nothing(company: dict[str, Employee]) -> None:
    before = tree()
    shown = looked(NEXT, complete=True)
    assert kinds(shown) == {
        "joined": ["N001"], "left": ["A002"], "moved": ["A001"], "changed": ["C001"], "rejected": ["invalid_identity"],
        "address": [],
    }  # fmt: skip
    assert shown.report["unchanged"] == 5
    assert shown.report["shown"]["moved"][0]["changes"] == [
        ["department", "Sales", "Support"], ["manager", "Bob 白 (B001)", "Carol Chen (C001)"],
    ]  # fmt: skip
    assert tree() == before
    assert not Employee.objects.filter(staff_no="N001").exists()


def test_what_is_applied_is_what_was_shown(company: dict[str, Employee]) -> None:
    shown = looked(NEXT, complete=True)
    told = dict(shown.report)
    assert imports.confirm(shown, digest=shown.digest, by=TESTER)
    done = worked(shown)
    assert done.state == State.DONE
    assert done.report == told
    assert (boss_of("A001"), boss_of("N001"), employed("A002")) == ("C001", "B001", False)
    assert person_name("C001") == "Carol Chen"
    # The counts match those of the command.
    kind_counts = told["kinds"]
    assert told["created"] + told["updated"] == kind_counts["joined"] + kind_counts["moved"] + kind_counts["changed"]
    assert told["left"] == kind_counts["left"]


def person_name(staff_no: str) -> str:
    return Employee.objects.get(staff_no=staff_no).name


def test_the_same_file_again_changes_nothing(company: dict[str, Employee]) -> None:
    applied(NEXT, complete=True)
    again = looked(NEXT, complete=True)
    assert {kind: count for kind, count in again.report["kinds"].items() if count} == {"rejected": 1}
    assert worked(confirmed(NEXT, complete=True)).version is None


def test_the_whole_difference_is_a_csv(company: dict[str, Employee]) -> None:
    shown = looked(NEXT + '"=cmd","=cmd()",x@corp.example.com,,,\n', complete=True)
    assert shown.difference is not None
    text = b"".join(read_file(shown.difference)).decode("utf-8-sig")
    lines = text.split("\r\n")
    assert len(lines) == 1 + 6 + 1
    assert lines[0].startswith("change,line,staff_no,name_before,name,email_before,")
    assert any(line.startswith("moved,4,A001,") and ",B001,C001," in line for line in lines)
    assert "'=cmd()" in text


def test_a_confirmed_load_is_applied_once(company: dict[str, Employee]) -> None:
    waiting = confirmed(NEXT)
    assert imports.confirm(waiting, digest=waiting.digest, by=TESTER), "a double click is no error"
    worked(waiting)
    worked(waiting)
    assert AuditEntry.objects.filter(action="roster.loaded").count() == 2  # the company's load and this one
    assert RosterImport.objects.get(pk=waiting.pk).version == 2


def test_a_difference_to_an_older_roster_is_not_applied_but_shown_anew(company: dict[str, Employee]) -> None:
    shown = looked(NEXT)
    load("staff_no,name,email\nZ001,Zoe,zoe@corp.example.com")
    assert not imports.confirm(shown, digest=shown.digest, by=TESTER)
    shown = worked(shown)
    assert (shown.state, shown.report["roster_changed"]) == (State.PREVIEWED, True)
    assert imports.confirm(shown, digest=shown.digest, by=TESTER)
    assert worked(shown).state == State.DONE


def test_a_roster_that_changes_before_the_worker_comes_is_not_written_over(company: dict[str, Employee]) -> None:
    waiting = confirmed(NEXT)
    load("staff_no,name,email,manager_staff_no\nA001,Alice 艾,alice@corp.example.com,D001")
    after = worked(waiting)
    assert (after.state, after.report["roster_changed"]) == (State.PREVIEWED, True)
    assert boss_of("A001") == "D001"


def test_a_difference_that_nobody_looked_at_is_not_applied(company: dict[str, Employee]) -> None:
    shown = looked(NEXT)
    seen = shown.digest
    imports.refresh_preview(shown, complete=True)
    assert not imports.confirm(shown, digest=seen, by=TESTER)
    worked(shown)
    assert not imports.confirm(shown, digest=seen, by=TESTER)
    assert employed("A002")


def test_a_cycle_is_shown_with_names_and_cannot_be_applied(company: dict[str, Employee]) -> None:
    shown = looked(ROSTER.replace("Board,\n", "Board,N001\n") + "N001,Nina,nina@corp.example.com,,Sales,A001\n")
    problem = shown.report["problem"]
    assert problem["code"] == "cycle"
    assert "Nina (N001)" in problem["about"]
    assert "Alice 艾 (A001)" in problem["about"]
    assert not imports.confirm(shown, digest="", by=TESTER)


def test_two_people_with_one_e_mail_are_named(company: dict[str, Employee]) -> None:
    shown = looked(ROSTER + "N001,Nina,bob@corp.example.com,,,\n")
    assert [one["about"] for one in shown.report["shown"]["rejected"]] == [
        "Nina (N001, line 11)",
        "Bob 白 (B001, line 3)",
    ]


@pytest.mark.parametrize(
    "written", ["2026-11-02", "02.11.2026", "2-11-2026", "2026/11/2", "2026年11月2日", "2026-11-02 00:00:00"]
)
def test_a_day_is_read_as_hr_systems_write_it(noon: Clock, written: str) -> None:
    applied(f"\ufeffPersonalnummer;Name;E-Mail;Eintritt;\n1;One;one@corp.example.com;{written};\n;;;;\n".encode())
    assert Employment.objects.get().starts_at == midnight(date(2026, 11, 2))


def test_a_day_that_could_be_two_is_rejected(noon: Clock) -> None:
    shown = looked("staff_no,name,email,started_on\n1,One,one@corp.example.com,05/11/2026\n")
    assert kinds(shown)["rejected"] == ["bad_date"]


def test_a_manager_by_name_is_taken_when_only_one_has_it(company: dict[str, Employee]) -> None:
    applied("工号,姓名,邮箱,直属上级\nN001,Nina,nina@corp.example.com,Carol\n")
    assert boss_of("N001") == "C001"
    two = looked("工号,姓名,邮箱,直属上级\nN002,Carol,carol2@corp.example.com,\nN003,Ned,ned@corp.example.com,Carol\n")
    assert [(one["code"], one["about"]) for one in two.report["shown"]["rejected"]] == [
        ("ambiguous_manager", "Carol: C001, N002")
    ]


def test_who_is_rejected_still_shares_a_name(company: dict[str, Employee]) -> None:
    shown = looked("staff_no,name,email,manager_staff_no\nN002,Carol,no mail,\nN003,Ned,ned@corp.example.com,Carol\n")
    assert sorted(kinds(shown)["rejected"]) == ["ambiguous_manager", "invalid_identity"]


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.active["A3"].number_format = "00000"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def test_a_workbook_is_read_with_its_dates_and_leading_zeros(noon: Clock) -> None:
    done = applied(
        workbook(
            ("Employees of today",),
            ("Employee ID", "First name", "Last name", "Work email", "Hire date", "Manager", None),
            (42, "Wei", "李", "li@corp.example.com", date(2026, 11, 2), None, None),
            ("B7", "Bob", "White", "bob@corp.example.com", "02.11.2026", 42, " "),
            (None, None, " ", None, None, None, None),
        ),
        "staff.xlsx",
    )
    # 42 is displayed as 00042, and Bob's manager as 42: no employee has that number.
    assert kinds(done)["rejected"] == ["unknown_manager"]
    assert list(Employee.objects.values_list("staff_no", "name")) == [("00042", "李Wei")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x89PNG\r\n\x1a\n", "packed"),
        (b"PK\x03\x04" + bytes(64), "packed"),
        (b"", "unreadable"),
        (b"one column\nx\n", "column_missing"),
        (b"staff_no,name,email\n1,A,a@corp.example.com\n1,B,b@corp.example.com\n", "disagree"),
        (workbook(("a",))[:-40], "packed"),
    ],
    ids=["picture", "zip", "empty", "another list", "two rows disagree", "half a workbook"],
)
def test_a_wrong_file_is_refused_in_words(company: dict[str, Employee], content: bytes, code: str) -> None:
    shown = looked(content)
    assert (shown.state, shown.report["problem"]["code"]) == (State.PREVIEWED, code)


def test_a_line_that_cannot_be_read_sends_nobody_away(company: dict[str, Employee]) -> None:
    shown = looked(ROSTER + '"A002,Alan\n', complete=True)
    assert shown.report["problem"]["code"] == "unreadable_row"


def test_columns_that_were_told_are_remembered_for_the_next_file(company: dict[str, Employee]) -> None:
    odd = "wer,wie,womit\nN001,Nina,nina@corp.example.com\n"
    assert looked(odd).report["problem"]["columns"] == ["staff_no", "name", "email"]
    applied(odd, roles=["staff_no", "name", "email"], complete=False)
    assert looked(odd.replace("Nina,", "Nina Neu,")).report["kinds"]["changed"] == 1
    # Another account's column mapping is not stored for the account that confirms.
    mine = looked(odd.replace("wer", "nummer"))
    imports.refresh_preview(mine, roles=["staff_no", "name", "email"], complete=False, by=officer("hr-2"))
    worked(mine)
    assert imports.confirm(mine, digest=RosterImport.objects.get(pk=mine.pk).digest, by=TESTER)
    worked(mine)
    assert looked(odd.replace("wer", "nummer")).report["problem"]["code"] == "column_missing"
    theirs = imports.receive_upload(name="roster.csv", content=[odd.encode()], by=officer("hr-2"))
    assert worked(theirs).report["problem"]["code"] == "column_missing"


def test_a_load_that_a_worker_left_is_found_by_the_sweep(company: dict[str, Employee], noon: Clock) -> None:
    waiting = confirmed(NEXT)
    RosterImport.objects.filter(pk=waiting.pk).update(attempts=1, done=3)  # the worker died here
    assert import_processing.waiting_loads(noon.now()) == []
    noon.set("2026-11-23T12:00:31+08:00", ticks=True)
    assert import_processing.waiting_loads(noon.now()) == [waiting.pk]
    assert worked(waiting).state == State.DONE


def test_a_file_that_ends_every_worker_is_given_up(company: dict[str, Employee]) -> None:
    waiting = confirmed(NEXT)
    RosterImport.objects.filter(pk=waiting.pk).update(attempts=import_processing.ATTEMPTS)
    after = worked(waiting)
    assert (after.state, after.report["problem"]["code"]) == (State.REFUSED, "gave_up")
    assert employed("A002")


def test_a_lock_that_is_long_in_coming_gives_no_file_up(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = confirmed(NEXT)
    with monkeypatch.context() as patched:
        patched.setattr(
            import_processing, "load_roster", lambda **_options: (_ for _ in ()).throw(OperationalError("lock timeout"))
        )
        for _time in range(import_processing.ATTEMPTS + 1):
            with pytest.raises(OperationalError):
                worked(waiting)
    assert worked(waiting).state == State.DONE


@pytest.mark.parametrize(("code", "ends"), [("54001", True), ("55P03", False), ("40P01", False), ("57P01", False)])
def test_a_file_that_fails_again_and_again_is_given_up(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch, code: str, ends: bool
) -> None:
    """Otherwise the worker tries for ever, and its sender can load no other file. What passes is waited for."""

    def fail(**_options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")

    waiting = confirmed(NEXT)
    with monkeypatch.context() as patched:
        patched.setattr(loading, "difference", fail)
        for _time in range(import_processing.ATTEMPTS):
            with pytest.raises(OperationalError):
                worked(waiting)
    after = worked(waiting)
    assert after.state == (State.REFUSED if ends else State.DONE)
    assert ends == (after.report.get("problem") == {"code": "gave_up"})


def test_a_command_is_a_load_of_its_own(company: dict[str, Employee]) -> None:
    found = imports.past_loads().get()
    assert (found.state, found.report["created"], found.version) == (State.DONE, 9, 1)


def test_uploads_that_nobody_confirmed_are_forgotten(company: dict[str, Employee], noon: Clock) -> None:
    shown, done = looked(NEXT), applied(ROSTER)
    noon.set("2026-11-25T12:00:00+08:00", ticks=True)
    shown.file.delete()  # type: ignore[union-attr]
    imports.purge_load_data(noon.now())
    for one, kept in ((shown, False), (done, True)):
        one.refresh_from_db()
        assert bool(one.report) is kept


@pytest.mark.django_db(transaction=True)
def test_two_workers_apply_a_load_once() -> None:
    load(ROSTER)
    waiting = confirmed(NEXT)
    gate = threading.Barrier(2)

    def work() -> None:
        gate.wait()
        import_processing.process_load(waiting.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    waiting.refresh_from_db()
    assert waiting.state == State.DONE
    assert AuditEntry.objects.filter(action="roster.loaded").count() == 2


def test_the_first_load_of_an_empty_company_needs_no_second_person(noon: Clock, settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0
    shown = looked(ROSTER)
    assert imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))
    assert worked(shown).state == State.DONE
