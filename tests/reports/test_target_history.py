"""The history of a target: a manager who asks "why is it 50 now?" learns since when, and the value before."""

from datetime import UTC, datetime

from apps.campaigns.models import Adjustment, Campaign, CampaignRule
from apps.employees.models import Employee
from apps.reports import standings_report, targets
from apps.reports.targets import target_steps
from apps.standings import report_people
from tests.people import ask

OPENS = datetime(2026, 11, 1, tzinfo=UTC)
FOR_EVER = datetime.max.replace(tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def version(number: int, target: int, at: datetime) -> CampaignRule:
    return CampaignRule(version=number, target=target, in_force_from=at, opens_at=OPENS)


def adjusted(begins: datetime, ends: datetime = FOR_EVER, ended: datetime | None = None, **terms: object) -> Adjustment:
    return Adjustment(starts_at=begins, ends_at=ends, ended_at=ended, **terms)


def told(*adjustments: Adjustment, look: int = 25) -> list[tuple[int, int, bool, bool]]:
    versions = [version(1, 100, datetime(2026, 10, 20, tzinfo=UTC)), version(2, 80, day(15))]
    return [
        (one.since.day, one.target, one.adjusted, one.exempt)
        for one in target_steps(versions, list(adjustments), day(look))
    ]


def test_without_adjustments_it_is_the_campaigns() -> None:
    assert told() == [(15, 80, False, False), (1, 100, False, False)]
    assert told(look=15) == [(1, 100, False, False)], "just before the 15th"


def test_an_adjustment_holds_until_it_ends_or_is_ended() -> None:
    assert told(adjusted(day(5), day(10), target=50)) == [
        (15, 80, False, False), (10, 100, False, False), (5, 50, True, False), (1, 100, False, False),
    ]  # fmt: skip
    assert told(adjusted(day(5), ended=day(8), target=50))[1] == (8, 100, False, False)
    assert told(adjusted(datetime(2026, 10, 1, tzinfo=UTC), target=50)) == [(1, 50, True, False)]


def test_of_two_the_one_that_began_last_decides_and_target_and_exemption_are_apart() -> None:
    assert told(adjusted(day(5), target=50), adjusted(day(7), day(9), exempt=True), adjusted(day(8), target=40)) == [
        (9, 40, True, False), (8, 40, True, True), (7, 50, True, True), (5, 50, True, False), (1, 100, False, False),
    ]  # fmt: skip


def test_the_last_step_is_what_the_verdict_goes_by(random_company: Campaign) -> None:
    for employee in Employee.objects.all():
        row = standings_report.Standings(random_company, report_people.OneEmployee(employee)).row_of(employee.pk)
        if row:
            step = targets.target_history(random_company, employee, datetime(2026, 11, 23, 4, 1, tzinfo=UTC))[0]
            assert (step.target, step.exempt) == (row.target, row.exempt), employee.staff_no


def test_what_was_not_granted_is_no_step(campaign: Campaign, alice: Employee) -> None:
    ask(campaign=campaign, employee=alice, target=50)
    found = targets.target_history(campaign, alice, datetime(2026, 11, 24, tzinfo=UTC))
    assert [one.target for one in found] == [100]
