"""`/about/forecast/`: how right the forecast of a finished campaign was, in sums that hold no person's data."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.campaigns.models import Campaign
from apps.campaigns.selectors import covers
from apps.dashboard.views.page_context import PageContext, render
from apps.forecasts.accuracy import ReliabilityLine, ShareAccuracy, accuracy_state, forecast_accuracy
from apps.reports.small_groups import MIN_GROUP_SIZE


@require_safe
def forecast_accuracy_page(request: HttpRequest) -> HttpResponse:
    """For every reader whom the campaign covers, and for HR and auditors."""
    scope = PageContext(request)
    campaign = scope.required_campaign
    if not scope.reads_results and not covers(campaign, scope.user):
        raise Http404("The campaign does not cover this reader")
    accuracy = forecast_accuracy(campaign)
    days = (campaign.rule.deadline - campaign.rule.opens_on).days + 1
    context: dict[str, Any] = {
        "accuracy": accuracy,
        "frozen": campaign.state == Campaign.State.FROZEN,
        "days": days,
        "min_group_size": MIN_GROUP_SIZE,
    }
    if context["frozen"] and not accuracy:
        context["state"] = accuracy_state(campaign).value
    if accuracy:
        shares = [ShareAccuracy(**row) for row in accuracy.shares]
        context |= {
            "shares": [(int(days * share.share), share) for share in shares],
            "finding": _finding(shares),
            "reliability": [ReliabilityLine(**row) for row in accuracy.reliability],
        }
    return render(scope, "standing/forecast_accuracy.html", context)


def _finding(shares: Iterable[ShareAccuracy]) -> tuple[int, int]:
    """At how many shares of the time it was better than a straight line, and of how many this can be said."""
    skills = [share.skill for share in shares if share.skill is not None]
    return sum(skill > 0 for skill in skills), len(skills)
