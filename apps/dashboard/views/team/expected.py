"""How many people of a team or of the company are expected at the target by the deadline. Only sums are read here."""

from apps.campaigns.models import Campaign
from apps.dashboard.labels import expected as words
from apps.dashboard.labels.forecasts import BASES
from apps.dashboard.views.page_context import PageContext
from apps.forecasts.groups_read import CompanyForecasts, Expected, company_forecasts, team_forecasts
from apps.reports.totals import Totals


def is_running(scope: PageContext) -> bool:
    """Whether contacts could count at the page's instant: before and after it nothing is expected."""
    campaign = scope.required_campaign
    return campaign.state != Campaign.State.CANCELLED and scope.rule.in_period(scope.instant)


def of_company(scope: PageContext) -> CompanyForecasts | None:
    """The forecasts of the company and its departments for HR; None for other readers and where there are none."""
    if not scope.user.has_role("hr") or not is_running(scope):
        return None
    return company_forecasts(scope.required_campaign, as_of=scope.instant)


def of_teams(scope: PageContext, manager_ids: list[int]) -> dict[int, Expected] | None:
    """The forecasts of these managers' teams for managers; beside the departments, HR would see who leads a team."""
    if scope.user.has_role("hr") or not is_running(scope):
        return None
    return team_forecasts(scope.required_campaign, manager_ids, as_of=scope.instant)


def expected_line(
    scope: PageContext, totals: Totals, expected: Expected | None, *, is_made: bool
) -> words.ExpectedLine | None:
    """The line below the totals; None where no person's result is open. `is_made`: the night's forecast exists."""
    if not is_running(scope) or not totals.red:
        return None
    if expected is None and is_made:
        return words.too_few()
    if expected is None:
        # What was not forecast on a past day will not be.
        return None if scope.as_of else words.too_early()
    people = totals.people - totals.exempt
    today = people - totals.red
    # The forecast is of the night: those who have reached the target since then are no longer open.
    low, high = max(expected.low, today), min(max(expected.high, today), people)
    return words.ExpectedLine(
        interval=words.interval(min(low, high), high),
        people=people,
        today=today,
        rough=expected.rough,
        basis=BASES[expected.basis.value],
        made_at=expected.made_at,
    )
