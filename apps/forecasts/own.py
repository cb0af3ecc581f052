"""One person's forecast, from the stored model and that person's daily counts. Nothing of it is stored.

For that person's own page alone: no other module imports this one (tests/forecasts/test_privacy.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rules import days_left, start_of_day
from apps.forecasts.model.alike import share_that_reached
from apps.forecasts.model.history import Counts
from apps.forecasts.model.learning import Basis
from apps.forecasts.model.model import Model
from apps.forecasts.models import CampaignForecast

# More a day than any plan: it bounds a calculation.
MAX_PER_DAY = 1000
UNREAD = ""


@dataclass(frozen=True)
class FanDay:
    """The final count at the end of a day, at each of model.LEVELS."""

    day: date
    counts: tuple[int, ...]


@dataclass(frozen=True)
class OwnForecast:
    """The chance to reach the target at the deadline, and the final count. Calculated on first use."""

    basis: Basis
    made_at: datetime
    # A sentence on people of the former campaign, where enough were alike.
    people_alike: str | None
    _rule: CampaignRule = field(repr=False)
    _model: Model = field(repr=False)
    _elapsed: int = field(repr=False)
    _counts: Counts = field(repr=False)
    _target: int = field(repr=False)
    _now: datetime = field(repr=False)

    @property
    def rough(self) -> bool:
        return self.basis is not Basis.FORMER

    @cached_property
    def chance(self) -> float:
        return self._model.chance(self._counts, self._target)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The final count at each of model.LEVELS."""
        return self._model.final_counts(self._counts)

    @cached_property
    def fan(self) -> list[FanDay]:
        """The days after today, up to the deadline."""
        left, rule = days_left(self._rule.cutoff_at, self._rule.time_zone, self._now), self._rule
        fan = []
        for day in (rule.deadline - timedelta(days=n) for n in range(left - 2, -1, -1)):
            end = start_of_day(day + timedelta(days=1), rule.time_zone)
            part = self._model.within((end - self._now) / (rule.cutoff_at - self._now))
            fan.append(FanDay(day, part.final_counts(self._counts)))
        return fan

    def what_if(self, per_day: int) -> float:
        """The chance with so many contacts on each remaining local day, today included."""
        per_day = min(max(per_day, 0), MAX_PER_DAY)
        later = per_day * days_left(self._rule.cutoff_at, self._rule.time_zone, self._now)
        return self._model.chance_at(self._counts, self._target, later, per_day * self._elapsed)


def own_forecast(
    campaign: Campaign,
    rule: CampaignRule,
    days: Sequence[tuple[date, int]],
    target: int,
    *,
    now: datetime,
    row: str | None = UNREAD,
) -> OwnForecast | None:
    """None: it is too early to say, the campaign is not open, or the rule has just changed.

    Not for the exempt. `days`: the person's counted contacts by local day. `row`: the stored forecast that the own page
    has read (OwnStanding.forecast), None where there is none; without it one row is read.
    """
    if campaign.state != Campaign.State.OPEN or not rule.in_period(now):
        return None
    if row is None:
        return None
    stored = from_json(row) if row else CampaignForecast.objects.newest(campaign, now)
    if stored is None or stored.rule_version != rule.version or stored.made_at > now:
        return None
    counts = _counts_of(stored, rule, days)
    return OwnForecast(
        Basis(stored.basis), stored.made_at, _alike_in_words(stored, counts.counted, target), rule,
        stored.model(rule, now), stored.elapsed, counts, target, now,
    )  # fmt: skip


def from_json(row: str) -> CampaignForecast:
    """The forecast of a row that a statement returned as JSON."""
    columns = json.loads(row)
    columns |= {"day": date.fromisoformat(columns["day"]), "made_at": datetime.fromisoformat(columns["made_at"])}
    return CampaignForecast(**columns)


def _counts_of(stored: CampaignForecast, rule: CampaignRule, days: Sequence[tuple[date, int]]) -> Counts:
    """The pace of the days before the stored one, and all that is counted by now."""
    numbered = [((day - rule.opens_on).days, count) for day, count in days if count]
    return stored.frame.counts(numbered)._replace(counted=sum(count for _day, count in numbered))


def _alike_in_words(stored: CampaignForecast, counted: int, target: int) -> str | None:
    share = share_that_reached(stored.alike, counted, target)
    if share is None:
        return None
    tenths = round(share * 10)
    if tenths == 0:
        return _(
            "Fewer than 1 in 10 people with as many contacts at this point of the former campaign reached the target."
        )
    if tenths == 10:
        return _(
            "More than 9 in 10 people with as many contacts at this point of the former campaign reached the target."
        )
    return _(
        "About %(number)s in 10 people with as many contacts at this point of the former campaign reached the target."
    ) % {"number": tenths}
