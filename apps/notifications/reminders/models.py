"""Reminders that people send: the approved texts, each sending, and when each employee was reminded last."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from apps.core.querysets import Clock

# The shortest time between two reminders of one employee; queries/reminders.sql has the limit of a week.
MIN_INTERVAL = timedelta(hours=24)


class ReminderTextQuerySet(models.QuerySet):
    def current(self) -> ReminderTextQuerySet:
        """The texts that a sender may choose now, by title."""
        return self.filter(withdrawn_at=None).order_by("title", "pk")


class ReminderText(models.Model):
    """One version of an approved text. A change withdraws it and adds the next version; nothing else ever changes."""

    # One successor at most: of two changes at the same moment, the second is refused.
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    version = models.IntegerField(default=1)
    title = models.TextField(help_text="for senders; recipients do not see it")
    text_en = models.TextField()
    text_zh = models.TextField()
    made_at = models.DateTimeField(db_default=Clock())
    made_by_id = models.BigIntegerField(null=True)
    made_by_label = models.TextField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by_label = models.TextField(blank=True, default="", db_default="")

    objects = ReminderTextQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["title"], condition=Q(withdrawn_at__isnull=True), name="notifications_text_title_once"
            ),
            models.CheckConstraint(
                name="notifications_text_not_empty", condition=~Q(title="") & ~Q(text_en="") & ~Q(text_zh="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} (v{self.version})"


class Reminder(models.Model):
    """One sending, to the people of a list. It keeps its texts, whatever becomes of the approved text.

    `people`: for how many it was accepted. `key`: of the form; sent twice it is one reminder.
    """

    class Role(models.TextChoices):
        HR = "hr", _("HR")
        MANAGER = "manager", _("manager")

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, db_index=False)
    sender_id = models.BigIntegerField()
    sender_label = models.TextField()
    sender_role = models.TextField(choices=Role)
    key = models.UUIDField()
    text = models.ForeignKey(ReminderText, on_delete=models.PROTECT, null=True, db_index=False)
    text_en = models.TextField()
    text_zh = models.TextField()
    people = models.IntegerField(default=0)
    sent_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["sent_at"], name="notifications_reminder_sent")]
        constraints = [
            models.UniqueConstraint(fields=["sender_id", "key"], name="notifications_reminder_once"),
            models.CheckConstraint(name="notifications_reminder_role", condition=Q(sender_role__in=["hr", "manager"])),
        ]

    def __str__(self) -> str:
        return f"reminder {self.pk}"


class LastReminder(models.Model):
    """When a person reminded the employee last, and the time before. Its row is also the lock of the limits."""

    employee = models.OneToOneField("employees.Employee", on_delete=models.CASCADE, primary_key=True)
    last_at = models.DateTimeField()
    previous_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="notifications_reminders_a_day_apart",
                condition=Q(previous_at__isnull=True) | Q(previous_at__lte=F("last_at") - Value(MIN_INTERVAL)),
            )
        ]
