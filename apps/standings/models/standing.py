"""Verdicts: campaigns with their rules, and what the mark has decided. Adjustments stand in `adjustments`."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from apps.campaigns.models import Campaign
from apps.campaigns.querysets import IsRed
from apps.employees.models import Employee


class Standing(models.Model):
    """The cached verdict on one employee in one campaign. Whoever is not in the population has none.

    `verdict_changed_at` is when the verdict last changed, `status_since` since when it is red or not. Of the contacts
    that were
    recorded after `last_disqualified_at`, none is a colleague or somebody else's: those count unless their own row
    says why not.
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
    target_reached_at = models.DateTimeField(null=True)
    status_since = models.DateTimeField()
    verdict_changed_at = models.DateTimeField()
    last_counted_on = models.DateField(null=True, help_text="local day of the newest contact that counts")
    # Without it whoever counts a part of a day has every contact's identities compared with all colleagues'.
    last_disqualified_at = models.DateTimeField(
        null=True, help_text="not known of what was judged before this was asked"
    )

    class Meta:
        # Who needs help, and who needs most of it: a page of a long list is found by it.
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
    """One flip, red to not red or back. `at` is the mark's instant: it explains, and nothing is computed from it."""

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
    """Contacts of one employee that count now and were recorded on that local day; their sum is `counted`."""

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
