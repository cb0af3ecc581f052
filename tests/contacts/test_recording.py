"""Recording contacts: every draft has an outcome, nothing is stored twice, and unusual input causes no error."""

import traceback
from typing import Any

import pytest
from django.db import DataError, IntegrityError, transaction

from apps.contacts import bulk_insert
from apps.contacts.drafts import Draft, kind_of
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services.submissions import Report, finish_submission, receive, submit
from apps.core.clock import db_now
from apps.core.models import OutboxRow
from apps.employees.models import Employee
from tests.people import TESTER, outsider, record, record_one


def hand_in(employee: Employee, *people: list[tuple[str, str]], key: str | None = None) -> Report:
    """Submit one draft for each list of (kind, raw)."""
    drafts = [Draft(f"Guest {n}", tuple(identities), line=n) for n, identities in enumerate(people, 2)]
    return submit(employee=employee, drafts=drafts, source="page", by=TESTER, key=key)


def codes(report: Report) -> list[str]:
    return [outcome.code for outcome in report.outcomes]


def test_a_contact_is_kept_with_its_identities_and_both_times(alice: Employee) -> None:
    before = db_now()
    report = hand_in(alice, [("phone", "138 1234 5678"), ("email", "Wanda@Outside.example.org"), ("handle", "@Wanda")])
    contact = Contact.objects.get(pk=report.outcomes[0].contact_id)
    assert (report.created, contact.name, contact.employee, contact.source) == (1, "Guest 2", alice, "page")
    assert before < contact.recorded_at <= contact.stored_at < db_now()
    assert contact.recorded_at == contact.submission.received_at
    kept = contact.identities.order_by("kind").values_list("kind", "value", "domain", "live")
    assert list(kept) == [
        ("email", "wanda@outside.example.org", "outside.example.org", True),
        ("handle", "wanda", None, True),
        ("phone", "+8613812345678", None, True),
    ]


def test_the_same_person_twice_in_one_batch_is_one(alice: Employee) -> None:
    report = hand_in(alice, [("phone", "13812345678")], [("phone", "+86 138 1234 5678")])
    assert codes(report) == ["created", "duplicate"]
    assert report.outcomes[1].existing_contact_id == report.outcomes[0].contact_id
    assert report.outcomes[1].message


@pytest.mark.parametrize("at_once", [True, False])
def test_any_shared_identity_makes_a_duplicate_as_a_whole(alice: Employee, at_once: bool) -> None:
    phone, mail, handle = ("phone", "13812345678"), ("email", "w@outside.example.org"), ("handle", "wanda")
    people = [[phone, mail], [mail, handle], [handle]]
    if at_once:
        outcomes = hand_in(alice, *people).outcomes
    else:
        outcomes = [hand_in(alice, one).outcomes[0] for one in people]
    # The second is a duplicate, so neither it nor its handle is stored; the third is therefore new.
    assert [outcome.code for outcome in outcomes] == ["created", "duplicate", "created"]
    assert ContactIdentity.objects.filter(employee=alice).count() == 3


def test_one_person_written_twice_in_one_draft_is_one_identity(alice: Employee) -> None:
    assert hand_in(alice, [("phone", "13812345678"), ("phone", "+8613812345678")]).created == 1
    assert ContactIdentity.objects.count() == 1


def test_one_mailbox_in_several_spellings_is_one_person_as_first_written(alice: Employee) -> None:
    """Otherwise one mailbox counts a hundred times: its owner receives the mail of every spelling."""
    spellings = ["Ann.Lee+1@gmail.com", "annlee@gmail.com", "ann.lee@googlemail.com", "ann.lee+2@gmail.com"]
    report = hand_in(alice, *([("email", raw)] for raw in spellings))
    assert codes(report) == ["created", "duplicate", "duplicate", "duplicate"]
    assert record_one(alice, *(("email", f"bo+{n}@example.org") for n in range(3))).created == 1
    kept = ContactIdentity.objects.order_by("pk").values_list("value", "domain")
    assert list(kept) == [("ann.lee+1@gmail.com", "gmail.com"), ("bo+0@example.org", "example.org")]


@pytest.mark.parametrize("second", ["+86 10 6552 9911 ext. 102", "010 6552 9911 x102", "tel:+86-10-6552-9911;ext=102"])
def test_a_switchboard_counts_once_and_the_employee_reads_why(alice: Employee, second: str) -> None:
    """Otherwise invented extensions of one number reach any target."""
    assert record_one(alice, ("phone", "+86 10 6552 9911 ext. 101")).created == 1
    outcome = record_one(alice, ("phone", second)).outcomes[0]
    assert outcome.code == "duplicate"
    assert outcome.message.startswith(
        "You have already recorded this number. A number counts once, whatever its extension"
    )
    same = record_one(alice, ("phone", "+86 10 6552 9911")).outcomes[0]
    assert same.message == "You have already recorded this person."


def test_two_employees_may_both_record_one_person(alice: Employee, alan: Employee) -> None:
    them = outsider()
    assert (record_one(alice, them).created, record_one(alan, them).created) == (1, 1)


def test_one_unusable_identity_refuses_the_draft_and_names_the_column(alice: Employee) -> None:
    report = hand_in(alice, [("email", "w@outside.example.org"), ("phone", "12")], [("email", "v@outside.example.org")])
    assert codes(report) == ["invalid_identity", "created"]
    assert (report.outcomes[0].column, report.outcomes[0].line) == ("phone", 2)
    assert (report.created, report.duplicate, report.rejected) == (1, 0, 1)


@pytest.mark.parametrize("identities", [[], [("phone", "")], [("phone", "  "), ("email", "\u200b")]])
def test_nobody_can_be_reached_without_an_identity(alice: Employee, identities: list[tuple[str, str]]) -> None:
    assert codes(hand_in(alice, identities)) == ["invalid_identity"]
    assert not Contact.objects.exists()


NASTY = [
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "x" * 1_000_000,
    "'; DROP TABLE x; --",
    "%s %(a)s {0}",
    "\u202e",
    "﷽" * 5000,
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("field", ["name", "phone", "email", "handle", "kind", "key"])
def test_no_text_whatever_breaks_recording(alice: Employee, field: str, text: str) -> None:
    identities = [("handle", "wanda")]
    if field in ("phone", "email", "handle"):
        identities.append((field, text))
    if field == "kind":
        identities.append((text, "wanda"))
    draft = Draft(text if field == "name" else "Wanda", tuple(identities))
    key = text if field == "key" else None
    report = submit(employee=alice, drafts=[draft], source="page", by=TESTER, key=key)
    assert codes(report)[0] in ("created", "invalid_identity")
    again = submit(employee=alice, drafts=[draft], source="page", by=TESTER, key=key)
    if key is None:
        assert codes(again)[0] in ("duplicate", "invalid_identity")
    else:
        assert again == report


def test_two_long_keys_that_begin_alike_are_two_submissions(alice: Employee) -> None:
    first = hand_in(alice, [outsider()], key="k" * 300 + "1")
    second = hand_in(alice, [outsider()], key="k" * 300 + "2")
    assert (first.created, second.created) == (1, 1)
    assert first.submission_id != second.submission_id


def test_one_key_is_one_effect_and_one_report(alice: Employee) -> None:
    wanda = outsider()
    first = hand_in(alice, [wanda], [("phone", "12")], key="form-1")
    assert hand_in(alice, [wanda], [("phone", "12")], key="form-1") == first
    # The senders' keys depend on the people; only the texts could differ for others.
    assert codes(hand_in(alice, [outsider()], [outsider()], key="form-1")) == codes(first)
    assert Contact.objects.count() == 1


def test_a_key_belongs_to_one_employee(alice: Employee, alan: Employee) -> None:
    assert hand_in(alice, [outsider()], key="1").submission_id != hand_in(alan, [outsider()], key="1").submission_id
    assert Contact.objects.count() == 2


def test_the_report_comes_back_word_for_word_after_a_restart(alice: Employee) -> None:
    drafts = [Draft("Wanda", (outsider(),), line=2), Draft("Walt", (("phone", "12"),), line=3)]
    report = submit(employee=alice, drafts=drafts, source="page", by=TESTER)
    assert finish_submission(report.submission_id, drafts) == report


def test_what_was_handed_in_is_emptied_once_it_is_recorded(alice: Employee) -> None:
    submission = receive(employee=alice, drafts=[Draft("Wanda", (outsider(),))], source="page", by=TESTER)
    assert submission.payload
    finish_submission(submission.pk)
    submission.refresh_from_db()
    assert (submission.state, submission.payload) == ("done", None)
    assert "outside.example.org" not in str(submission.report)


def test_a_contact_counts_from_its_receipt_however_late_it_is_recorded(alice: Employee, clock: Any) -> None:
    submission = receive(employee=alice, drafts=[Draft("Wanda", (outsider(),))], source="page", by=TESTER)
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    contact = Contact.objects.get(pk=finish_submission(submission.pk).outcomes[0].contact_id)
    assert contact.recorded_at == submission.received_at < contact.stored_at


def test_who_recorded_is_noted_for_the_mark(alice: Employee) -> None:
    OutboxRow.objects.all().delete()
    record(alice, 3)
    assert list(OutboxRow.objects.values_list("employee_id", "kind")) == [(alice.pk, None)]
    OutboxRow.objects.all().delete()
    hand_in(alice, [("phone", "12")])
    assert not OutboxRow.objects.exists(), "nothing changed, nobody to judge"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("13812345678", "phone"), ("+86 138-1234-5678", "phone"), ("(0)30 901820", "phone"),
        ("tel:+4930901820", "phone"),
        ("１３８１２３４５６７８", "phone"), ("＋86138", "phone"), ("a@b.example", "email"), ("Ａ＠b.example", "email"),
        (" w@x.example ", "email"), ("@wanda", "handle"), ("wanda", "handle"), ("wanda88", "handle"),
        ("王芳", "handle"),
        ("88wanda", "handle"), ("", "handle"), ("mailto:a@b.example", "email"),
    ],
)  # fmt: skip
def test_one_field_understands_what_is_typed_into_it(text: str, kind: str) -> None:
    assert kind_of(text) == kind


# -- the database itself ---------------------------------------------------------------------------------------------


def refused(**changes: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.update(**changes)


def test_the_database_keeps_a_contact_whole(alice: Employee) -> None:
    record(alice)
    contact = Contact.objects.get()
    late = db_now()
    refused(ended_at=late)
    refused(end_reason="removed")
    refused(ended_at=contact.recorded_at.replace(year=2020), end_reason="removed")
    refused(ended_at=late, end_reason="bored")
    refused(recorded_at=late)
    refused(source="telepathy")


def test_an_identity_lives_exactly_as_long_as_its_contact(alice: Employee) -> None:
    record(alice)
    Contact.objects.update(ended_at=db_now(), end_reason="removed")
    assert not ContactIdentity.objects.get().live
    Contact.objects.update(ended_at=None, end_reason=None)
    assert ContactIdentity.objects.get().live
    with pytest.raises(IntegrityError, match="contacts_identity_follows_contact"), transaction.atomic():
        ContactIdentity.objects.update(live=False)


def test_an_identity_belongs_to_a_contact_of_the_same_employee(alice: Employee, alan: Employee) -> None:
    record(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactIdentity.objects.update(employee=alan)


def test_the_database_refuses_a_second_live_contact_of_one_person(alice: Employee) -> None:
    record(alice)
    one = ContactIdentity.objects.get()
    copy = Contact.objects.get()
    copy.pk = None
    copy.save()
    with pytest.raises(IntegrityError, match="contacts_identity_once"), transaction.atomic():
        ContactIdentity.objects.create(employee=alice, contact=copy, kind=one.kind, value="x", digest=one.digest)


def test_a_submission_is_done_or_waiting_never_both(alice: Employee) -> None:
    record(alice)
    for change in ({"done_at": None}, {"payload": []}, {"state": "received"}, {"source": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Submission.objects.update(**change)


def test_what_the_database_says_of_a_row_it_stopped_at_names_nobody(
    alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error's text reaches the logs, and would otherwise contain a name and a number."""
    monkeypatch.setattr(bulk_insert, "NULL", "not a time")
    name, number = "Wanda Secret", "13812345678"
    with pytest.raises(DataError) as failed, transaction.atomic():
        record_one(alice, ("phone", number), name=name)
    told = "".join(traceback.format_exception(failed.value))
    assert "invalid input syntax" in told
    assert name not in told
    assert number not in told
