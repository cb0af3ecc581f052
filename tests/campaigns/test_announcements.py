"""The company's top speaks to everybody: only what two HR users agreed on, unchanged, and to nobody else."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.accounts.models import Role
from apps.accounts.services import account_for
from apps.campaigns import announcements
from apps.campaigns.announcements import (
    MAX_PUBLISHED_A_DAY,
    MAX_REQUESTED_A_DAY,
    MAX_TEXT_CHARS,
    delete_old_reads,
    mark_read,
    publish_announcement,
    withdraw_announcement,
)
from apps.campaigns.models import Announcement, AnnouncementRead, Campaign
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.core.text import clean_prose
from apps.employees.models import Employee
from tests import announcing, people
from tests.fixtures import Clock
from tests.reviewing import refusal

pytestmark = pytest.mark.django_db
TOMORROW = datetime.fromisoformat("2026-11-24T08:00:00+08:00")


def seen_by(employee: Employee, clock: Clock) -> list[int]:
    """The versions that an employee may see now, the current one first."""
    visible = Announcement.objects.visible_to(account_for(employee), clock.now())
    return list(visible.values_list("version", flat=True))


def run(statement: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


# -- Two persons ---------------------------------------------------------------------------------------------------


def test_one_hr_user_alone_publishes_nothing(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """A text in the name of the chief executive reaches fifty thousand people."""
    request = announcing.requested(campaign)
    assert refusal(publish_announcement, announcement_id=request.pk, by=people.officer("asks")) == "conflict"
    assert seen_by(alice, clock) == []
    announcement = publish_announcement(announcement_id=request.pk, by=people.officer("grants"))
    assert seen_by(alice, clock) == [announcement.version]


def test_only_hr_takes_part(campaign: Campaign, alice: Employee, auditor: Employee, clock: Clock) -> None:
    request = announcing.requested(campaign)
    for other in (alice, auditor):
        by = account_for(other).actor
        assert refusal(announcing.requested, campaign, by=by) == "not_hr"
        assert refusal(publish_announcement, announcement_id=request.pk, by=by) == "not_hr"
        assert refusal(withdraw_announcement, announcement_id=request.pk, reason="x", by=by) == "not_hr"
    gone = people.officer("gone")
    Role.objects.filter(account_id=gone.id or 0).delete()
    assert refusal(publish_announcement, announcement_id=request.pk, by=gone) == "not_hr"


def test_the_steps_stand_in_the_trail(campaign: Campaign) -> None:
    announcement = announcing.published(campaign)
    withdraw_announcement(announcement_id=announcement.pk, reason="A wrong date.", by=people.officer("asks"))
    entries = AuditEntry.objects.filter(subject_kind="announcement").order_by("pk")
    assert [(entry.action, entry.actor_label, entry.subject_label) for entry in entries] == [
        ("announcement.requested", "asks", "Why this matters"),
        ("announcement.published", "grants", "Why this matters"),
        ("announcement.withdrawn", "asks", "Why this matters"),
    ]
    assert entries[2].detail == {"campaign": "november", "announcement_version": 1, "reason": "A wrong date."}


# -- A version never changes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "text_en = 'Another text'",
        "speaker = 'Somebody else'",
        "version = 7",
        "published_at = NULL, published_by_id = NULL, published_by_label = ''",
        "published_by_id = requested_by_id",
        "published_by_label = 'Somebody else'",
        "shown_from = shown_from + interval '1 day'",
        "withdrawn_at = hundred_clock() + interval '1 day', withdrawn_by_id = requested_by_id, withdrawal_reason = 'x'",
        "withdrawn_at = hundred_clock(), withdrawn_by_id = 0, withdrawal_reason = 'x'",
        "withdrawn_at = hundred_clock(), withdrawn_by_id = requested_by_id, withdrawal_reason = ''",
    ],
)
def test_with_the_database_password_a_published_text_is_not_changed(campaign: Campaign, change: str) -> None:
    announcing.published(campaign)
    with pytest.raises(DatabaseError):
        run(f"UPDATE campaigns_announcement SET {change}")


PUBLICATION = "published_at = hundred_clock(), published_by_id = {other}, shown_from = hundred_clock()"


@pytest.mark.parametrize(
    "change",
    [
        PUBLICATION.replace("{other}", "requested_by_id"),
        PUBLICATION.replace("{other}", "0"),
        PUBLICATION.replace("published_at = hundred_clock()", "published_at = requested_at - interval '1 day'"),
        PUBLICATION + " + interval '1 day'",
        "shown_from = hundred_clock()",
    ],
)
def test_with_the_database_password_one_person_does_not_publish(campaign: Campaign, clock: Clock, change: str) -> None:
    announcing.requested(campaign)
    # It stands, so that each reading gives the same instant.
    clock.set("2026-11-23T13:00:00+08:00")
    other = people.officer("grants").id
    with pytest.raises(DatabaseError):
        run(f"UPDATE campaigns_announcement SET {change.format(other=other)}")
    run(f"UPDATE campaigns_announcement SET {PUBLICATION.format(other=other)}")


def test_a_published_row_is_neither_added_nor_deleted(campaign: Campaign) -> None:
    announcing.published(campaign)
    columns = (
        "campaign_id, title_en, title_zh, text_en, text_zh, speaker, speaker_title_en, speaker_title_zh, shown_from,"
        " requested_at, requested_by_id, requested_by_label, published_at, published_by_id, published_by_label"
    )
    with pytest.raises(DatabaseError, match="stored first"):
        run(f"INSERT INTO campaigns_announcement (key, version, {columns})"
            f" SELECT gen_random_uuid(), 2, {columns} FROM campaigns_announcement")  # fmt: skip
    with pytest.raises(DatabaseError, match="permission denied"):
        run("DELETE FROM campaigns_announcement")


# -- What employees see --------------------------------------------------------------------------------------------


def test_a_new_version_replaces_the_one_before_and_a_withdrawn_one_brings_it_back(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    announcing.published(campaign)
    second = announcing.published(campaign, text_en="Corrected.")
    assert seen_by(alice, clock) == [2, 1]
    withdraw_announcement(announcement_id=second.pk, reason="A mistake.", by=people.officer("asks"))
    assert seen_by(alice, clock) == [1]
    with pytest.raises(Refused):
        withdraw_announcement(announcement_id=second.pk, reason="Again.", by=people.officer("asks"))


def test_a_scheduled_version_is_seen_from_its_minute_on(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    announcing.published(campaign, shown_from=TOMORROW)
    assert seen_by(alice, clock) == []
    clock.set(TOMORROW - timedelta(seconds=1))
    assert seen_by(alice, clock) == []
    clock.set(TOMORROW)
    assert seen_by(alice, clock) == [1]


def test_a_scheduled_version_that_was_withdrawn_is_never_seen(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    announcement = announcing.published(campaign, shown_from=TOMORROW)
    withdraw_announcement(announcement_id=announcement.pk, reason="Too early.", by=people.officer("asks"))
    clock.set(TOMORROW, ticks=True)
    assert seen_by(alice, clock) == []


def test_an_instant_that_passed_while_it_waited_is_that_of_the_publication(campaign: Campaign, clock: Clock) -> None:
    request = announcing.requested(campaign, shown_from=TOMORROW)
    clock.set(TOMORROW + timedelta(hours=2), ticks=True)
    announcement = publish_announcement(announcement_id=request.pk, by=people.officer("grants"))
    assert announcement.shown_from == announcement.published_at


def test_people_outside_the_departments_and_accounts_without_an_employee_see_nothing(
    company: dict[str, Employee], alice: Employee, carol: Employee, clock: Clock
) -> None:
    campaign = people.november(scope=["Sales"])
    announcing.published(campaign)
    assert (seen_by(alice, clock), seen_by(carol, clock)) == ([1], [])
    people.officer("hr without an employee")
    account = account_for(alice)
    account.employee = None
    assert not Announcement.objects.visible_to(account, clock.now()).exists()


def test_a_cancelled_campaign_shows_nothing(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    announcing.published(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    assert seen_by(alice, clock) == []


def test_the_text_is_in_the_readers_language(campaign: Campaign) -> None:
    announcement = announcing.published(campaign)
    assert announcement.in_language("zh-hans").title == "为什么重要"
    assert announcement.in_language("en").speaker_title == "Chief Executive Officer"
    assert announcement.in_language(None).title == "Why this matters"


# -- Limits --------------------------------------------------------------------------------------------------------


def test_one_version_of_a_campaign_waits_at_a_time(campaign: Campaign) -> None:
    request = announcing.requested(campaign)
    assert refusal(announcing.requested, campaign, by=people.officer("other")) == "conflict"
    with pytest.raises(IntegrityError, match="one_waiting"):
        run(
            "INSERT INTO campaigns_announcement (key, campaign_id, version, title_en, title_zh, text_en, text_zh,"
            " speaker, speaker_title_en, speaker_title_zh, requested_by_id, requested_by_label)"
            " SELECT gen_random_uuid(), campaign_id, 2, 'a', 'a', 'a', 'a', 'a', '', '', requested_by_id, 'x'"
            " FROM campaigns_announcement"
        )
    withdraw_announcement(announcement_id=request.pk, reason="Not agreed.", by=people.officer("other"))
    assert announcing.requested(campaign).version == 2


def test_a_form_sent_twice_requests_once(campaign: Campaign) -> None:
    key = uuid.uuid4()
    assert announcing.requested(campaign, key=key) == announcing.requested(campaign, key=key)
    assert refusal(announcing.requested, campaign, key=key, by=people.officer("other")) == "conflict"


def test_requests_and_publications_of_a_day_are_bounded(campaign: Campaign, clock: Clock) -> None:
    """Each request is mailed to HR, and each publication to everybody."""
    for _time in range(MAX_PUBLISHED_A_DAY):
        withdraw_announcement(
            announcement_id=announcing.published(campaign).pk, reason="Again.", by=people.officer("asks")
        )
    request = announcing.requested(campaign)
    assert refusal(publish_announcement, announcement_id=request.pk, by=people.officer("grants")) == "conflict"
    for _time in range(MAX_REQUESTED_A_DAY - MAX_PUBLISHED_A_DAY - 1):
        withdraw_announcement(announcement_id=request.pk, reason="Again.", by=people.officer("asks"))
        request = announcing.requested(campaign)
    withdraw_announcement(announcement_id=request.pk, reason="Again.", by=people.officer("asks"))
    assert refusal(announcing.requested, campaign) == "conflict"
    other = announcing.requested(campaign, by=people.officer("other"))
    withdraw_announcement(
        announcement_id=other.pk, reason="One user must not keep others silent.", by=people.officer("asks")
    )
    clock.set(clock.now() + timedelta(days=1, minutes=1), ticks=True)
    assert announcing.published(campaign).published_at is not None


def test_after_the_deadline_nothing_is_published(campaign: Campaign, clock: Clock) -> None:
    assert refusal(announcing.requested, campaign, shown_from=campaign.rule.cutoff_at) == "invalid"
    request = announcing.requested(campaign)
    clock.set(campaign.rule.cutoff_at, ticks=True)
    assert refusal(publish_announcement, announcement_id=request.pk, by=people.officer("grants")) == "conflict"
    withdraw_announcement(announcement_id=request.pk, reason="Too late.", by=people.officer("asks"))
    assert refusal(announcing.requested, campaign) == "conflict"


@pytest.mark.parametrize("name", ["title_en", "title_zh", "text_en", "text_zh", "speaker"])
def test_an_empty_text_is_refused_at_its_field(campaign: Campaign, name: str) -> None:
    with pytest.raises(Refused) as refused:
        announcing.requested(campaign, by=None, key=None, **{name: " \u200b\n"})
    assert refused.value.field == name


def test_text_is_kept_as_written_without_invisible_characters() -> None:
    """A direction mark can turn an address around; NFKC would replace the punctuation of Chinese."""
    assert clean_prose("大家好，\r\n\r\n\r\n\r\n请看：\u202egro\u202c！\0", 100) == "大家好，\n\n请看：gro！"
    assert len(clean_prose("x" * 9_000, MAX_TEXT_CHARS)) == MAX_TEXT_CHARS


# -- Reading -------------------------------------------------------------------------------------------------------


def test_a_confirmation_is_stored_once_and_of_one_version(campaign: Campaign, alice: Employee) -> None:
    first, second = announcing.published(campaign), announcing.published(campaign, text_en="Changed.")
    for _time in range(2):
        mark_read(announcement=first, employee=alice)
    assert list(AnnouncementRead.objects.values_list("announcement", "employee")) == [(first.pk, alice.pk)]
    assert not second.reads.exists()


def test_a_year_after_the_campaign_nobody_knows_who_has_read(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    mark_read(announcement=announcing.published(campaign), employee=alice)
    later = clock.now() + announcements.READS_KEPT + timedelta(days=1)
    assert delete_old_reads(later) == 0, "the campaign runs, and would show the text again"
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    assert delete_old_reads(later - timedelta(days=2)) == 0
    assert delete_old_reads(later) == 1
    assert not AnnouncementRead.objects.exists()
