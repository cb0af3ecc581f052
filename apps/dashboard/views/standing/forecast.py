"""Will I make it? The forecast on `/`, which only the reader it is about sees, and "What if I add so many a day?"."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign
from apps.core.sentences import join_sentences
from apps.dashboard.chart_cards.curves import Ahead
from apps.dashboard.forms.forecasts import PerDayForm
from apps.dashboard.labels import base
from apps.dashboard.labels.base import Text
from apps.dashboard.labels.forecasts import BASES, Chance
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import Card, standing_of
from apps.dashboard.views.standing.summary_lines import SummaryLine
from apps.forecasts.model.learning import MIN_CONTACTS, MIN_DAYS
from apps.forecasts.own import UNREAD, OwnForecast, own_forecast

# On the last day only what is missing matters: "likely" beside "Red: 1 to go" would reassure for the wrong reason.
MIN_DAYS_LEFT = 2
# The form takes up to three times what the target needs, and never less than this.
MIN_LIMIT = 20


@dataclass(frozen=True)
class Forecast:
    """The forecast as the page shows it; `own` is None while it is too early to say."""

    own: OwnForecast | None
    card: Card

    @cached_property
    def chance(self) -> Chance | None:
        return Chance(self.own.chance) if self.own else None

    @property
    def limit(self) -> int:
        return max(3 * (self.card.needed or 0), MIN_LIMIT)

    @cached_property
    def likely_per_day(self) -> int | None:
        """The smallest number of contacts a day that makes it likely; None when no number within the limit does."""
        own = self.own
        if own is None:
            return None
        number = bisect_left(range(self.limit + 1), True, key=lambda count: Chance(own.what_if(count)).is_likely)
        return number if number <= self.limit else None

    @property
    def basis(self) -> Text:
        """What it learned from."""
        return BASES[self.own.basis.value] if self.own else ""

    @property
    def ahead(self) -> Ahead:
        return [(day.day, day.counts) for day in self.own.fan] if self.own else []

    def line(self) -> SummaryLine:
        """The answer with its base; where it is no good news, the pace that would change it comes first."""
        target = base.number(self.card.row.target)
        if self.own is None or self.chance is None:
            why = _("A forecast needs %(days)s days and %(contacts)s contacts of all employees. It is made each night.")
            lead = _("Too early to say whether you will reach %(target)s") % {"target": target}
            return SummaryLine("goal", lead, more=why % {"days": MIN_DAYS, "contacts": MIN_CONTACTS})
        whose = _("%(people)s people at your stage with your pace reach it") % {"people": self.chance.people}
        seen = _("A rough estimate that only you see.") if self.own.rough else _("Only you see this.")
        text, more = f"· {whose}", seen
        if not self.chance.is_likely and self.likely_per_day:
            text = "· " + _("likely with %(count)s a day") % {"count": base.number(self.likely_per_day)}
            more = join_sentences([_("%(sentence)s.") % {"sentence": capfirst(whose)}, seen])
        lead = str(self.chance.band.answer) % {"target": target}
        return SummaryLine("goal", lead, text, more, links=[(_("Try another pace"), "#forecast")])

    def answer(self, per_day: int) -> str:
        """What so many a day would change."""
        chance = Chance(self.own.what_if(per_day) if self.own else 0.0)
        return _("With %(count)s a day from today: %(word)s (%(people)s)") % {
            "count": base.number(per_day), "word": chance.band.word, "people": chance.people,
        }  # fmt: skip


def forecast_of(scope: PageContext, card: Card, days: Sequence[Any], row: str | None = UNREAD) -> Forecast | None:
    """The reader's forecast, or None where there is nothing to foretell.

    `row`: the campaign's stored forecast, where it was read with the standing.
    """
    campaign, standing, period = scope.required_campaign, card.row, card.period
    running = campaign.state == Campaign.State.OPEN and period.opened and period.days_left >= MIN_DAYS_LEFT
    # Without a contact there is no pace yet, and the page helps to begin.
    if not running or scope.result or standing.exempt or not standing.remaining or not standing.counted:
        return None
    counts = [(day.day, day.recorded) for day in days]
    own = own_forecast(campaign, scope.rule, counts, standing.target, now=scope.now, row=row)
    return Forecast(own, card)


def what_if_context(forecast: Forecast | None, data: Mapping[str, Any]) -> dict[str, Any]:
    """The number in the form with its answer or error; before one is given, the smallest pace that makes it likely."""
    if forecast is None or forecast.own is None:
        return {}
    if "per_day" not in data:
        # Without a form, which takes longer than the calculation: this is the usual case of the most frequent page.
        per_day = forecast.likely_per_day or forecast.card.needed or 0
        return {"per_day": per_day, "answer": forecast.answer(per_day)}
    form = PerDayForm(data, limit=forecast.limit)
    if not form.is_valid():
        return {"per_day": data["per_day"], "error": form.errors["per_day"][0]}
    return {"per_day": form.cleaned_data["per_day"], "answer": forecast.answer(form.cleaned_data["per_day"])}


def what_if(scope: PageContext) -> HttpResponse:
    """The answer alone, for a reader with scripts."""
    card, days = standing_of(scope, scope.required_employee)
    context = what_if_context(forecast_of(scope, card, days), scope.request.GET)
    return render(scope, "standing/_what_if.html", context)
