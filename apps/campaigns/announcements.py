"""Announcements: one HR user requests a version, another publishes it, and employees confirm to have read it (ADR 82).

Each step is one guarded write. The order of locks is: campaign row, the actor's role, the announcement.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.accounts.approvals import notify_second_persons, require_second_person
from apps.campaigns.models import Announcement, AnnouncementRead, Campaign
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.sql import execute, statement
from apps.core.text import clean_prose
from apps.employees.models import Employee

MAX_TITLE_CHARS, MAX_TEXT_CHARS, MAX_SPEAKER_CHARS, MAX_REASON_CHARS = 120, 3_000, 100, 1_000
# In a campaign: each version is mailed to all its employees, and each request to HR. Requests of one HR user, so that
# these keep no other from announcing.
MAX_PUBLISHED_A_DAY, MAX_REQUESTED_A_DAY = 3, 10
# Confirmations are deleted when they are older and their campaign is over; a call deletes at most this many.
READS_KEPT = timedelta(days=365)
MAX_DELETED_READS = 50_000
DELETE_READS = statement("campaigns", "announcements", "delete_reads")


@dataclass(frozen=True)
class AnnouncementDraft:
    """What HR typed. Without `shown_from` the text is shown as soon as it is published."""

    title_en: str
    title_zh: str
    text_en: str
    text_zh: str
    speaker: str
    speaker_title_en: str = ""
    speaker_title_zh: str = ""
    shown_from: datetime | None = None

    def cleaned(self) -> AnnouncementDraft:
        """The draft as it is stored. Raises Refused for an empty text."""
        limits = {"text_en": MAX_TEXT_CHARS, "text_zh": MAX_TEXT_CHARS, "title_en": MAX_TITLE_CHARS,
                  "title_zh": MAX_TITLE_CHARS}  # fmt: skip
        values: dict[str, Any] = asdict(self)
        for name in values.keys() - {"shown_from"}:
            lines = clean_prose(values[name], limits.get(name, MAX_SPEAKER_CHARS))
            values[name] = lines if name.startswith("text") else " ".join(lines.split())
            if not values[name] and not name.startswith("speaker_title"):
                raise Refused("invalid", _("This text is empty."), name)
        return AnnouncementDraft(**values)


@transaction.atomic
def request_announcement(*, campaign: Campaign, draft: AnnouncementDraft, key: uuid.UUID, by: Actor) -> Announcement:
    """Store a version that waits for another HR user. The same `key` returns the same version. Raises Refused."""
    cleaned = draft.cleaned()
    now = _lock_open_campaign(campaign.pk, by, draft.shown_from)
    if existing := Announcement.objects.filter(key=key).first():
        if (existing.campaign_id, existing.requested_by_id) != (campaign.pk, by.id):
            raise _conflict(_("Another user has already sent this form."))
        return existing
    if cleaned.shown_from is not None and cleaned.shown_from <= now:
        cleaned = replace(cleaned, shown_from=None)
    _refuse_many_requests(campaign, by, now)
    newest = campaign.announcements.aggregate(newest=Max("version"))["newest"] or 0
    requester = {"requested_at": now, "requested_by_id": by.id, "requested_by_label": by.label}
    announcement = Announcement.objects.create(
        campaign=campaign, version=newest + 1, key=key, **requester, **asdict(cleaned)
    )
    _audit("requested", announcement, by)
    notify_second_persons("announcements", by)
    return announcement


def _refuse_many_requests(campaign: Campaign, by: Actor, now: datetime) -> None:
    if campaign.announcements.waiting().exists():
        raise _conflict(_("An announcement of this campaign is already waiting for a second person."))
    recent = campaign.announcements.filter(requested_at__gt=now - timedelta(days=1))
    # Per requester: else one HR user could keep a colleague from requesting any.
    if by.id is not None and recent.filter(requested_by_id=by.id).count() >= MAX_REQUESTED_A_DAY:
        message = _("You requested %(most)s announcements of this campaign within a day. Try again tomorrow.")
        raise _conflict(message % {"most": MAX_REQUESTED_A_DAY})


@transaction.atomic
def publish_announcement(*, announcement_id: int, by: Actor) -> Announcement:
    """Publish another HR user's version: it is shown from its instant on, or now. Raises Refused, DoesNotExist."""
    requested = Announcement.objects.get(pk=announcement_id)
    now = _lock_open_campaign(requested.campaign_id, by, requested.shown_from)
    announcement = _lock(announcement_id)
    if not announcement.waiting:
        raise _conflict(_("This announcement has already been published or withdrawn."))
    if announcement.requested_by_id == by.id:
        raise _conflict(_("You requested this yourself, so another HR user has to decide."))
    # Withdrawn ones count too: else two HR users could mail everybody all day.
    recent = Announcement.objects.filter(campaign=announcement.campaign_id, published_at__gt=now - timedelta(days=1))
    if recent.count() >= MAX_PUBLISHED_A_DAY:
        message = _("%(most)s announcements of this campaign were published within a day. Try again tomorrow.")
        raise _conflict(message % {"most": MAX_PUBLISHED_A_DAY})
    shown_from = max(announcement.shown_from or now, now)
    _write(announcement, published_at=now, published_by_id=by.id, published_by_label=by.label, shown_from=shown_from)
    _audit("published", announcement, by, shown_from=shown_from.isoformat())
    return announcement


@transaction.atomic
def withdraw_announcement(*, announcement_id: int, reason: str, by: Actor) -> Announcement:
    """Withdraw a version for good, before or after its publication. Raises Refused, DoesNotExist.

    One HR user is enough, so that a mistake disappears at once. Employees then see the version before it.
    """
    cleaned = " ".join(clean_prose(reason, MAX_REASON_CHARS).split())
    if not cleaned:
        raise Refused("invalid", _("Enter the reason."), "reason")
    require_second_person(by)
    announcement = _lock(announcement_id)
    if announcement.withdrawn_at is not None:
        raise _conflict(_("This announcement has already been withdrawn."))
    _write(
        announcement, withdrawn_at=db_now(), withdrawn_by_id=by.id, withdrawn_by_label=by.label,
        withdrawal_reason=cleaned,
    )  # fmt: skip
    _audit("withdrawn", announcement, by, reason=cleaned)
    return announcement


def mark_read(*, announcement: Announcement, employee: Employee) -> None:
    """Store that the employee has read this version. Idempotent."""
    AnnouncementRead.objects.bulk_create(
        [AnnouncementRead(announcement=announcement, employee=employee)], ignore_conflicts=True
    )


def delete_old_reads(now: datetime) -> int:
    """Delete confirmations older than READS_KEPT of campaigns that are over; returns how many."""
    return execute(DELETE_READS, {"before": now - READS_KEPT, "most": MAX_DELETED_READS})


def _lock_open_campaign(campaign_id: int, by: Actor, shown_from: datetime | None) -> datetime:
    """Lock the campaign and the actor's role; returns the instant. Raises Refused.

    Refused as well when the text would be shown only after the deadline.
    """
    campaign = Campaign.objects.lock(campaign_id).get()
    require_second_person(by)
    now, cutoff = db_now(), campaign.rule.cutoff_at
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.OPEN) or cutoff <= now:
        raise _conflict(_("The campaign is over, so an announcement can no longer be published."))
    if shown_from is not None and shown_from >= cutoff:
        raise Refused("invalid", _("This is after the deadline of the campaign."), "shown_from")
    return now


def _lock(announcement_id: int) -> Announcement:
    return Announcement.objects.select_for_update(no_key=True, of=("self",)).select_related("campaign").get(
        pk=announcement_id
    )  # fmt: skip


def _write(announcement: Announcement, **values: Any) -> None:
    """Write these columns of a locked row, and set them on the object."""
    for name, value in values.items():
        setattr(announcement, name, value)
    announcement.save(update_fields=list(values))


def _audit(step: str, announcement: Announcement, by: Actor, **detail: Any) -> None:
    campaign = announcement.campaign
    audit(
        f"announcement.{step}", by=by, kind="announcement", id=announcement.pk, label=announcement.title_en,
        detail={"campaign": campaign.slug, "announcement_version": announcement.version, **detail},
    )  # fmt: skip


def _conflict(message: str) -> Refused:
    return Refused("conflict", message, conflict=True)
