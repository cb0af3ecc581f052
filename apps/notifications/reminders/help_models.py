"""Help that managers offer employees below their target."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class HelpOfferQuerySet(models.QuerySet):
    def open(self) -> HelpOfferQuerySet:
        """Neither answered nor withdrawn."""
        return self.filter(state="open")


class HelpOffer(models.Model):
    """One offer: a fixed choice, and no text about a person. The two who are concerned see it, and no one else."""

    class Kind(models.TextChoices):
        TALK = "talk", _("a talk")
        TRAINING = "training", _("training")
        TARGET = "target", _("asking HR together for another target")

    class State(models.TextChoices):
        OPEN = "open", _("waiting for an answer")
        ACCEPTED = "accepted", _("accepted")
        NOT_NEEDED = "not_needed", _("not needed")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, db_index=False)
    employee = models.ForeignKey("employees.Employee", on_delete=models.CASCADE, db_index=False)
    offered_by_id = models.BigIntegerField()
    offered_by_label = models.TextField()
    kind = models.TextField(choices=Kind)
    state = models.TextField(choices=State, default=State.OPEN)
    offered_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = HelpOfferQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["employee", "offered_at"], name="notifications_help_of"),
            models.Index(fields=["offered_at"], name="notifications_help_offered"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "employee", "offered_by_id"],
                condition=Q(state="open"),
                name="notifications_help_one_open",
            ),
            models.CheckConstraint(
                name="notifications_help_kind", condition=Q(kind__in=["talk", "training", "target"])
            ),
            models.CheckConstraint(
                name="notifications_help_state",
                condition=Q(state="open", closed_at__isnull=True)
                | Q(state__in=["accepted", "not_needed", "withdrawn"], closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"help offer {self.pk}"
