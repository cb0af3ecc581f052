"""Notifications, each to one recipient by one channel, and what recipients have switched on or off.

The recipient is an employee, with or without an account, or an account without an employee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.querysets import Clock
from apps.notifications.querysets import NotificationQuerySet
from apps.notifications.reminders.help_models import HelpOffer
from apps.notifications.reminders.models import LastReminder, Reminder, ReminderText

# Django reads the models of this module.
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint  # noqa: F401

if TYPE_CHECKING:
    from apps.accounts.models import Account

__all__ = [
    "Channel",
    "HelpOffer",
    "LastReminder",
    "Notification",
    "Preference",
    "Reminder",
    "ReminderText",
    "recipient_of",
]
UNREAD = Q(channel="app", state="sent", read_at__isnull=True)
ONE_RECIPIENT = Q(employee__isnull=False, account__isnull=True) | Q(employee__isnull=True, account__isnull=False)


class Channel(models.TextChoices):
    APP = "app", _("in Hundred")
    EMAIL = "email", pgettext_lazy("channel", "e-mail")
    CHAT = "chat", _("chat")


def recipient_of(account: Account) -> dict[str, int | None]:
    """The columns that name this account as a recipient."""
    return {
        "employee_id": account.employee_id,
        "account_id": account.pk if account.employee_id is None else None,
    }


class Notification(models.Model):
    """A message to one recipient by one channel. It is planned once for a kind and subject, and sent at most or at
    least once, as its kind says (ADR 79).

    `last_error` says why it was not sent: a reason for `dropped`, the channel's answer for `failed` and retries.
    """

    class State(models.TextChoices):
        DUE = "due"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        DROPPED = "dropped"

    id = models.BigAutoField(primary_key=True)
    employee = models.ForeignKey("employees.Employee", on_delete=models.CASCADE, null=True, db_index=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, null=True, db_index=False)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, null=True, db_index=False)
    kind = models.TextField()
    subject_key = models.TextField()
    channel = models.TextField(choices=Channel)
    state = models.TextField(choices=State, default=State.DUE)
    data = models.JSONField(default=dict, help_text="numbers, days and codes for the text")
    created_at = models.DateTimeField(db_default=Clock())
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0, db_default=0)
    last_error = models.TextField(blank=True, default="", db_default="")
    claimed_at = models.DateTimeField(null=True, help_text="when a worker took it; after ten minutes another may")
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            # Partial: the rows that wait are few beside those that were sent.
            models.Index(fields=["channel", "due_at"], condition=Q(state="due"), name="notifications_due"),
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="notifications_sending"),
            # Every request of a signed-in user counts them.
            models.Index(fields=["employee"], condition=UNREAD, name="notifications_unread"),
            models.Index(fields=["account"], condition=UNREAD, name="notifications_unread_account"),
            models.Index(fields=["created_at"], name="notifications_created"),
        ]
        constraints = [
            models.CheckConstraint(name="notifications_one_recipient", condition=ONE_RECIPIENT),
            models.UniqueConstraint(
                fields=["employee", "account", "kind", "subject_key", "channel"],
                nulls_distinct=False,
                name="notifications_once",
            ),
            models.CheckConstraint(
                name="notifications_state", condition=Q(state__in=["due", "sending", "sent", "failed", "dropped"])
            ),
            models.CheckConstraint(
                name="notifications_sent_has_instant",
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_key} by {self.channel}: {self.state}"


class Preference(models.Model):
    """A kind that a recipient switched on or off for a channel; without a row the kind's default holds."""

    employee = models.ForeignKey("employees.Employee", on_delete=models.CASCADE, null=True, db_index=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, null=True, db_index=False)
    kind = models.TextField()
    channel = models.TextField(choices=Channel)
    enabled = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="notifications_preference_recipient", condition=ONE_RECIPIENT),
            models.UniqueConstraint(
                fields=["employee", "account", "kind", "channel"],
                nulls_distinct=False,
                name="notifications_preference_once",
            ),
        ]


class Room(models.Model):
    """A group room of a chat product that gets a digest: a manager's team, or the company without a manager.

    `address` is encrypted (apps.notifications.rooms.services). `posted_on`: the local day of the last
    digest, or of the set-up.
    """

    class Every(models.TextChoices):
        DAY = "day", _("every working day")
        WEEK = "week", _("every week")

    manager = models.OneToOneField("employees.Employee", on_delete=models.CASCADE, null=True)
    employment_id = models.BigIntegerField(
        null=True, help_text="the manager's employment at the set-up: a return revives no room"
    )
    address = models.TextField()
    every = models.TextField(choices=Every)
    language = models.TextField()
    posted_on = models.DateField(null=True)
    last_error = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["manager"], nulls_distinct=False, name="notifications_one_room_of_a_team"),
            models.CheckConstraint(name="notifications_room_every", condition=Q(every__in=["day", "week"])),
        ]

    def __str__(self) -> str:
        return f"room of {self.manager or 'the company'}"
