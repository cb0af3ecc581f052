"""The cached standings of employees in campaigns, their changes, and the counted contacts by day."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from apps.campaigns.models import Campaign
from apps.campaigns.querysets import IsRed
from apps.employees.models import Employee


class Standing(models.Model):
    """The cached evaluation of one employee in one campaign. An employee outside the population has none.

    `verdict_changed_at` is the instant of the last change of these values; `status_since` is the instant since which it
    is red or not red.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT)
    counted = models.IntegerField()
    target = models.IntegerField()
    exempt = models.BooleanField(default=False)
    red = models.GeneratedField(
        expression=IsRed("counted", "target", "exempt"), output_field=models.BooleanField(), db_persist=True
    )
    remaining = models.GeneratedField(
        expression=Greatest(F("target") - F("counted"), 0), output_field=models.IntegerField(), db_persist=True
    )
    # From the facts: it can move, when an earlier contact counts again.
    target_reached_at = models.DateTimeField(null=True)
    status_since = models.DateTimeField()
    verdict_changed_at = models.DateTimeField()
    # Also derivable from DailyCount; looking it up took a third of the time of a large file (ADR 62).
    last_counted_on = models.DateField(null=True, help_text="local day of the newest contact that counts")

    class Meta:
        # Serves the pages of long lists, which show red employees with the most remaining contacts first.
        indexes = [models.Index(fields=["campaign", "red", "remaining"], name="standings_standing_need")]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "employee"], name="standings_standing_once"),
            models.CheckConstraint(name="standings_standing_counted", condition=Q(counted__gte=0)),
            models.CheckConstraint(name="standings_standing_target", condition=Q(target__gte=1)),
            models.CheckConstraint(
                name="standings_standing_reached",
                condition=Q(target_reached_at__isnull=True, counted__lt=F("target"))
                | Q(target_reached_at__isnull=False, counted__gte=F("target")),
            ),
        ]


class StandingChange(models.Model):
    """One change of status, red to not red or back. `at` is the evaluation's instant, for display only."""

    class Cause(models.TextChoices):
        MARK = "mark", _("mark")
        REPAIR = "repair", _("repair")

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False)
    at = models.DateTimeField()
    red = models.BooleanField()
    counted = models.IntegerField()
    target = models.IntegerField()
    exempt = models.BooleanField()
    cause = models.TextField(choices=Cause.choices, default=Cause.MARK)

    class Meta:
        indexes = [models.Index(fields=["campaign", "employee", "at"], name="standings_change_of")]


class DailyCount(models.Model):
    """How many contacts that count now an employee recorded on a local day. The sum over days is Standing.counted."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False)
    day = models.DateField()
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "employee", "day"], name="standings_daily_once"),
            models.CheckConstraint(name="standings_daily_positive", condition=Q(count__gt=0)),
        ]
