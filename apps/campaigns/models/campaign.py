"""Campaigns and the versions of their rules."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apps.campaigns.querysets import CampaignQuerySet
from apps.campaigns.rules import FIRST_DAY, LAST_DAY
from apps.core.querysets import Clock

if TYPE_CHECKING:
    from apps.results.models import FrozenResult


class Campaign(models.Model):
    """A target, an opening, a deadline and a counting rule, kept as numbered versions in CampaignRule.

    `closing_at` is when the closing began. `snapshot_at` is the instant K of the freeze: facts that the database
    learned later do not count. The snapshot is never taken before `feed_until`, so that a late feed still counts.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        OPEN = "open", _("open")
        CLOSING = "closing", _("closing")
        FROZEN = "frozen", _("frozen")
        CANCELLED = "cancelled", _("cancelled")

    slug = models.SlugField(max_length=80, unique=True)
    name = models.TextField(unique=True)
    state = models.TextField(choices=State.choices, default=State.DRAFT)
    backdated = models.BooleanField(default=False, help_text="opened after its cut-off: only the command freezes it")
    created_at = models.DateTimeField(db_default=Clock())
    created_by_label = models.TextField()
    closing_at = models.DateTimeField(null=True)
    feed_until = models.DateTimeField(null=True)
    snapshot_at = models.DateTimeField(null=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                name="campaigns_campaign_state",
                condition=Q(state__in=["draft", "open", "closing", "frozen", "cancelled"]),
            ),
            models.CheckConstraint(
                name="campaigns_campaign_kept_when_closing",
                condition=Q(snapshot_at__isnull=True, state__in=["draft", "open", "closing", "cancelled"])
                | Q(snapshot_at__isnull=False, state__in=["closing", "frozen"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def versions(self) -> list[CampaignRule]:
        """Return every version of the rule in order; cached after the first access."""
        return sorted(self.rules.all(), key=lambda rule: rule.version)  # uses prefetched rules, where there are any

    @cached_property
    def rule(self) -> CampaignRule:
        """Return the rule in force now: the newest version."""
        if not self.versions:
            raise CampaignRule.DoesNotExist(f"{self.slug} has no rule")
        return self.versions[-1]

    @cached_property
    def newest_result(self) -> FrozenResult | None:
        """Return the current version of the result; None before the freeze."""
        # Saves the query on nearly every page; a result can exist only in this state (trigger results_campaign_freeze).
        if self.state != self.State.FROZEN:
            return None
        return self.results.order_by("version").last()

    def rule_at(self, at: datetime) -> CampaignRule:
        """Return the rule in force just before `at`; before the first version, the first."""
        # A rule without changes, and most instants are later than the last one: the other versions need no query.
        if self.rule.version == 1 or self.rule.in_force_from < at:
            return self.rule
        earlier = [rule for rule in self.versions if rule.in_force_from < at]
        # A page as of an instant before the first version still needs a rule to show the period.
        return (earlier or self.versions[:1] or [self.rule])[-1]


class CampaignRule(models.Model):
    """One version of a campaign's rule. A change creates a new version; a version never changes.

    `key` is the idempotency key of the form: a form sent twice creates one version.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="rules")
    version = models.IntegerField()
    in_force_from = models.DateTimeField(db_default=Clock())
    target = models.IntegerField()
    time_zone = models.TextField()
    opens_on = models.DateField()
    deadline = models.DateField(help_text="last day, inclusive, in the campaign's time zone")
    opens_at = models.DateTimeField()
    cutoff_at = models.DateTimeField(help_text="the first instant that no longer counts")
    company_domains = ArrayField(models.TextField(), default=list)
    exclusive = models.BooleanField(default=False)
    confirmed_only = models.BooleanField(default=False)
    scope = ArrayField(models.TextField(), default=list, help_text="departments; empty: the whole company")
    prorate_joiners = models.BooleanField(
        default=False, db_default=False, help_text="a lower target for who joins after the first day, without a request"
    )
    reason = models.TextField(
        blank=True, default="", db_default="", help_text="why it was changed; required after the opening"
    )
    changed_by_label = models.TextField(blank=True, default="", db_default="")
    approved_by_label = models.TextField(
        blank=True, default="", db_default="", help_text="the second person, where the change needed one"
    )
    key = models.UUIDField(null=True, unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="campaigns_rule_version"),
            models.CheckConstraint(name="campaigns_rule_target", condition=Q(target__gte=1)),
            models.CheckConstraint(name="campaigns_rule_period", condition=Q(opens_at__lt=F("cutoff_at"))),
            models.CheckConstraint(name="campaigns_rule_days", condition=Q(opens_on__lte=F("deadline"))),
            models.CheckConstraint(
                name="campaigns_rule_years", condition=Q(opens_on__gte=FIRST_DAY, deadline__lte=LAST_DAY)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} v{self.version}"

    def in_period(self, at: datetime) -> bool:
        return self.opens_at <= at < self.cutoff_at
