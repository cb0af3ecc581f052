"""The announcement of a campaign: a text from the top of the company, as versions, and who has confirmed to have read
one.

A trigger (sql/announcements.sql) enforces what no constraint can: a version is published once and never changed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from apps.campaigns.models.campaign import Campaign, CampaignRule
from apps.core.querysets import Clock
from apps.employees.models import Employee

if TYPE_CHECKING:
    from apps.accounts.models import Account

# In these states employees see a campaign.
OPENED_STATES = (Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN)


@dataclass(frozen=True)
class AnnouncementText:
    """An announcement in one language. `speaker_title`: the position of the speaker."""

    title: str
    text: str
    speaker: str
    speaker_title: str


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    def waiting(self) -> AnnouncementQuerySet:
        """Versions that wait for a second person."""
        return self.filter(published_at=None, withdrawn_at=None)

    def shown(self, at: datetime | Clock) -> AnnouncementQuerySet:
        """Versions that employees may see at `at`, the newest first: the first one of a campaign is its current one."""
        return self.filter(published_at__isnull=False, withdrawn_at=None, shown_from__lte=at).order_by("-version")

    def visible_to(self, account: Account, at: datetime) -> AnnouncementQuerySet:
        """Versions that the account's employee may see at `at`: those of opened campaigns that cover the employee."""
        if account.employee is None:
            return self.none()
        rules = CampaignRule.objects.filter(campaign=OuterRef("campaign")).order_by("-version")
        covering = Q(scope=[]) | Q(scope__contains=[account.employee.current_department])
        opened = self.shown(at).filter(campaign__state__in=OPENED_STATES)
        return opened.annotate(scope=Subquery(rules.values("scope")[:1])).filter(covering)


class Announcement(models.Model):
    """One version: requested by one HR user, published by another, perhaps withdrawn.

    Employees see the newest version that is published, whose `shown_from` has passed and that was not withdrawn.
    Before the publication, `shown_from` is empty if the text is to be shown at once. `withdrawal_reason` is also why a
    second person refused to publish it. `key` is the idempotency key of the form.
    """

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="announcements")
    version = models.IntegerField()
    key = models.UUIDField(unique=True, default=uuid.uuid4)
    title_en = models.TextField()
    title_zh = models.TextField()
    text_en = models.TextField()
    text_zh = models.TextField()
    speaker = models.TextField()
    speaker_title_en = models.TextField()
    speaker_title_zh = models.TextField()
    shown_from = models.DateTimeField(null=True)
    requested_at = models.DateTimeField(db_default=Clock())
    requested_by_id = models.BigIntegerField()
    requested_by_label = models.TextField()
    published_at = models.DateTimeField(null=True)
    published_by_id = models.BigIntegerField(null=True)
    published_by_label = models.TextField(blank=True, default="", db_default="")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by_id = models.BigIntegerField(null=True)
    withdrawn_by_label = models.TextField(blank=True, default="", db_default="")
    withdrawal_reason = models.TextField(blank=True, default="", db_default="")

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="campaigns_announcement_version"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(published_at__isnull=True, withdrawn_at__isnull=True),
                name="campaigns_announcement_one_waiting",
            ),
            models.CheckConstraint(
                name="campaigns_announcement_texts",
                condition=~Q(title_en="") & ~Q(title_zh="") & ~Q(text_en="") & ~Q(text_zh="") & ~Q(speaker=""),
            ),
            models.CheckConstraint(
                name="campaigns_announcement_published_by_another",
                condition=Q(published_at__isnull=True, published_by_id__isnull=True)
                | (
                    Q(published_at__isnull=False, published_by_id__isnull=False, shown_from__isnull=False)
                    & Q(shown_from__gte=F("published_at"))
                    & ~Q(published_by_id=F("requested_by_id"))
                ),
            ),
            models.CheckConstraint(
                name="campaigns_announcement_withdrawn_with_a_reason",
                condition=Q(withdrawn_at__isnull=True, withdrawn_by_id__isnull=True)
                | (Q(withdrawn_at__isnull=False, withdrawn_by_id__isnull=False) & ~Q(withdrawal_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} announcement {self.version}"

    @property
    def waiting(self) -> bool:
        return self.published_at is None and self.withdrawn_at is None

    @property
    def notification_subject(self) -> str:
        """The subject of the notification about this version; queries/schedule.sql of notifications has it too."""
        return f"{self.campaign_id}:{self.version}"

    def in_language(self, language: str | None) -> AnnouncementText:
        """The text for a reader of this language: Chinese, or English for all others."""
        suffix = "zh" if (language or "").startswith("zh") else "en"
        values: dict[str, Any] = {
            name: getattr(self, f"{name}_{suffix}") for name in ("title", "text", "speaker_title")
        }
        return AnnouncementText(speaker=self.speaker, **values)


class AnnouncementRead(models.Model):
    """An employee has confirmed to have read a version. Only the employee sees it; HR sees sums."""

    id = models.BigAutoField(primary_key=True)
    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="reads", db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="+", db_index=False)
    read_at = models.DateTimeField(db_default=Clock())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["announcement", "employee"], name="campaigns_announcementread_once")
        ]
