"""End, restore, rename and correct contacts: nothing is lost, nothing counts twice, everything is audited."""

from datetime import timedelta

import pytest

from apps.campaigns.models import Campaign
from apps.campaigns.selectors import restore_while_open
from apps.contacts.models import Contact
from apps.contacts.services import changes
from apps.contacts.services.changes import (
    correct_contact,
    end_contact,
    record_contact_again,
    rename_contact,
    restore_contact,
)
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee
from tests.fixtures import Clock
from tests.people import NOON, TESTER, mark, november, outsider, record_one, standing

THEM = ("email", "wanda@outside.example.org")


@pytest.fixture
def contact(alice: Employee) -> Contact:
    """Wanda, a contact of Alice."""
    recorded = record_one(alice, THEM, name="Wanda").outcomes[0].contact_id
    return Contact.objects.get(pk=recorded)


def refusal(change: object, **arguments: object) -> str:
    with pytest.raises(Refused) as refused:
        change(**arguments, by=TESTER)
    assert refused.value.message
    return refused.value.code


def test_an_ended_contact_stays_as_a_fact_with_its_end(alice: Employee, contact: Contact) -> None:
    before = db_now()
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    contact.refresh_from_db()
    assert before < contact.ended_at < db_now()
    assert (contact.end_reason, contact.live, contact.identities.get().live) == ("removed", False, False)
    assert refusal(end_contact, contact_id=contact.pk, employee=alice) == "already_ended"


def test_a_restored_contact_is_as_if_it_had_never_ended(alice: Employee, contact: Contact) -> None:
    assert refusal(restore_contact, contact_id=contact.pk, employee=alice) == "not_ended"
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    restore_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    restored = Contact.objects.get(pk=contact.pk)
    assert (restored.ended_at, restored.end_reason, restored.recorded_at) == (None, None, contact.recorded_at)
    assert restored.identities.get().live


@pytest.mark.parametrize("reason", ["withdrawn", "rejected"])
def test_an_end_by_another_is_not_taken_back_but_the_person_can_be_recorded_again(
    campaign: Campaign, alice: Employee, contact: Contact, reason: str
) -> None:
    """Otherwise a contact that the person or a reviewer ended counts again, with the old start and confirmation."""
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER, reason=reason)
    assert refusal(restore_while_open, contact_id=contact.pk, employee=alice) == reason
    assert Contact.objects.get(pk=contact.pk).ended_at
    again = Contact.objects.get(pk=record_one(alice, THEM).outcomes[0].contact_id)
    assert (again.pk != contact.pk, again.confirmed_at) == (True, None)


def test_an_undone_contact_can_be_restored_by_the_one_who_undid_it(alice: Employee, contact: Contact) -> None:
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER, reason="undone")
    restore_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    assert Contact.objects.get(pk=contact.pk).live


def test_an_identity_is_free_again_after_an_end_and_then_bars_the_restore(alice: Employee, contact: Contact) -> None:
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    assert record_one(alice, THEM).created == 1
    assert refusal(restore_contact, contact_id=contact.pk, employee=alice) == "identity_taken"
    assert Contact.objects.filter(employee=alice, ended_at=None).count() == 1


def test_of_two_ends_the_newer_one_can_be_taken_back_so_that_no_look_back_counts_both(
    alice: Employee, contact: Contact
) -> None:
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    second = record_one(alice, THEM).outcomes[0].contact_id
    end_contact(contact_id=second, employee=alice, by=TESTER)
    assert refusal(restore_contact, contact_id=contact.pk, employee=alice) == "identity_taken"
    restore_contact(contact_id=second, employee=alice, by=TESTER)
    assert Contact.objects.get(ended_at=None).pk == second


def test_a_name_is_edited_in_place_and_decides_nothing(alice: Employee, contact: Contact) -> None:
    OutboxRow.objects.all().delete()
    rename_contact(contact_id=contact.pk, employee=alice, name="  Wanda\0 Ｗei ", by=TESTER)
    renamed = Contact.objects.get(pk=contact.pk)
    assert (renamed.name, renamed.recorded_at) == ("Wanda Wei", contact.recorded_at)
    assert not OutboxRow.objects.exists()


def test_a_name_is_changed_only_so_often_in_a_day(
    alice: Employee, contact: Contact, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change leaves an audit entry for ever: one account could fill the disk."""
    monkeypatch.setattr(changes, "MAX_RENAMES_A_DAY", 2)
    for name in ("One", "One", "Two"):
        rename_contact(contact_id=contact.pk, employee=alice, name=name, by=TESTER)
    assert AuditEntry.objects.filter(action="contact.renamed").count() == 2, "the same name again is no change"
    assert refusal(rename_contact, contact_id=contact.pk, employee=alice, name="Three") == "too_many"
    rename_contact(contact_id=contact.pk, employee=alice, name="Two", by=TESTER)
    clock.set(db_now() + timedelta(days=1, minutes=1))
    rename_contact(contact_id=contact.pk, employee=alice, name="Three", by=TESTER)


def test_an_erased_contact_has_no_name_to_edit(alice: Employee, contact: Contact) -> None:
    Contact.objects.update(name=None)
    assert refusal(rename_contact, contact_id=contact.pk, employee=alice, name="Wanda") == "erased"


def test_a_corrected_identity_is_a_new_contact_in_the_place_of_the_old_one(
    campaign: Campaign, alice: Employee, contact: Contact
) -> None:
    new_id = correct_contact(
        contact_id=contact.pk, employee=alice, identities=[("email", "Wanda.Wei@outside.example.org"), THEM], by=TESTER
    )
    old, new = Contact.objects.get(pk=contact.pk), Contact.objects.get(pk=new_id)
    assert (old.end_reason, new.replaces, new.name, new.source) == ("corrected", old, "Wanda", old.source)
    assert old.ended_at == new.recorded_at, "no instant without her, and none with her twice"
    mark()
    assert standing(campaign, alice).counted == 1
    assert refusal(restore_contact, contact_id=contact.pk, employee=alice) == "corrected"
    assert refusal(correct_contact, contact_id=contact.pk, employee=alice, identities=[THEM]) == "already_ended"


def test_the_same_identities_in_another_spelling_correct_nothing(alice: Employee, contact: Contact) -> None:
    same = [("email", " WANDA@outside.example.org"), THEM]
    assert correct_contact(contact_id=contact.pk, employee=alice, identities=same, by=TESTER) == contact.pk
    assert Contact.objects.count() == 1


def test_a_correction_to_somebody_recorded_already_is_refused_whole(alice: Employee, contact: Contact) -> None:
    other = outsider()
    record_one(alice, other)
    assert refusal(correct_contact, contact_id=contact.pk, employee=alice, identities=[other]) == "duplicate"
    assert Contact.objects.get(pk=contact.pk).ended_at is None


@pytest.mark.parametrize(
    "identities", [[], [("phone", "12")], [("email", "\0")], [("fax", "1")], [("email", "\ud800@x.example")]]
)
def test_a_correction_to_nobody_is_refused(
    alice: Employee, contact: Contact, identities: list[tuple[str, str]]
) -> None:
    assert refusal(correct_contact, contact_id=contact.pk, employee=alice, identities=identities) == "invalid_identity"
    assert Contact.objects.get().ended_at is None


@pytest.mark.parametrize(("recorded_at", "code"), [("2026-10-20T12:00:00+08:00", None), (NOON, "claimed")])
def test_a_restore_says_only_of_contacts_that_count_that_a_colleague_has_the_person(
    alice: Employee, alan: Employee, clock: Clock, recorded_at: str, code: str | None
) -> None:
    """Ending and restoring would otherwise test, without a trace, whom colleagues have known for years."""
    november(exclusive=True)
    clock.set(recorded_at, ticks=True)
    record_one(alan, THEM)
    clock.set(NOON, ticks=True)
    own = record_one(alice, THEM).outcomes[0].contact_id
    end_contact(contact_id=own, employee=alice, by=TESTER)
    if code:
        assert refusal(restore_while_open, contact_id=own, employee=alice) == code
    else:
        restore_while_open(contact_id=own, employee=alice, by=TESTER)
    assert (Contact.objects.get(pk=own).ended_at is None) == (code is None)
    assert AuditEntry.objects.filter(action="contact.restore_refused").count() == (1 if code else 0)


def test_a_refused_restore_shows_no_change_for_a_day(alice: Employee, alan: Employee, clock: Clock) -> None:
    """Repeated, it would report the minute in which a colleague loses the person."""
    november(exclusive=True)
    his = record_one(alan, THEM).outcomes[0].contact_id
    own = record_one(alice, THEM).outcomes[0].contact_id
    end_contact(contact_id=own, employee=alice, by=TESTER)
    assert refusal(restore_while_open, contact_id=own, employee=alice) == "claimed"
    end_contact(contact_id=his, employee=alan, by=TESTER)
    assert refusal(restore_while_open, contact_id=own, employee=alice) == "claimed"
    assert AuditEntry.objects.filter(action="contact.restore_refused").count() == 1
    clock.set("2026-11-24T12:01:00+08:00", ticks=True)
    restore_while_open(contact_id=own, employee=alice, by=TESTER)
    assert Contact.objects.get(pk=own).ended_at is None


def test_nobody_elses_contact_is_there_at_all(alice: Employee, alan: Employee, contact: Contact) -> None:
    for change, more in (
        (end_contact, {}),
        (restore_contact, {}),
        (restore_while_open, {}),
        (rename_contact, {"name": "x"}),
        (correct_contact, {"identities": [outsider()]}),
    ):
        for number in (contact.pk, contact.pk + 1):
            with pytest.raises(Contact.DoesNotExist):
                change(contact_id=number, employee=alan, by=TESTER, **more)
    assert Contact.objects.get() == contact


def test_every_change_is_on_record_without_saying_who_the_contact_is(alice: Employee, contact: Contact) -> None:
    new = correct_contact(contact_id=contact.pk, employee=alice, identities=[outsider()], by=TESTER)
    rename_contact(contact_id=new, employee=alice, name="Wei", by=TESTER)
    end_contact(contact_id=new, employee=alice, by=TESTER)
    restore_contact(contact_id=new, employee=alice, by=TESTER)
    trail = AuditEntry.objects.filter(subject_kind="contact").order_by("id")
    assert [entry.action.removeprefix("contact.") for entry in trail] == ["corrected", "renamed", "ended", "restored"]
    text = " ".join(str(vars(entry)) for entry in trail)
    assert "outside.example.org" not in text
    assert "Wei" not in text


def test_every_change_that_may_move_a_verdict_is_noted(alice: Employee, contact: Contact) -> None:
    def noted() -> bool:
        return bool(OutboxRow.objects.filter(employee_id=alice.pk).delete()[0])

    noted()
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    assert noted()
    restore_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    assert noted()
    correct_contact(contact_id=contact.pk, employee=alice, identities=[outsider()], by=TESTER)
    assert noted()


def test_recorded_again_the_same_person_counts_from_now_and_stays_confirmed(alice: Employee, contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(confirmed_at=contact.recorded_at)
    before = db_now()
    new = Contact.objects.get(pk=record_contact_again(contact_id=contact.pk, employee=alice, by=TESTER))
    contact.refresh_from_db()
    assert (contact.end_reason, contact.ended_at) == ("corrected", new.recorded_at)
    assert new.recorded_at > before
    assert (new.name, new.replaces_id, new.confirmed_at) == ("Wanda", contact.pk, contact.recorded_at)
    assert [(one.kind, one.value, one.live) for one in new.identities.all()] == [(*THEM, True)]
    assert bytes(new.identities.get().digest) == bytes(contact.identities.get().digest)
    assert refusal(record_contact_again, contact_id=contact.pk, employee=alice) == "already_ended"
    assert AuditEntry.objects.filter(action="contact.corrected", subject_id=str(contact.pk)).count() == 1


def test_an_erased_contact_and_one_of_a_colleague_are_not_recorded_again(
    alice: Employee, alan: Employee, contact: Contact
) -> None:
    with pytest.raises(Contact.DoesNotExist):
        record_contact_again(contact_id=contact.pk, employee=alan, by=TESTER)
    Contact.objects.filter(pk=contact.pk).update(name=None)
    assert refusal(record_contact_again, contact_id=contact.pk, employee=alice) == "erased"


def test_a_contact_that_only_gains_an_identity_stays_confirmed(alice: Employee, contact: Contact) -> None:
    """Otherwise an added phone takes the contact out of the count; a replaced identity is another person."""
    Contact.objects.filter(pk=contact.pk).update(confirmed_at=contact.recorded_at)
    phone = ("phone", "13812345678")
    gained = correct_contact(contact_id=contact.pk, employee=alice, identities=[THEM, phone], by=TESTER)
    assert Contact.objects.get(pk=gained).confirmed_at == contact.recorded_at
    replaced = correct_contact(contact_id=gained, employee=alice, identities=[phone], by=TESTER)
    assert Contact.objects.get(pk=replaced).confirmed_at is None
