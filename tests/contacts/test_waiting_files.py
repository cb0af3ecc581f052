"""Files that wait while their employee records more. A failure counts a person twice or loses contacts in time.

A file counts from its receipt but may be recorded much later: behind other files, or after a worker died.
"""

from datetime import date, timedelta
from itertools import permutations

import pytest
from django.db import connection

from apps.campaigns.models import Campaign
from apps.contacts.imports import import_submission
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services.changes import end_contact, undo_submission
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.results.freeze import freeze
from apps.results.models import FrozenStanding
from tests import files
from tests.fixtures import Clock
from tests.people import TESTER, mark, november, record_one, standing

pytestmark = pytest.mark.django_db
KIM = ("email", "kim@outside.example.org")
FILE = "email\nkim@outside.example.org\n"
BEFORE, AFTER = "2026-11-30T23:59:58+08:00", "2026-12-01T00:00:03+08:00"


def end_all(employee: Employee) -> None:
    for contact in Contact.objects.filter(employee=employee, ended_at=None):
        end_contact(contact_id=contact.pk, employee=employee, by=TESTER)


def frozen_count(campaign: Campaign, employee: Employee) -> int:
    freeze(campaign=Campaign.objects.get(pk=campaign.pk), by=TESTER, wait=True)
    return FrozenStanding.objects.get(campaign=campaign, employee=employee).counted


def periods(employee: Employee) -> list[tuple[str, str]]:
    """Return (start, end) of each contact as minutes and seconds in the company's time zone, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_char(recorded_at AT TIME ZONE 'Asia/Shanghai', 'MI:SS'),"
            " coalesce(to_char(ended_at AT TIME ZONE 'Asia/Shanghai', 'MI:SS'), '') FROM contacts_contact"
            " WHERE employee_id = %s ORDER BY recorded_at, id",
            [employee.pk],
        )
        return cursor.fetchall()


def test_who_is_ended_after_the_deadline_does_not_count_twice(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """Otherwise fifty people count as a hundred: the contacts at the cut-off, and those of the waiting file too."""
    clock.set("2026-11-30T23:50:00+08:00", ticks=True)
    record_one(alice, KIM)
    clock.set(BEFORE, ticks=True)
    files.received(alice, FILE)
    clock.set(AFTER, ticks=True)
    end_all(alice)
    assert frozen_count(campaign, alice) == 1
    assert periods(alice) == [("50:00", "00:03"), ("00:03", "")], "the file says that the person is a contact"


def test_several_files_of_one_person_count_once(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    clock.set(BEFORE, ticks=True)
    waiting = [files.received(alice, FILE) for _file in range(3)]
    clock.set(AFTER, ticks=True)
    for submission in waiting:
        import_submission(submission.pk)
        end_all(alice)
    assert frozen_count(campaign, alice) == 1


@pytest.mark.parametrize("again", ["by hand", "in a file"])
def test_what_was_submitted_in_time_is_not_lost_to_what_came_after_it(
    campaign: Campaign, alice: Employee, clock: Clock, again: str
) -> None:
    """Otherwise an impatient employee is red: the repeated upload is recorded first, after the deadline."""
    clock.set(BEFORE, ticks=True)
    waiting = files.received(alice, FILE)
    clock.set(AFTER, ticks=True)
    if again == "by hand":
        record_one(alice, KIM)
    else:
        import_submission(files.received(alice, FILE).pk)
    assert frozen_count(campaign, alice) == 1
    assert periods(alice) == [("59:58", "")]
    waiting.refresh_from_db()
    assert waiting.report["duplicate"] == 1
    moved = AuditEntry.objects.get(action="contact.moved")
    assert (moved.subject_id, moved.detail["submission"]) == (str(Contact.objects.get().pk), str(waiting.pk))


def october() -> Campaign:
    """A campaign that ends where November begins."""
    return november(name="October", opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))


def test_what_counts_already_does_not_leave_its_campaign(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """Otherwise a count falls, and a second entry is a duplicate: the file was received before the opening."""
    clock.set("2026-10-31T23:59:50+08:00", ticks=True)
    waiting = files.received(alice, FILE)
    clock.set("2026-11-01T00:05:00+08:00", ticks=True)
    record_one(alice, KIM)
    mark()
    assert standing(campaign, alice).counted == 1
    import_submission(waiting.pk)
    mark()
    assert standing(campaign, alice).counted == 1
    waiting.refresh_from_db()
    assert waiting.report["duplicate"] == 1
    assert periods(alice) == [("05:00", "")]
    assert not AuditEntry.objects.filter(action="contact.moved").exists()


def test_what_was_submitted_in_time_counts_there_also_where_the_next_campaign_has_opened(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set("2026-10-31T23:59:50+08:00", ticks=True)
    earlier = october()
    waiting = files.received(alice, FILE)
    clock.set("2026-11-01T00:05:00+08:00", ticks=True)
    record_one(alice, KIM)
    import_submission(waiting.pk)
    assert frozen_count(earlier, alice) == 1


def test_an_end_of_what_was_recorded_meanwhile_stands(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    waiting = files.received(alice, FILE)
    clock.set("2026-11-23T12:01:00+08:00", ticks=True)
    record_one(alice, KIM)
    clock.set("2026-11-23T12:02:00+08:00", ticks=True)
    end_all(alice)
    clock.set("2026-11-23T12:03:00+08:00", ticks=True)
    import_submission(waiting.pk)
    assert periods(alice) == [("00:00", "02:00"), ("02:00", "")], "at no moment two, and at none nobody"


def test_a_file_that_was_undone_takes_nothing_from_the_one_that_waits(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    first = files.handed_in(alice, FILE)
    clock.set("2026-11-23T12:01:00+08:00", ticks=True)
    waiting = files.received(alice, FILE)
    clock.set("2026-11-23T12:02:00+08:00", ticks=True)
    undo_submission(submission_id=first.pk, employee=alice, by=TESTER)
    import_submission(waiting.pk)
    assert periods(alice) == [("00:00", "02:00"), ("02:00", "")]


def test_nothing_moves_into_a_result_that_is_final(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """Facts that the database learns after the snapshot belong to no result, whatever their receipt says."""
    clock.set(AFTER, ticks=True)
    record_one(alice, KIM)
    assert frozen_count(campaign, alice) == 0
    waiting = files.received(alice, FILE)
    Submission.objects.filter(pk=waiting.pk).update(received_at=BEFORE)
    clock.set("2026-12-01T01:00:00+08:00", ticks=True)
    import_submission(waiting.pk)
    contact, snapshot_at = Contact.objects.get(), Campaign.objects.get().snapshot_at
    assert snapshot_at
    assert contact.stored_at > snapshot_at


PEOPLE = {"first": ("kim", "lee"), "second": ("lee", "mia")}


def possible(order: tuple[tuple[str, str], ...]) -> bool:
    at = {step: index for index, step in enumerate(order)}
    followed = [(step, file) for step, file in order if step != "receive"]
    earlier = {"record": "receive", "undo": "record"}
    first_received = at["receive", "first"] < at["receive", "second"]
    return first_received and all(at[earlier[step], file] < at[step, file] for step, file in followed)


# Every order of receiving and recording two files that share a person, and of undoing one or both.
STEPS = [(step, file) for file in PEOPLE for step in ("receive", "record")]
ORDERS = [
    order
    for undone in (["first"], ["second"], ["first", "second"])
    for order in permutations([*STEPS, *(("undo", file) for file in undone)])
    if possible(order)
]


def live_after(alice: Employee, clock: Clock, order: tuple[tuple[str, str], ...], *, waiting: bool) -> set[str]:
    """Return the live people in the end; without `waiting`, each file is recorded at its receipt."""
    Contact.objects.filter(employee=alice, ended_at=None).update(ended_at=clock.now(), end_reason="removed")
    sent: dict[str, Submission] = {}
    for step, file in order:
        clock.set(clock.now() + timedelta(minutes=1))
        if step == "receive":
            sent[file] = files.received(alice, "email\n" + "".join(f"{name}@out.example\n" for name in PEOPLE[file]))
        if step == ("record" if waiting else "receive"):
            import_submission(sent[file].pk)
        if step == "undo":
            undo_submission(submission_id=sent[file].pk, employee=alice, by=TESTER)
    names = ContactIdentity.objects.filter(employee=alice, live=True).values_list("value", flat=True)
    return {str(name).partition("@")[0] for name in names}


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(f"{step[:3]}-{file[:1]}" for step, file in order))
def test_undoing_a_file_ends_the_same_people_however_long_files_wait(
    campaign: Campaign, alice: Employee, clock: Clock, order: tuple[tuple[str, str], ...]
) -> None:
    """Otherwise undoing a later file loses people of an earlier one that waited. A file that is recorded after the undo
    of another keeps all its people."""
    clock.set("2026-11-23T12:00:00+08:00")
    live, without_waiting = (live_after(alice, clock, order, waiting=waiting) for waiting in (True, False))
    late = [file for file in PEOPLE if order[-1] == ("record", file)]
    assert live == without_waiting.union(*(PEOPLE[file] for file in late))
