"""An erased person is found nowhere any more, and no employee's count changes."""

import io
import json
import os
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from lzma import LZMAError
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import CommandError
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.test import Client

from apps.accounts.api_tokens import create_token
from apps.accounts.approvals import refuse_request, withdraw_request
from apps.accounts.models import ApprovalRequest, Role
from apps.campaigns import population
from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact, ContactIdentity, Erasure, ErasureSubject, Submission, SuppressedIdentity
from apps.contacts.previews import preview
from apps.contacts.reading import open_contacts
from apps.contacts.services.changes import correct_contact, end_contact, rename_contact, restore_contact
from apps.contacts.services.submissions import refuse_submission, submit
from apps.core import clock as core_clock
from apps.core.audit import Actor
from apps.core.closed_periods import close_period
from apps.core.errors import Refused
from apps.core.files import read_file
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee
from apps.operations.tasks import day_change, sweep
from apps.privacy import erase_contacts as below
from apps.privacy import erase_person as privacy_erase_person
from apps.privacy import erase_submissions, erasure_approvals, erasure_subject
from apps.privacy.erase_person import erase_person, preview_person_erasure
from apps.privacy.erasure_approvals import remaining_mentions, request_erasure
from apps.privacy.erasure_subject import identities_of
from apps.privacy.pii_patterns import PiiPattern
from apps.reviews.models import Review
from apps.roster.models import RosterImport
from apps.standings import evaluation
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request
from apps.standings.models import Standing
from apps.standings.recount import compare_all
from tests import canary, commands, files, people, reviewing, worst
from tests.canary import EMAIL, HANDLE, NAME, PHONE, SPELLED
from tests.fixtures import Clock
from tests.people import TESTER

pytestmark = pytest.mark.django_db
ASKED = (("phone", SPELLED), ("email", EMAIL.upper()), ("handle", f"@{HANDLE}"))
WHY = "by letter of 20 November, passport seen"


def forget(*told: tuple[str, str], reason: str = WHY) -> privacy_erase_person.PersonErasure:
    return erase_person(identities_of(told or ASKED), reason=reason, by=TESTER)


def reasons(campaign: Campaign) -> list[tuple[int, str]]:
    """Return every contact with the reason why it does not count."""
    at = campaign.rule.cutoff_at
    judged: QuerySet[Any] = evaluation.with_exclusion_reason(
        Contact.objects.order_by("pk"), campaign.rule, at, population.ALL_EMPLOYEES
    )
    return list(judged.values_list("pk", "reason"))


@pytest.fixture
def everywhere(campaign: Campaign, alice: Employee, alan: Employee, hr: Employee) -> Campaign:
    """The canary in every place that stores a contact or a text about one."""
    client = people.sign_in(Client(), alice)
    key = {"HTTP_IDEMPOTENCY_KEY": SPELLED, "content_type": "application/json"}
    assert client.post("/api/v1/contacts/", json.dumps({"name": NAME, "phone": PHONE}), **key).status_code == 201
    people.record_one(alice, ("email", EMAIL), name=NAME)
    # A contact that was wrong first, its correction, and an ended contact.
    wrong = people.record_one(alan, ("handle", "zanzibar_wrong"), name=NAME).outcomes[0].contact_id
    correct_contact(contact_id=wrong or 0, employee=alan, identities=[("handle", HANDLE), ("phone", PHONE)], by=TESTER)
    gone = people.record_one(alan, ("email", EMAIL), name=NAME).outcomes[0].contact_id
    end_contact(contact_id=gone or 0, employee=alan, by=TESTER)
    # Files that are recorded, with lines rejected by content, name and employee; files in preview; and a refused file.
    rows = f"name,phone,staff_no\n{NAME},12,\nOtto,34,\nMax,13800138000,\nC,{PHONE},{EMAIL}\n"
    submission = files.received(alice, rows)
    Submission.objects.filter(pk=submission.pk).update(file_name=f"{NAME}.csv")
    import_submission(submission.pk)
    files.upload(alice, f"name,phone\nQ,{SPELLED}\n".encode("utf-16"))
    files.upload(alan, f"BEGIN:VCARD\nVERSION:3.0\nFN:Q\nEMAIL:{EMAIL}\nEND:VCARD\n", "cards.vcf")
    files.upload(alan, "handle\nsomebody\n", name=f"{NAME}.csv")
    files.adjustments(hr, f"staff_no,target,note\nA001,80,{EMAIL}\n")
    lost = files.received(alan, f"handle\n{HANDLE}\n")
    Submission.objects.filter(pk=lost.pk).update(state="refused", done_at=lost.received_at)
    reviewing.ask(campaign, alice, contacts=[Contact.objects.of(alice).latest("pk").pk], text=f"Why not {SPELLED}?")
    people.mark()
    return campaign


def test_nothing_anywhere_shows_somebody_who_was_erased(everywhere: Campaign) -> None:
    before = canary.shown_by_tables()
    places = {
        "contacts_contact", "contacts_contactidentity", "contacts_submission", "core_filepreview",
        "core_storedchunk", "core_storedfile", "reviews_review",
    }  # fmt: skip
    assert set(before) == places, "else there was nothing to find"
    done = forget()
    assert canary.shown_by_tables() == {}
    assert done.kept_mentions == []
    assert (done.preview.contacts, done.reviews) == (5, 1)
    assert done.preview.files == 6


LEFT_OUT: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "contacts": (below, "blank_contacts", lambda *given: None),
    "reports": (below, "blank_reports", lambda *given: 0),
    "files": (below, "clear_files", lambda *given: 0),
    "rejected lines": (erase_submissions, "_blank_lines", lambda *given: None),
    "reviews": (privacy_erase_person, "_blank_reviews", lambda *given: 0),
    "corrected ones": (
        erasure_subject, "CONTACTS_OF_PERSON",
        erasure_subject.CONTACTS_OF_PERSON.replace("contact.id = matched.id", "false"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_one_place_left_out_is_noticed(everywhere: Campaign, monkeypatch: pytest.MonkeyPatch, left_out: str) -> None:
    """The mutants of the test above."""
    module, name, instead = LEFT_OUT[left_out]
    monkeypatch.setattr(module, name, instead)
    forget()
    assert canary.shown_by_tables()


def test_what_others_handed_in_is_left_alone(everywhere: Campaign, alice: Employee) -> None:
    forget()
    rejects = read_file(Submission.objects.get(employee=alice, source="csv").rejects)
    header, erased, other, mistaken = b"".join(rejects).decode("utf-8-sig").splitlines()
    assert header == "name,phone,staff_no,line,code,reason"
    assert (erased, mistaken) == (",,,2,invalid_identity,", ",,,5,unknown_employee,")
    assert other.startswith("Otto,34,,3,invalid_identity,This is not")
    assert Contact.objects.get(name="Max").identities.get().value == "+8613800138000"


# -- nothing moves -------------------------------------------------------------------------------------------------


def test_no_count_reason_or_standing_moves(everywhere: Campaign) -> None:
    before, standings = reasons(everywhere), list(Standing.objects.order_by("pk").values())
    forget()
    people.mark()
    assert reasons(everywhere) == before
    assert list(Standing.objects.order_by("pk").values()) == standings
    assert compare_all(everywhere).differences == []


SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)


@pytest.mark.parametrize("number", range(8))
def test_whoever_is_erased_in_whatever_campaign_every_reason_stays(
    company: dict[str, Employee], alice: Employee, alan: Employee, number: int
) -> None:
    """Two campaigns with different company domains, shared people, colleagues and ended contacts; a few are erased."""
    print(f"FAULT_SEED={SEED} number {number}")
    dice = random.Random(SEED + number)
    campaigns = [
        people.november(company_domains=["corp.example.com", "half.example"], exclusive=dice.random() < 0.5),
        people.november(name="Other", company_domains=["corp.example.com"], exclusive=dice.random() < 0.5),
    ]
    hosts = ("outside.example.org", "half.example", "eu.half.example", "corp.example.com", "own-domain.example")
    pool = [[("email", f"g{n}@{dice.choice(hosts)}"), ("handle", f"guest{n}")] for n in range(8)]
    pool.append([("email", "bob@corp.example.com")])
    for n in range(40):
        whose, told = dice.choice([alice, alan, company["C001"]]), dice.choice(pool)
        submit(employee=whose, drafts=[Draft(f"N{n}", tuple(dice.sample(told, 1)))], source="page", by=TESTER)
    for contact in Contact.objects.select_related("employee"):
        if dice.random() < 0.2:
            end_contact(contact_id=contact.pk, employee=contact.employee, by=TESTER)
    people.mark()
    before = [reasons(one) for one in campaigns]
    assert len({reason for one in before for _contact, reason in one}) > 2
    for told in dice.sample(pool, 4):
        forget(*told)
    people.mark()
    assert [reasons(one) for one in campaigns] == before
    assert [compare_all(one).differences for one in campaigns] == [[], []]


def test_a_domain_of_the_companys_stays_and_every_other_one_goes(campaign: Campaign, alice: Employee) -> None:
    """Otherwise a contact that is a colleague's second address would begin to count."""
    other = people.november(name="Other", company_domains=["half.example"])
    for host in ("half.example", "own-domain.example", "eu.half.example"):
        people.record_one(alice, ("email", f"x@{host}"))
        forget(("email", f"x@{host}"))
    told = list(ContactIdentity.objects.order_by("pk").values_list("domain", "contact__was_external"))
    assert told == [("half.example", None), (None, True), ("eu.half.example", None)]
    assert [reason for _contact, reason in reasons(other)] == ["not_external", "", "not_external"]


# -- afterwards ----------------------------------------------------------------------------------------------------


def test_the_trail_is_searched_without_the_entries_about_contacts(hr: Employee) -> None:
    """They are nearly all entries and hold no name: searched for words, they take the page of an approval minutes."""
    digits = PHONE.removeprefix("+")
    for kind in ("contact", "campaign"):
        AuditEntry.objects.create(actor_label="x", action=f"{kind}.ended", subject_kind=kind, subject_id=digits)
    listed = [row for table, row in forget(("phone", PHONE)).kept_mentions if table == "core_auditentry"]
    assert [AuditEntry.objects.get(pk=row).subject_kind for row in listed] == ["campaign"]


@pytest.fixture
def erased(campaign: Campaign, alice: Employee) -> Contact:
    """An erased contact of Alice."""
    people.record_one(alice, ("email", EMAIL), ("phone", PHONE), name=NAME)
    forget(("email", EMAIL))
    people.mark()
    return Contact.objects.get()


def test_an_erased_contact_still_counts_and_nothing_can_be_done_to_it(
    erased: Contact, campaign: Campaign, alice: Employee
) -> None:
    who = {"contact_id": erased.pk, "employee": alice, "by": TESTER}
    for act in (
        lambda: rename_contact(**who, name="X"),
        lambda: correct_contact(**who, identities=[("handle", "other")]),
        lambda: end_contact(**who),
        lambda: restore_contact(**who),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "erased"
    assert people.standing(campaign, alice).counted == 1


def test_its_page_and_list_say_erased_and_offer_nothing(erased: Contact, alice: Employee) -> None:
    client = people.sign_in(Client(), alice)
    for address in ("/contacts/", f"/contacts/{erased.pk}/"):
        text = client.get(address).content.decode()
        assert "erased" in text.lower()
        assert f"/contacts/{erased.pk}/end/" not in text
        assert canary.signs_in(text) == []
    shown = client.get(f"/api/v1/contacts/{erased.pk}/").json()
    assert (shown["name"], [one["value"] for one in shown["identities"]]) == (None, [None, None])
    exported = b"".join(client.get("/contacts/export.csv").streaming_content).decode()
    assert canary.signs_in(exported) == []


def test_nobody_records_them_again_and_who_has_them_learns_nothing_new(
    erased: Contact, alice: Employee, alan: Employee
) -> None:
    again = people.record_one(alice, ("email", EMAIL), name=NAME)
    assert [one.code for one in again.outcomes] == ["duplicate"]
    refused = people.record_one(alan, ("email", EMAIL), ("handle", "new"), name=NAME)
    assert [one.code for one in refused.outcomes] == ["objected"]
    assert "forget" in refused.outcomes[0].message
    assert refused.rejected == 1
    assert Contact.objects.count() == 1
    fine = people.record_one(alan, ("handle", "max")).outcomes[0].contact_id
    with pytest.raises(Refused) as corrected:
        correct_contact(contact_id=fine or 0, employee=alan, identities=[("email", EMAIL)], by=TESTER)
    assert corrected.value.code == "objected"


def erase(kind: str, value: str) -> None:
    erase_person(identities_of([(kind, value)]), reason="by letter", by=TESTER)


def test_a_word_that_is_a_handle_too_takes_nothing_from_others(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    """Otherwise the erasure of @wang blanks the names of all people called Wang, and deletes files about them."""
    kept = people.record_one(alice, ("email", "li@outside.example.org"), name="Li Wang").outcomes[0].contact_id
    files.upload(alan, "name,email\nWang Fang,fang@outside.example.org\n")
    erase("handle", "wang")
    assert Contact.objects.get(pk=kept).name == "Li Wang"
    assert StoredFile.objects.exists()


def test_part_of_a_longer_number_is_another_one(alan: Employee) -> None:
    files.upload(alan, "name,phone\nMax,+86 138 1400 1234\n")
    erase("phone", "+6834001")
    assert StoredFile.objects.exists()


def test_the_requester_reads_in_no_own_name_whether_the_person_is_a_contact(
    company: dict[str, Employee], alice: Employee, hr: Employee
) -> None:
    """The requester's token is named like a second address of the person.

    The erasure must not change that name, because the change would show that the person is a contact.
    """
    people.record_one(alice, ("phone", PHONE), ("email", "pat@partner.example"))
    account = people.with_account(hr, "hr").account
    create_token(account=account, name="pat@partner.example", scopes=["own"], by=account.actor)
    erase("phone", PHONE)
    assert account.apitoken_set.get().name == "pat@partner.example"


@pytest.mark.usefixtures("unlimited_repeats")
def test_the_newest_names_of_hundreds_are_searched_for(alice: Employee) -> None:
    """An expression with all of them takes gigabytes, or the patterns are compiled for each row: it never ends."""
    for number in range(60):
        report = people.record_one(alice, ("email", EMAIL), name=f"Name Number {number}")
        end_contact(contact_id=report.outcomes[0].contact_id, employee=alice, by=TESTER)
    friend = people.record_one(alice, ("handle", "other"), name="a friend of Name Number 58").outcomes[0].contact_id
    erase("email", EMAIL)
    assert Contact.objects.get(pk=friend).name == "[…]"
    assert not Contact.objects.filter(name__startswith="Name").exists(), "each contact of the person, by its id"


@pytest.mark.usefixtures("unlimited_repeats")
def test_no_statement_has_more_patterns_than_the_database_keeps_compiled(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    """Otherwise one employee who renames and corrects a contact ends the erasure of that person by its timeout."""
    for employee in (alice, alan):
        for number in range(60):
            told = [("email", EMAIL), ("handle", f"e{employee.pk}.h{number}")]
            report = people.record_one(employee, *told, name=f"Name {employee.pk} Number {number}")
            end_contact(contact_id=report.outcomes[0].contact_id, employee=employee, by=TESTER)
    records = erasure_subject.MatchedRecords.of(privacy_erase_person.erasure_target(identities_of([("email", EMAIL)])))
    assert [len(pattern.names) for pattern in records.at_employees.values()] == [20, 20]
    assert [len(pattern.patterns) for pattern in records.at_employees.values()] == [3, 3]
    assert len(records.distinctive.names) == 40
    many = {employee: replace(records.at_employees[alice.pk], names=tuple(f"N {employee} {n}" for n in range(20)))
            for employee in range(1, 1000)}  # fmt: skip
    assert len(replace(records, at_employees=many).distinctive.patterns) <= 32


def test_a_name_that_one_employee_gave_blanks_nothing_at_another(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    """Otherwise an employee who names a contact like a colleague's takes that contact's name from the colleague."""
    people.record_one(alice, ("email", EMAIL), ("handle", "her.shop"), name="Great Outside Company")
    people.record_one(alan, ("email", EMAIL), name=NAME)
    kept = people.record_one(alan, ("handle", "otto"), name="Otto of Great Outside Company").outcomes[0].contact_id
    other = people.record_one(alan, ("handle", "moritz"), name="Moritz of her.shop").outcomes[0].contact_id
    own = people.record_one(alice, ("handle", "max"), name="Max of Great Outside Company").outcomes[0].contact_id
    account = people.with_account(alan).account
    create_token(account=account, name="sync for Great Outside Company", scopes=["own"], by=account.actor)
    submission = files.received(alan, "name,phone\nGreat Outside Company,12\n")
    import_submission(submission.pk)
    erase("email", EMAIL)
    names = dict(Contact.objects.filter(pk__in=[kept, other, own]).values_list("pk", "name"))
    assert names == {kept: "Otto of Great Outside Company", other: "Moritz of her.shop", own: "[…]"}
    assert account.apitoken_set.get().name == "sync for Great Outside Company"
    rejects = read_file(Submission.objects.get(pk=submission.pk).rejects)
    assert "Great Outside Company" in b"".join(rejects).decode()


def test_who_has_asked_to_be_forgotten_is_not_found_by_trying(erased: Contact, alan: Employee, settings: Any) -> None:
    """A preview evaluates without recording. Beyond the daily limit it refuses every person with the same code."""
    with open_contacts(io.BytesIO(f"name,email\n{NAME},{EMAIL}\nMax,max@outside.example.org\n".encode())) as file:
        assert preview(file, employee=alan, limit=10).outcome_counts == {"created": 2}
    settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY = 1
    fine = people.record_one(alan, ("handle", "max")).outcomes[0].contact_id
    assert [one.code for one in people.record_one(alan, ("email", EMAIL), name=NAME).outcomes] == ["too_many_today"]
    with pytest.raises(Refused) as corrected:
        correct_contact(contact_id=fine or 0, employee=alan, identities=[("email", EMAIL)], by=TESTER)
    assert corrected.value.code == "too_many_today"
    settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY = 5
    # A draft that is refused for another reason does not reveal the objection either.
    refused = people.record_one(alan, ("email", EMAIL), ("handle", "A001"), name=NAME)
    assert [one.code for one in refused.outcomes] == ["not_external"]
    people.record_one(alan, ("handle", "moritz"))
    with pytest.raises(Refused) as corrected:
        correct_contact(
            contact_id=fine or 0, employee=alan, identities=[("email", EMAIL), ("handle", "moritz")], by=TESTER
        )
    assert corrected.value.code == "duplicate"


def test_neither_does_a_file_or_a_feed_and_the_rejected_line_is_not_kept(erased: Contact, alan: Employee) -> None:
    done = files.handed_in(alan, f"name,email\n{NAME},{EMAIL}\nMax,max@outside.example.org\n")
    assert (done.report["created"], done.report["rejected"]) == (1, 1)
    assert done.report["rejects"][0]["code"] == "objected"
    feed = f"staff_no,name,email,recorded_at\nA002,{NAME},{EMAIL},2026-11-03T00:00:00Z\n"
    told = import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True).as_json()
    assert (told["created"], told["rejected"]) == (0, 1)
    assert canary.shown_by_tables() == {}


def test_a_feed_still_confirms_and_ends_who_is_there(erased: Contact, campaign: Campaign) -> None:
    """The count stays a fact, and the messaging product may still report that the contact ended."""
    at = erased.recorded_at.isoformat()
    feed = f"staff_no,name,email,recorded_at,confirmed_at\nA001,{NAME},{EMAIL},{at},{at}\n"
    told = import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True).as_json()
    assert told["updated"] == 1
    assert Contact.objects.get().confirmed_at == erased.recorded_at
    assert canary.shown_by_tables() == {}


@pytest.mark.parametrize(("minutes", "ends"), [(30, False), (120, True)])
def test_a_feed_ends_an_erased_contact_after_a_frozen_period_and_not_within_it(
    erased: Contact, clock: Clock, minutes: int, ends: bool
) -> None:
    """Otherwise a person who left the product counts in the next campaign, or the frozen one changes."""
    hour = timedelta(hours=1)
    clock.set(erased.recorded_at + 3 * hour)
    close_period("october", erased.recorded_at - hour, erased.recorded_at + hour)
    at, end = erased.recorded_at.isoformat(), (erased.recorded_at + timedelta(minutes=minutes)).isoformat()
    feed = f"staff_no,name,email,recorded_at,ended_at\nA001,{NAME},{EMAIL},{at},{end}\n"
    import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True)
    assert (Contact.objects.get().ended_at is not None) is ends


def test_a_file_that_is_recorded_is_not_kept(campaign: Campaign, alice: Employee) -> None:
    done = files.handed_in(alice, f"name,email\n{NAME},{EMAIL}\n")
    assert done.file is None
    assert not StoredFile.objects.exists()


# -- how an erasure is requested -----------------------------------------------------------------------------------


def test_looking_changes_nothing_and_says_how_much_but_not_whose(everywhere: Campaign) -> None:
    before = canary.shown_by_tables()
    found = preview_person_erasure(identities_of(ASKED), by=TESTER)
    assert (found.preview.contacts, found.preview.files, found.reviews) == (5, 6, 1)
    assert canary.shown_by_tables() == before
    assert not SuppressedIdentity.objects.exists()


def test_a_file_that_is_being_recorded_is_waited_for(campaign: Campaign, alice: Employee) -> None:
    submission = files.received(alice, f"name,email\n{NAME},{EMAIL}\n")
    with pytest.raises(Refused) as refused:
        forget()
    assert refused.value.code == "busy"
    assert SuppressedIdentity.objects.exists()
    import_submission(submission.pk)
    forget()
    assert canary.shown_by_tables() == {}


@pytest.mark.parametrize("reason", ["", "   ", f"asked by {EMAIL}", f"she called from {SPELLED}"])
def test_a_reason_is_needed_and_must_not_say_who(everywhere: Campaign, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        forget(reason=reason)
    assert refused.value.code == "reason"
    assert not Erasure.objects.exists()


def test_a_decision_that_speaks_of_them_stays_and_is_told(campaign: Campaign, alice: Employee) -> None:
    asked = people.ask(campaign=campaign, employee=alice, target=80, reason=f"{EMAIL} was refused")
    done = forget(("email", EMAIL))
    assert ("campaigns_adjustmentrequest", asked.pk) in done.kept_mentions


def test_the_trail_says_that_somebody_was_erased_but_never_who_or_how_much(everywhere: Campaign) -> None:
    done = forget()
    entry = AuditEntry.objects.get(action="erasure.done")
    assert entry.subject_id == str(done.erasure and done.erasure.pk)
    assert entry.detail == {}
    assert done.erasure
    assert done.erasure.reason == WHY


def test_erased_twice_it_is_erased_once(everywhere: Campaign) -> None:
    forget()
    again = forget()
    assert (again.preview.files, again.preview.reports, again.reviews) == (0, 0, 0)
    assert SuppressedIdentity.objects.count() == 3


@pytest.mark.parametrize("table", ["contacts_suppressedidentity", "contacts_erasure"])
def test_no_objection_is_taken_back(everywhere: Campaign, table: str) -> None:
    forget()
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*told: Any, **more: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [ValueError(), RuntimeError(), NotImplementedError(), LZMAError(), MemoryError()])
def test_a_file_that_no_reader_reads_is_searched_as_text_and_stops_nothing(
    campaign: Campaign, alice: Employee, alan: Employee, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Otherwise one tiny upload of any employee stops every erasure in the company."""
    people.record_one(alice, ("email", EMAIL), name=NAME)
    files.upload(alan, f"name,email\nQ,{EMAIL}\n")
    kept = files.upload(alan, "name,email\nMax,max@outside.example.org\n")
    monkeypatch.setattr(erase_submissions, "open_contacts", failing(error))
    forget()
    assert canary.shown_by_tables() == {}
    assert list(StoredFile.objects.values_list("pk", flat=True)) == [kept.pk]


def test_a_text_that_a_workbook_shows_in_many_cells_is_searched_once(
    campaign: Campaign, alan: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a workbook of a kilobyte holds the worker of every erasure for its whole time."""
    row = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c></row>'
    header = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in ("name", "phone", "note"))
    texts = f"<sst><si><t>Max</t></si><si><t>13811112222</t></si><si><t>{'x' * 1000}</t></si></sst>"
    files.upload(alan, worst.workbook(f"<row>{header}</row>" + row * 300, sharedStrings=texts))
    searched: list[str] = []
    matches = PiiPattern.matches
    monkeypatch.setattr(
        PiiPattern, "matches", lambda self, texts: matches(self, (searched.append(text) or text for text in texts))
    )
    forget()
    assert searched.count("x" * 1000) == 1


@pytest.mark.parametrize("error", [OperationalError(), SoftTimeLimitExceeded()])
def test_a_database_that_is_away_or_a_worker_that_ends_makes_no_file_unreadable(
    campaign: Campaign, alan: Employee, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    files.upload(alan, f"name,email\nQ,{EMAIL}\n")
    monkeypatch.setattr(erase_submissions, "open_contacts", failing(error))
    with pytest.raises(type(error)):
        forget()


def test_an_upload_that_no_worker_could_read_is_deleted_unread(
    campaign: Campaign, alan: Employee, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No limit bounds how long it takes to read: a workbook of a gigabyte would hold up the erasure."""
    kept = files.upload(alan, "name,email\nMax,max@outside.example.org\n")
    refused = files.upload(alan, b"PK\x03\x04 no workbook", "cards.xlsx")
    waiting = files.sent(alan, "name,email\nMoritz,moritz@outside.example.org\n")
    adjusted = files.adjustments(hr, "staff_no,target,note\nA001,80,x\n")
    read = erase_submissions.open_file
    opened: list[Any] = []
    monkeypatch.setattr(erase_submissions, "open_file", lambda stored: opened.append(stored.pk) or read(stored))
    assert preview_person_erasure(identities_of(ASKED), by=TESTER).preview.files == 2
    forget()
    assert set(StoredFile.objects.values_list("pk", flat=True)) == {kept.pk, adjusted.pk}
    assert not {refused.pk, waiting.pk} & set(opened)


def test_a_file_that_is_confirmed_during_the_erasure_is_not_deleted(campaign: Campaign, alice: Employee) -> None:
    """Otherwise the other people of the file are lost."""
    submission = files.received(alice, f"name,email\n{NAME},{EMAIL}\nOther,other@out.example\n")
    target = privacy_erase_person.erasure_target(identities_of(ASKED))
    with pytest.raises(Refused) as refused:
        erase_submissions.clear_files(target, erasure_subject.MatchedRecords.of(target))
    assert refused.value.code == "busy"
    assert StoredFile.objects.filter(pk=submission.file_id).exists()


def test_of_a_review_nothing_else_can_be_changed(everywhere: Campaign) -> None:
    review = Review.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(text="something else")
    with pytest.raises(DatabaseError), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(text=privacy_erase_person.ERASED_TEXT, counted=99)
    Review.objects.filter(pk=review.pk).update(text=privacy_erase_person.ERASED_TEXT)


def typed(**changed: str) -> dict[str, str]:
    return {
        "phone": SPELLED, "email": EMAIL, "handle": HANDLE, "reason": WHY, "sure": "on", "key": str(uuid.uuid4()),
        **changed,
    }  # fmt: skip


def test_hr_erases_with_a_second_person_and_no_page_or_address_has_the_person_in_it(
    everywhere: Campaign, hr: Employee
) -> None:
    client = people.sign_in(Client(), hr)
    unsure = client.post("/company/erasures/request/", typed(sure=""))
    assert unsure.status_code == 422
    assert not ApprovalRequest.objects.exists()
    asked = client.post("/company/erasures/request/", typed())
    assert (asked.status_code, asked.headers["Location"]) == (302, "/company/erasures/")
    page = client.get("/company/erasures/").content.decode()
    assert "Waiting for a second HR user" in page
    assert canary.signs_in(page) == []
    assert not Erasure.objects.exists(), "the second person has not approved it"
    approve()
    page = client.get("/company/erasures/").content.decode()
    assert WHY in page
    assert "approved by approves" in page
    assert canary.signs_in(page) == []
    assert canary.shown_by_tables() == {}


def test_a_wrong_phone_is_refused_at_its_field(campaign: Campaign, hr: Employee) -> None:
    answer = people.sign_in(Client(), hr).post("/company/erasures/request/", typed(phone="12", email=""))
    assert answer.status_code == 422
    assert b"id_phone_error" in answer.content


def test_an_operator_erases_by_a_command_that_reads_who(
    everywhere: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SPELLED}\nemail: {EMAIL}\n\n{HANDLE}\n"))
    looked = commands.run("erase_contact")
    assert (looked["erasure"], looked["contacts"], looked["files"]) == (None, 5, 6)
    file = tmp_path / "who.txt"
    file.write_text(f"{PHONE}\n{EMAIL}\n{HANDLE}\n")
    waits = commands.run("erase_contact", "--file", file, "--reason", WHY, "--yes")
    assert ApprovalRequest.objects.get(pk=waits["approval"]).requested_by_id is None
    assert not Erasure.objects.exists(), "two employees have the person: the operator is one person too"
    Role.objects.all().delete()
    done = commands.run("erase_contact", "--file", file, "--reason", WHY, "--yes")
    assert uuid.UUID(done["erasure"])
    assert canary.shown_by_tables() == {}


def test_the_command_never_repeats_what_it_cannot_use(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("phone: 1391234\n"))
    with pytest.raises(CommandError) as error:
        commands.run("erase_contact")
    assert canary.signs_in(str(error.value)) == []


# -- easily forgotten names and texts -------------------------------------------------------------------------------

# Columns without free text about outside people: kinds, states, digests, and names from the roster and accounts.
NO_FREE_TEXT = {
    "account_emailaddress.*", "account_emailconfirmation.*", "accounts_apitoken.scopes",
    "auth_group.*", "auth_permission.*",
    "axes_accessattempt.*", "axes_accessattemptexpiration.*", "axes_accessfailurelog.*", "axes_accesslog.*",
    "contacts_contact.end_reason", "contacts_contact.source", "contacts_contactidentity.kind",
    "contacts_contactidentity.domain", "contacts_intakecount.source", "contacts_erasure.actor_label",
    "contacts_erasure.approved_by_label", "contacts_erasuresubject.sealed", "contacts_suppressedidentity.kind",
    "contacts_columnmapping.roles", "contacts_submission.actor_label", "contacts_submission.layout",
    "contacts_submission.source", "contacts_submission.state", "contacts_sighting.*", "django_admin_log.*",
    "django_content_type.*",
    "django_migrations.*", "accounts_account.*", "accounts_approvalrequest.decided_by_label",
    "accounts_approvalrequest.decided_effect", "accounts_approvalrequest.decision",
    "accounts_approvalrequest.effect", "accounts_approvalrequest.kind",
    "accounts_approvalrequest.requested_by_label", "accounts_approvalrequest.subject", "accounts_deputyship.*",
    "accounts_emailchange.*", "employees_employee.staff_no", "roster_rosterimport.effect",
    "employees_employee.time_zone", "employees_employeeidentity.*", "accounts_providersubject.*", "accounts_role.*",
    # Copies of attributes of the document, which is searched; the rest are states and accounts.
    "roster_directoryuser.user_name", "roster_directoryuser.staff_no", "roster_directoryuser.email",
    "roster_directoryuser.manager", "roster_directoryuser.external_id", "roster_directoryuser.sent",
    "roster_directoryuser.actor_label", "roster_directoryuser.state", "roster_directoryuser.problem",
    "roster_directoryuser.reason", "roster_directorygroup.display_name", "roster_directorygroup.external_id",
    "roster_rosterimport.request_digest", "roster_rosterimport.request_key", "roster_rosterimport.source",
    "roster_rosterimportbefore.place", "roster_rosterimport.actor_label", "roster_rosterimport.digest",
    "roster_rosterimport.layout", "roster_rosterimport.state", "roster_rosterimport.undone_by",
    "accounts_securityevent.*", "accounts_session.*", "employees_treenode.department", "core_auditentry.action",
    "core_auditentry.actor_label",
    "core_auditentry.origin", "core_auditentry.subject_kind", "core_auditentry.transaction",
    "core_filepreview.*",  # deleted with its file, which an erasure reads
    "core_event.*", "core_job.*", "notifications_notification.*", "notifications_preference.*",
    "notifications_room.*",
    "notifications_helpoffer.*", "notifications_reminder.sender_label", "notifications_reminder.sender_role",
    "notifications_remindertext.made_by_label", "notifications_remindertext.withdrawn_by_label",
    "notifications_webhookdelivery.*", "notifications_webhookendpoint.disabled_reason",
    "notifications_webhookendpoint.event_types", "notifications_webhookendpoint.previous_secrets",
    "notifications_webhookendpoint.scheme", "notifications_webhookendpoint.secret",
    "notifications_webhookendpoint.url",
    "forecasts_forecastaccuracy.*",  # sums
    "core_outbox.kind", "core_progress.*", "core_rowchange.operation", "core_rowchange.origin",
    "core_rowchange.table_name", "core_rowchange.transaction", "core_setting.*", "core_storedfile.content_type",
    "mfa_authenticator.type", "campaigns_adjustment.left_out", "campaigns_adjustmentrequest.asked_by_label",
    "campaigns_adjustmentrequest.decided_by_label", "campaigns_adjustmentrequest.decision",
    "campaigns_announcement.published_by_label", "campaigns_announcement.requested_by_label",
    "campaigns_announcement.withdrawn_by_label",
    "campaigns_adjustmentrequest.department", "campaigns_adjustmentrequest.kind", "campaigns_campaign.created_by_label",
    "campaigns_campaign.state", "campaigns_campaignrule.approved_by_label", "campaigns_campaignrule.changed_by_label",
    "campaigns_campaignrule.company_domains", "campaigns_campaignrule.scope", "campaigns_campaignrule.time_zone",
    "exports_export.asked_by_label", "exports_export.columns", "exports_export.error", "exports_export.form",
    "exports_export.kind", "exports_export.state", "exports_exportschedule.columns",
    "exports_exportschedule.end_reason", "exports_exportschedule.format", "exports_exportschedule.kind",
    "exports_exportschedule.problem", "exports_exportschedule.state", "results_frozenreason.reason",
    "results_frozenresult.*",
    "results_frozenstanding.manager_staff_no", "results_frozenstanding.pace", "results_frozenstanding.staff_no",
    "standings_markrange.*", "standings_markrun.*", "results_resultcorrection.asked_by_label",
    "results_resultcorrection.decided_by_label", "results_resultcorrection.state", "reviews_review.answer_kind",
    "reviews_review.answered_by_label", "reviews_review.state", "reviews_reviewcontact.*", "standings_summarystate.*",
    "standings_summarydelta.*", "standings_summarycell.*", "standings_standingchange.cause",
    "forecasts_campaignforecast.*", "forecasts_groupforecast.*",
    "socialaccount_socialaccount.*",
    "socialaccount_socialapp.*", "socialaccount_socialtoken.*",
}  # fmt: skip
# Columns that the erasure blanks.
BLANKED = {
    "contacts_contact.name", "contacts_contactidentity.value", "contacts_submission.file_name",
    "contacts_submission.key", "contacts_submission.payload", "contacts_submission.report", "reviews_review.text",
    "reviews_review.answer_text",
}  # fmt: skip


def test_every_text_in_the_database_is_erased_listed_or_holds_none(campaign: Campaign) -> None:
    """Add every new text column to one of these lists; otherwise erasures miss it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
            JOIN information_schema.tables t USING (table_schema, table_name)
            WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'test\\_%'
              AND c.udt_name IN ('text', 'varchar', 'json', 'jsonb', '_text', '_varchar')"""
        )
        columns = {name for (name,) in cursor.fetchall()}
    assert len(columns) > 100
    searched = {f"{table}.{column}" for table, column in privacy_erase_person.KEPT_TEXTS}
    searched |= {
        f"{model._meta.db_table}.{column}" for model, column, _owner in privacy_erase_person.BLANKED_NAMES
    } | BLANKED
    unknown = {name for name in columns - searched - NO_FREE_TEXT if f"{name.partition('.')[0]}.*" not in NO_FREE_TEXT}
    assert sorted(unknown) == []
    assert searched <= columns


@pytest.fixture
def talked_about(everywhere: Campaign, alice: Employee, hr: Employee) -> dict[str, Any]:
    """The person's name in the names of other objects."""
    record = people.record_one
    account = people.with_account(alice).account
    return {
        "colleague's": record(people.person("C001"), ("handle", "otto"), name=f"Otto (was {EMAIL})"),
        "own": record(alice, ("handle", "husband"), name=f"Husband of {NAME}"),
        "token": create_token(account=account, name=f"sync for {NAME}", scopes=["own"], by=TESTER)[0],
        "file": files.export(everywhere, hr),
    }


def test_other_names_are_cleared_and_what_stays_is_listed(
    everywhere: Campaign, talked_about: dict[str, Any], alice: Employee, hr: Employee
) -> None:
    RosterImport.objects.create(
        state="refused", file_name=f"{SPELLED}.csv", actor_label="x", done_at=core_clock.db_now()
    )
    # A name from before links were refused in it.
    named = people.november(name="Old")
    Campaign.objects.filter(pk=named.pk).update(name=f"Not for {EMAIL}")
    before = reasons(everywhere)
    found = preview_person_erasure(identities_of(ASKED), by=TESTER)
    assert (found.preview.names, found.names) == (2, 3), "one of them goes with its file"
    done = forget()
    assert (done.preview.names, done.names) == (2, 2)
    assert Contact.objects.filter(name="[…]").count() == 2
    assert reasons(everywhere) == before
    listed = {table for table, _id in done.kept_mentions}
    assert ("campaigns_campaign", named.pk) in done.kept_mentions
    assert {"campaigns_campaign", "core_auditentry"} <= listed, "a campaign's and a token's name stand in the trail"
    assert set(canary.shown_by_tables()) == listed


def test_a_first_name_alone_clears_nobody_elses(campaign: Campaign, alice: Employee) -> None:
    people.record_one(alice, ("email", EMAIL), name="Max")
    other = people.record_one(alice, ("handle", "otto"), name="Max Otto").outcomes[0].contact_id
    forget(("email", EMAIL))
    assert Contact.objects.get(pk=other).name == "Max Otto"


# -- two people ----------------------------------------------------------------------------------------------------


def approve(request: ApprovalRequest | None = None) -> None:
    """Approve an erasure, and finish it like a worker."""
    people.approve(request)
    sweep()


def requested(by: Actor | None = None, key: uuid.UUID | None = None) -> ApprovalRequest:
    return request_erasure(identities_of(ASKED), reason=WHY, key=key or uuid.uuid4(), by=by or people.officer("asks"))


def test_who_is_to_be_erased_stands_nowhere_readable_and_the_request_says_nothing_of_them(campaign: Campaign) -> None:
    request = requested()
    assert canary.shown_by_tables() == {}
    assert (request.effect, request.payload, request.reason) == ({}, {}, "")


def test_a_request_for_somebody_and_for_nobody_look_alike(everywhere: Campaign) -> None:
    """Otherwise HR could try addresses and learn which people are contacts."""
    asks = people.officer("asks")
    nobody = request_erasure(
        identities_of([("email", "nobody@outside.example.org")]), reason=WHY, key=uuid.uuid4(), by=asks
    )
    names = ("kind", "label", "payload", "effect", "reason", "decision")
    somebody = requested()
    shown = [{name: getattr(one, name) for name in names if name != "label"} for one in (nobody, somebody)]
    assert shown[0] == shown[1]
    entries = AuditEntry.objects.filter(action="approval.requested").values_list("detail", flat=True)
    assert all(detail["effect"] == {} for detail in entries if "effect" in detail)


def test_the_second_person_sees_people_before_and_the_requester_never(everywhere: Campaign) -> None:
    request = requested()
    assert effect_of_request(request, core_clock.db_now()) == {
        "employees": 2, "contacts": 5, "texts": request_texts(),
    }  # fmt: skip
    approve(request)
    assert canary.shown_by_tables() == {}
    for entry in AuditEntry.objects.filter(action__in=["approval.approved", "erasure.asked", "erasure.done"]):
        assert "effect" not in entry.detail
        assert "contacts" not in entry.detail
    erasure = Erasure.objects.get()
    assert (erasure.actor_label, erasure.approved_by_label, erasure.reason) == ("asks", "approves", WHY)


def request_texts() -> int:
    found = preview_person_erasure(identities_of(ASKED), by=TESTER)
    return found.preview.reports + found.preview.names + found.reviews + found.names


@pytest.mark.parametrize("way", ["refused", "withdrawn", "expired", "approved"])
def test_who_was_to_be_erased_is_forgotten_with_the_decision(campaign: Campaign, clock: Clock, way: str) -> None:
    request = requested()
    assert ErasureSubject.objects.exists()
    if way == "refused":
        refuse_request(request_id=request.pk, note="no letter", by=people.officer("approves"))
    elif way == "withdrawn":
        withdraw_request(request_id=request.pk, by=people.officer("asks"))
    elif way == "expired":
        clock.set(request.expires_at)
        day_change()
    else:
        approve(request)
    assert not ErasureSubject.objects.exists()


def test_an_approved_erasure_that_was_interrupted_is_ended_by_the_sweep(
    everywhere: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = requested()
    with monkeypatch.context() as patch:
        patch.setattr(below, "wait_for_writers", lambda patience: False)
        approve(request)
    assert SuppressedIdentity.objects.count() == 3, "from the approval on nobody records them"
    assert canary.shown_by_tables()
    sweep()
    assert canary.shown_by_tables() == {}
    assert not ErasureSubject.objects.exists()


def test_an_approved_erasure_waits_for_a_file_that_is_being_recorded(campaign: Campaign, alice: Employee) -> None:
    """Without the wait, the other people of the file are lost; without the objection, this person is recorded again."""
    request = requested()
    submission = files.received(alice, f"name,email\n{NAME},{EMAIL}\nOther,other@out.example\n")
    approve(request)
    assert SuppressedIdentity.objects.exists()
    assert StoredFile.objects.filter(pk=submission.file_id).exists()
    import_submission(submission.pk)
    sweep()
    assert list(Contact.objects.values_list("name", flat=True)) == ["Other"]
    assert canary.shown_by_tables() == {}
    assert not ErasureSubject.objects.exists()


@pytest.mark.parametrize("end", ["recorded", "refused"])
def test_a_file_received_after_the_objection_holds_off_no_erasure(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Otherwise an employee who always has a file with the person waiting holds off their erasure for ever."""
    rows = f"name,email\n{NAME},{EMAIL}\nOther,other@out.example\n"
    request = requested()
    before = files.received(alice, rows)
    approve(request)
    after = files.received(alice, rows.replace("other", "third"))
    sweep()
    assert ErasureSubject.objects.exists(), "the file from before is waited for"
    import_submission(before.pk)
    sweep()
    assert not ErasureSubject.objects.exists()
    assert StoredFile.objects.filter(pk=after.file_id).exists(), "its other people are not lost"
    if end == "refused":
        refuse_submission(after.pk, "gave_up")
    else:
        import_submission(after.pk)
    assert sorted(Contact.objects.values_list("name", flat=True)) == ["Other"] + ["Other"] * (end == "recorded")
    assert canary.shown_by_tables() == {}


def test_a_repeated_erasure_waits_for_no_file_since_the_first(campaign: Campaign, alice: Employee) -> None:
    """Otherwise the operator's erasure ends only when no employee has a file with the person waiting."""
    before = files.received(alice, f"name,email\n{NAME},{EMAIL}\n")
    for _again in range(2):
        with pytest.raises(Refused, match="being recorded"):
            forget()
    import_submission(before.pk)
    files.received(alice, f"name,email\n{NAME},{EMAIL}\nOther,other@out.example\n")
    assert forget().erasure
    with pytest.raises(Refused, match="being recorded"):
        forget(*ASKED, ("email", "other@out.example"))


def test_the_page_of_an_erasure_reads_no_stored_file(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a few stored uploads take the page minutes, and no erasure can be decided."""
    request = requested()
    files.received(alice, f"name,email\n{NAME},{EMAIL}\n")
    monkeypatch.setattr("apps.privacy.erase_submissions.open_file", pytest.fail)
    assert "files" not in effect_of_request(request, core_clock.db_now())
    assert remaining_mentions(request) == []


def test_an_approval_leaves_the_files_to_a_worker(everywhere: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a few stored uploads end the request of the second person by its timeout."""
    request = requested()
    with monkeypatch.context() as patch:
        patch.setattr("apps.privacy.erase_submissions.open_file", pytest.fail)
        people.approve(request)
    assert SuppressedIdentity.objects.exists()
    sweep()
    assert canary.shown_by_tables() == {}


def test_one_erasure_that_fails_stops_no_other(
    everywhere: Campaign, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise no person of the company is erased any more, and the log must not say who."""
    asks = people.officer("asks")
    for told in (("email", "first@outside.example.org"), ("email", EMAIL)):
        people.approve(request_erasure(identities_of([told]), reason=WHY, key=uuid.uuid4(), by=asks))
    first = ErasureSubject.objects.order_by("erasure__erased_at").values_list("request_id", flat=True)[0]
    finish = erasure_approvals.finish_erasure

    def fail(erasure: Erasure, *told: Any, **more: Any) -> privacy_erase_person.PersonErasure:
        if ErasureSubject.objects.get(erasure=erasure).request_id == first:
            raise ValueError(f"{NAME}, {EMAIL}")
        return finish(erasure, *told, **more)

    monkeypatch.setattr(erasure_approvals, "finish_erasure", fail)
    sweep()
    assert list(ErasureSubject.objects.values_list("request_id", flat=True)) == [first]
    assert f"request {first} failed (ValueError)" in caplog.text
    assert canary.signs_in(caplog.text) == []
    monkeypatch.setattr(erasure_approvals, "finish_erasure", finish)
    sweep()
    assert not ErasureSubject.objects.exists(), "it is tried again"


def test_a_database_that_is_away_is_no_failure_of_an_erasure(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*told: Any, **more: Any) -> None:
        raise OperationalError("the server closed the connection")

    people.approve(requested())
    monkeypatch.setattr(erasure_approvals, "finish_erasure", away)
    with pytest.raises(OperationalError):
        erasure_approvals.finish_approved_erasures()


@pytest.mark.parametrize("effect", [{}, {"employees": 1, "contacts": 1}, {"employees": 2, "contacts": 5}])
def test_the_requester_cannot_guess_the_effect_by_approving(everywhere: Campaign, effect: dict[str, int]) -> None:
    """Otherwise the refusal tells one HR user whether a person is a contact, and of how many employees."""
    with pytest.raises(Refused) as refused:
        approve_request(request_id=requested().pk, expected_digest=effect_digest(effect), by=people.officer("asks"))
    assert refused.value.code == "own"


def test_a_form_that_is_sent_twice_is_one_request(campaign: Campaign) -> None:
    key = uuid.uuid4()
    assert requested(key=key) == requested(key=key)


def test_a_reason_that_names_them_is_refused_by_what_was_typed_alone(everywhere: Campaign) -> None:
    """A refusal because of a name would reveal that an employee has recorded the person under it."""
    asks, ids = people.officer("asks"), identities_of(ASKED)
    with pytest.raises(Refused):
        request_erasure(ids, reason=f"asked by {EMAIL}", key=uuid.uuid4(), by=asks)
    request = request_erasure(ids, reason=f"asked by {NAME}", key=uuid.uuid4(), by=asks)
    with pytest.raises(Refused) as refused:
        people.approve(request)
    assert refused.value.code == "reason"
    refuse_request(request_id=request.pk, note="the reason names them", by=people.officer("approves"))
    assert not [table for table in canary.shown_by_tables() if "approval" in table or "erasure" in table]


def test_the_page_of_the_request_shows_the_second_person_who_and_how_much(everywhere: Campaign, hr: Employee) -> None:
    request = requested()
    page = people.sign_in(Client(), hr).get(f"/company/approvals/{request.pk}/").content.decode()
    assert "2 employees have this person as a contact" in page
    assert EMAIL in page
    assert WHY in page
    own = requested(by=people.with_account(hr).account.actor)
    page = people.sign_in(Client(), hr).get(f"/company/approvals/{own.pk}/").content.decode()
    assert canary.signs_in(page) == []
    assert "5 contacts" not in page
    approve(own)
    page = people.sign_in(Client(), hr).get(f"/company/approvals/{own.pk}/").content.decode()
    assert "contacts are erased" not in page


def test_one_employees_contact_is_erased_by_the_operator_alone(
    campaign: Campaign, alice: Employee, hr: Employee, tmp_path: Path
) -> None:
    people.record_one(alice, ("email", EMAIL), name=NAME)
    file = tmp_path / "who.txt"
    file.write_text(EMAIL)
    assert uuid.UUID(commands.run("erase_contact", "--file", file, "--reason", WHY, "--yes")["erasure"])
