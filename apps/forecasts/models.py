"""The forecasts of each night, and how right they were. A stored one never changes; none is of a single person."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rules import start_of_day
from apps.core.querysets import Clock
from apps.employees.models import Employee
from apps.forecasts.model.history import Frame
from apps.forecasts.model.model import Model, Parameters

BASES = ["prior", "campaign", "former"]


class CampaignForecastQuerySet(models.QuerySet["CampaignForecast"]):
    def newest(self, campaign: Campaign, at: datetime) -> CampaignForecast | None:
        """The newest one made before `at`: never a later one."""
        return self.filter(campaign=campaign, made_at__lt=at).order_by("made_at").last()


class CampaignForecast(models.Model):
    """The fitted model of a campaign on a local day, by one version of its rule.

    It has what the forecast of a person needs besides that person's daily counts (own.py): the parameters and `scale`
    of the model, and the frame of the `gone` days before that day (model.history.Frame).
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, db_index=False, related_name="forecasts")
    day = models.DateField(help_text="local day; what was counted before it is the pace")
    rule_version = models.IntegerField()
    made_at = models.DateTimeField()
    basis = models.TextField(help_text="what the parameters rest on")
    former = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, db_index=False, related_name="+", help_text="the former campaign"
    )
    base = models.FloatField()
    each = models.FloatField()
    recency = models.FloatField()
    growth = models.FloatField()
    shared_sd = models.FloatField()
    scale = models.FloatField(help_text="for the time from the beginning of the day to the deadline")
    gone = models.IntegerField()
    elapsed = models.IntegerField()
    begins = models.IntegerField()
    recent_factor = models.FloatField()
    file_size = models.IntegerField()
    alike = models.JSONField(default=list, help_text="people of the former campaign by tenth of the target, sums only")

    objects = CampaignForecastQuerySet.as_manager()

    class Meta:
        # The newest before an instant: every reader asks for it.
        indexes = [models.Index(fields=["campaign", "made_at"], name="forecasts_campaign_newest")]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "day", "rule_version"], name="forecasts_campaign_once"),
            models.CheckConstraint(name="forecasts_campaign_basis", condition=Q(basis__in=BASES)),
            models.CheckConstraint(
                name="forecasts_campaign_former",
                condition=Q(basis="former", former__isnull=False) | Q(~Q(basis="former"), former__isnull=True),
            ),
            models.CheckConstraint(
                name="forecasts_campaign_parameters",
                condition=Q(
                    base__gt=0, each__gt=0, recency__range=(0, 1), growth__gt=0, shared_sd__gte=0, scale__gte=0
                ),
            ),
            models.CheckConstraint(
                name="forecasts_campaign_frame",
                condition=Q(
                    elapsed__range=(1, F("gone")), begins__range=(0, F("gone")), recent_factor__gte=1, file_size__gte=1
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} on {self.day}"

    @property
    def frame(self) -> Frame:
        return Frame(self.gone, self.elapsed, self.begins, self.recent_factor, self.file_size)

    def model(self, rule: CampaignRule, now: datetime) -> Model:
        """For the time from `now` to the deadline; `rule` is the version that the forecast was made by."""
        begins = start_of_day(self.day, rule.time_zone)
        part = (rule.cutoff_at - now) / (rule.cutoff_at - begins)
        parameters = Parameters(self.base, self.each, self.recency, self.growth, self.shared_sd)
        return Model(parameters, self.scale * part, time_remains=now < rule.cutoff_at)


class GroupForecast(models.Model):
    """How many people of a group end at the target, for groups that show no single person (group_making.py).

    `at_target`: how many are there now. `low` and `high` bound the 80 % interval. `fan`: of the company, the days to
    the deadline with quantiles of the people under the target.
    """

    class Kind(models.TextChoices):
        COMPANY = "company"
        DEPARTMENT = "department"
        TEAM = "team"

    id = models.BigAutoField(primary_key=True)
    forecast = models.ForeignKey(CampaignForecast, on_delete=models.PROTECT, db_index=False, related_name="groups")
    kind = models.TextField(choices=Kind.choices)
    department = models.TextField(blank=True, default="")
    manager = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    people = models.IntegerField()
    at_target = models.IntegerField()
    number = models.IntegerField(help_text="expected at the target at the deadline")
    low = models.IntegerField()
    high = models.IntegerField()
    fan = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["forecast", "kind", "department", "manager"], nulls_distinct=False, name="forecasts_group_once"
            ),
            models.CheckConstraint(
                name="forecasts_group_key",
                condition=Q(kind="company", manager__isnull=True, department="")
                | Q(kind="department", manager__isnull=True, fan=[])
                | Q(kind="team", manager__isnull=False, department="", fan=[]),
            ),
            # The smallest group that says something about a group only (apps/reports/small_groups.py).
            models.CheckConstraint(name="forecasts_group_five_open", condition=Q(people__gte=F("at_target") + 5)),
            models.CheckConstraint(
                name="forecasts_group_in_order",
                condition=Q(at_target__gte=0, low__gte=F("at_target"), high__lte=F("people"), low__lte=F("high"))
                & Q(number__range=(F("at_target"), F("people"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.forecast}"


class ForecastAccuracy(models.Model):
    """How right the forecast of a finished campaign was, as `apps.forecasts.accuracy.Accuracy` has it.

    `has_former`: whether the forecast knew a former campaign.
    """

    campaign = models.OneToOneField(
        Campaign, on_delete=models.PROTECT, primary_key=True, related_name="forecast_accuracy"
    )
    made_at = models.DateTimeField(db_default=Clock())
    has_former = models.BooleanField()
    shares = models.JSONField()
    reliability = models.JSONField()

    def __str__(self) -> str:
        return f"forecast accuracy of {self.campaign}"
