"""Decision 7, P1: who asks to be forgotten is found nowhere any more, and nobody's number has moved by it."""

import io
import json
import os
import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.test import Client

from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact, ContactIdentity, Erasure, Objection, Submission
from apps.contacts.rules import Draft
from apps.contacts.services import (
    ContactRefused,
    ErasureRefused,
    correct_contact,
    end_contact,
    handed_in,
    identities_of,
    rename_contact,
    restore_contact,
    submit,
    whom,
)
from apps.contacts.services import erasing as below
from apps.employees.models import Employee
from apps.ledger.files import read_file
from apps.ledger.models import AuditEntry, StoredFile
from apps.quotas import querysets
from apps.quotas.models import Campaign, Review, Standing
from apps.quotas.services import compare_everybody, erase_person, erasing, look_for_person
from tests import canary, commands, files, people, reviewing
from tests.canary import EMAIL, HANDLE, NAME, PHONE, SPELLED
from tests.people import TESTER

pytestmark = pytest.mark.django_db
ASKED = (("phone", SPELLED), ("email", EMAIL.upper()), ("handle", f"@{HANDLE}"))
WHY = "by letter of 20 November, passport seen"


def forget(*told: tuple[str, str], reason: str = WHY) -> erasing.Erased:
    return erase_person(identities_of(told or ASKED), reason=reason, by=TESTER)


def reasons(campaign: Campaign) -> list[tuple[int, str]]:
    """Every contact with why it does not count."""
    at = campaign.rule.cutoff_at
    judged: QuerySet[Any] = querysets.with_reason(
        Contact.objects.order_by("pk"), campaign.rule, at, querysets.everyone()
    )
    return list(judged.values_list("pk", "reason"))


@pytest.fixture
def everywhere(campaign: Campaign, alice: Employee, alan: Employee, hr: Employee) -> Campaign:
    """The canary in every place that takes a contact or a word about one."""
    client = people.sign_in(Client(), alice)
    key = {"HTTP_IDEMPOTENCY_KEY": SPELLED, "content_type": "application/json"}
    assert client.post("/api/v1/contacts/", json.dumps({"name": NAME, "phone": PHONE}), **key).status_code == 201
    people.record_one(alice, ("email", EMAIL), name=NAME)
    # One that was wrong first: what it was corrected from, and an end.
    wrong = people.record_one(alan, ("handle", "zanzibar_wrong"), name=NAME).outcomes[0].contact_id
    correct_contact(contact_id=wrong or 0, employee=alan, identities=[("handle", HANDLE), ("phone", PHONE)], by=TESTER)
    gone = people.record_one(alan, ("email", EMAIL), name=NAME).outcomes[0].contact_id
    end_contact(contact_id=gone or 0, employee=alan, by=TESTER)
    # Handed in: recorded, rejected by line, by name and by whom it is for, still under a look, refused as a whole.
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
        "contacts_contact", "contacts_contactidentity", "contacts_submission", "ledger_filepreview",
        "ledger_storedchunk", "ledger_storedfile", "quotas_review",
    }  # fmt: skip
    assert set(before) == places, "else there was nothing to find"
    done = forget()
    assert canary.shown_by_tables() == {}
    assert done.elsewhere == []
    assert (done.found.contacts, done.texts) == (5, 1)
    assert done.found.files == 6


LEFT_OUT: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "contacts": (below, "blank_contacts", lambda *given: None),
    "reports": (below, "blank_reports", lambda *given: 0),
    "files": (below, "clear_files", lambda *given: 0),
    "rejected lines": (handed_in, "_blank_lines", lambda *given: None),
    "reviews": (erasing, "_blank_reviews", lambda *given: 0),
    "corrected ones": (whom, "FOUND", whom.FOUND.replace("me.id = found.id", "false")),
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
    assert compare_everybody(everywhere).differences == []


SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)


@pytest.mark.parametrize("number", range(8))
def test_whoever_is_erased_in_whatever_campaign_every_reason_stays(
    company: dict[str, Employee], alice: Employee, alan: Employee, number: int
) -> None:
    """Two campaigns that differ in what is the company's, shared people, colleagues, ends; a few are erased."""
    print(f"FAULT_SEED={SEED} number {number}")
    dice = random.Random(SEED + number)
    campaigns = [
        people.november(company_domains=["corp.example.com", "half.example"], exclusive=dice.random() < 0.5),
        people.november(name="Other", company_domains=["corp.example.com"], exclusive=dice.random() < 0.5),
    ]
    hosts = ("outside.example.org", "half.example", "corp.example.com", "own-domain.example")
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
    assert [compare_everybody(one).differences for one in campaigns] == [[], []]


def test_a_domain_of_the_companys_stays_and_every_other_one_goes(campaign: Campaign, alice: Employee) -> None:
    """Else a contact that is a colleague's second address would begin to count."""
    other = people.november(name="Other", company_domains=["half.example"])
    for host in ("half.example", "own-domain.example"):
        people.record_one(alice, ("email", f"x@{host}"))
        forget(("email", f"x@{host}"))
    told = list(ContactIdentity.objects.order_by("pk").values_list("domain", "contact__was_external"))
    assert told == [("half.example", None), (None, True)]
    assert [reason for _contact, reason in reasons(other)] == ["not_external", ""]


# -- afterwards ----------------------------------------------------------------------------------------------------


@pytest.fixture
def erased(campaign: Campaign, alice: Employee) -> Contact:
    """A contact of Alice's that was erased."""
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
        with pytest.raises(ContactRefused) as refused:
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
    with pytest.raises(ContactRefused) as corrected:
        correct_contact(contact_id=fine or 0, employee=alan, identities=[("email", EMAIL)], by=TESTER)
    assert corrected.value.code == "objected"


def test_neither_does_a_file_or_a_feed_and_the_rejected_line_is_not_kept(erased: Contact, alan: Employee) -> None:
    done = files.handed_in(alan, f"name,email\n{NAME},{EMAIL}\nMax,max@outside.example.org\n")
    assert (done.report["created"], done.report["rejected"]) == (1, 1)
    assert done.report["rejects"][0]["code"] == "objected"
    feed = f"staff_no,name,email,recorded_at\nA002,{NAME},{EMAIL},2026-11-03T00:00:00Z\n"
    told = import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True).as_json()
    assert (told["created"], told["rejected"]) == (0, 1)
    assert canary.shown_by_tables() == {}


def test_a_feed_still_confirms_and_ends_who_is_there(erased: Contact, campaign: Campaign) -> None:
    """What was counted stays a fact, and the messaging product may still say that it ended."""
    at = erased.recorded_at.isoformat()
    feed = f"staff_no,name,email,recorded_at,confirmed_at\nA001,{NAME},{EMAIL},{at},{at}\n"
    told = import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True).as_json()
    assert told["updated"] == 1
    assert Contact.objects.get().confirmed_at == erased.recorded_at
    assert canary.shown_by_tables() == {}


def test_a_file_that_is_recorded_is_not_kept(campaign: Campaign, alice: Employee) -> None:
    done = files.handed_in(alice, f"name,email\n{NAME},{EMAIL}\n")
    assert done.file is None
    assert not StoredFile.objects.exists()


# -- how it is asked -----------------------------------------------------------------------------------------------


def test_looking_changes_nothing_and_says_how_much_but_not_whose(everywhere: Campaign) -> None:
    before = canary.shown_by_tables()
    found = look_for_person(identities_of(ASKED), by=TESTER)
    assert (found.found.contacts, found.found.files, found.texts) == (5, 6, 1)
    assert canary.shown_by_tables() == before
    assert not Objection.objects.exists()


def test_a_file_that_is_being_recorded_is_waited_for(campaign: Campaign, alice: Employee) -> None:
    submission = files.received(alice, f"name,email\n{NAME},{EMAIL}\n")
    with pytest.raises(ErasureRefused) as refused:
        forget()
    assert refused.value.code == "busy"
    assert not Objection.objects.exists()
    import_submission(submission.pk)
    forget()
    assert canary.shown_by_tables() == {}


@pytest.mark.parametrize("reason", ["", "   ", f"asked by {EMAIL}", f"she called from {SPELLED}"])
def test_a_reason_is_needed_and_must_not_say_who(everywhere: Campaign, reason: str) -> None:
    with pytest.raises(ErasureRefused) as refused:
        forget(reason=reason)
    assert refused.value.code == "reason"
    assert not Erasure.objects.exists()


def test_a_decision_that_speaks_of_them_stays_and_is_told(campaign: Campaign, alice: Employee) -> None:
    asked = people.ask(campaign=campaign, employee=alice, target=80, reason=f"{EMAIL} was refused")
    done = forget(("email", EMAIL))
    assert ("quotas_adjustmentrequest", asked.pk) in done.elsewhere


def test_the_trail_says_that_and_how_much_but_never_who(everywhere: Campaign) -> None:
    done = forget()
    entry = AuditEntry.objects.get(action="erasure.done")
    assert entry.subject_id == str(done.erasure and done.erasure.pk)
    assert entry.detail == {"contacts": 5, "files": 6, "reports": done.found.reports}
    assert done.erasure
    assert done.erasure.reason == WHY


def test_erased_twice_it_is_erased_once(everywhere: Campaign) -> None:
    forget()
    again = forget()
    assert (again.found.files, again.found.reports, again.texts) == (0, 0, 0)
    assert Objection.objects.count() == 3


@pytest.mark.parametrize("table", ["contacts_objection", "contacts_erasure"])
def test_no_objection_is_taken_back(everywhere: Campaign, table: str) -> None:
    forget()
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_of_a_review_nothing_else_can_be_changed(everywhere: Campaign) -> None:
    review = Review.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(text="something else")
    with pytest.raises(DatabaseError), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(text=erasing.ERASED_TEXT, counted=99)
    Review.objects.filter(pk=review.pk).update(text=erasing.ERASED_TEXT)


def test_hr_erases_on_a_page_and_no_address_has_the_person_in_it(everywhere: Campaign, hr: Employee) -> None:
    client = people.sign_in(Client(), hr)
    typed = {"phone": SPELLED, "email": EMAIL, "handle": HANDLE}
    looked = client.post("/company/erasures/look/", typed)
    assert looked.status_code == 200
    assert "<b>5</b>" in looked.content.decode()
    unsure = client.post("/company/erasures/erase/", {**typed, "reason": WHY})
    assert unsure.status_code == 422
    assert not Erasure.objects.exists()
    done = client.post("/company/erasures/erase/", {**typed, "reason": WHY, "sure": "on"})
    assert (done.status_code, done.headers["Location"]) == (302, "/company/erasures/")
    page = client.get("/company/erasures/").content.decode()
    assert "Erased: 5 contacts." in page
    assert WHY in page
    assert canary.signs_in(page) == []
    assert canary.shown_by_tables() == {}


def test_a_wrong_phone_is_refused_at_its_field(campaign: Campaign, hr: Employee) -> None:
    answer = people.sign_in(Client(), hr).post("/company/erasures/look/", {"phone": "12"})
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
