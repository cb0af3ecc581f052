"""Cached standings are used only by a statement that itself checks for pending re-evaluations.

Otherwise an employee who has just submitted the hundredth contact is red on a manager's page.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.campaigns.models import Campaign
from apps.contacts.models import ContactIdentity
from apps.core.outbox import queue_identity_reevaluation
from apps.reports.data_quality import quality_indicators
from apps.reports.standings_report import Standings
from apps.standings import build_summaries
from apps.standings.marking import mark_outbox
from apps.standings.process_runs import sweep
from apps.standings.report_people import OneEmployee, People, WholeCompany
from apps.standings.start_run import reevaluate_all
from tests.people import TESTER, person, record
from tests.standings import brute

# Appears only in a statement that re-evaluates.
JUDGES = "evaluated AS MATERIALIZED"


@pytest.fixture
def campaign(noon: Any) -> Campaign:
    """November of a company of 24, without pending employees."""
    campaign = brute.build(31, size=24)
    mark_outbox()
    return campaign


@pytest.fixture
def summed(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """The same with summaries."""
    monkeypatch.setattr(build_summaries, "MIN_SUMMARY_PEOPLE", 1)
    build_summaries.update_summaries()
    return campaign


def counted(standings: Standings) -> int:
    return sum(standings.by_day.values())


QUESTIONS: dict[str, Callable[[Standings], Any]] = {
    "rows": lambda standings: sorted((row.staff_no, row.counted, row.red, row.stale) for row in standings.page().rows),
    "totals": lambda standings: standings.totals(),
    "curve": counted,
    "meter": lambda standings: replace(quality_indicators(standings, standings.totals()), at=None),
}


def asked(standings: Standings, question: str) -> tuple[Any, bool]:
    """The answer, and whether a re-evaluating statement was sent."""
    with CaptureQueriesContext(connection) as sent:
        answer = QUESTIONS[question](standings)
    return answer, any(JUDGES in query["sql"] for query in sent)


def judged(campaign: Campaign, people: People, question: str) -> Any:
    """The answer with re-evaluation forced."""
    return QUESTIONS[question](Standings(campaign, people, use_summaries=False, assume_up_to_date=False))


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_reevaluated_while_nothing_is_pending(campaign: Campaign, question: str) -> None:
    """Otherwise the page of eight people takes three times as long, for all readers on the last evening."""
    answer, judges = asked(Standings(campaign, WholeCompany()), question)
    assert not judges
    assert answer == judged(campaign, WholeCompany(), question)


@pytest.mark.parametrize("question", QUESTIONS)
def test_pending_employees_are_reevaluated(campaign: Campaign, question: str) -> None:
    record(person("P03"), 2)
    answer, judges = asked(Standings(campaign, WholeCompany()), question)
    assert judges
    assert answer == judged(campaign, WholeCompany(), question)


def test_pending_employees_outside_the_report_are_not_reevaluated(campaign: Campaign) -> None:
    record(person("P03"), 2)
    assert not asked(Standings(campaign, OneEmployee(person("P04"))), "rows")[1]
    assert asked(Standings(campaign, OneEmployee(person("P03"))), "rows")[1]


def test_a_queued_identity_may_concern_any_employee(campaign: Campaign) -> None:
    held = ContactIdentity.objects.filter(employee=person("P05")).earliest("pk")
    queue_identity_reevaluation([(held.kind, bytes(held.digest))], always=True)
    answer, judges = asked(Standings(campaign, OneEmployee(person("P05"))), "rows")
    assert judges
    assert [stale for *_, stale in answer] == [False], "no list says whose contacts somebody wrote about"


def test_employees_in_a_pending_range_are_reevaluated(campaign: Campaign) -> None:
    reevaluate_all(campaign, cause="rule", by=TESTER)
    answer, judges = asked(Standings(campaign, WholeCompany()), "rows")
    assert judges
    assert all(stale for *_, stale in answer)
    sweep()
    assert not asked(Standings(campaign, WholeCompany()), "rows")[1]


@pytest.mark.parametrize("question", ["curve", "meter"])
def test_an_employee_queued_between_two_queries_is_reevaluated_by_the_second(campaign: Campaign, question: str) -> None:
    standings = Standings(campaign, WholeCompany())
    assert not asked(standings, "totals")[1]
    record(person("P03"), 2)
    answer, judges = asked(standings, question)
    assert judges
    right = Standings(campaign, WholeCompany(), use_summaries=False, assume_up_to_date=False)
    right.now = standings.now
    # The first question answers the total beside the indicators.
    assert question == "meter" or answer == counted(right)


@pytest.mark.parametrize("question", QUESTIONS)
def test_of_a_large_team_lists_alone_reevaluate_pending_employees(summed: Campaign, question: str) -> None:
    """Totals show the instant of their sums."""
    before, judges = asked(Standings(summed, WholeCompany()), question)
    assert not judges
    record(person("P03"), 2)
    answer, judges = asked(Standings(summed, WholeCompany()), question)
    assert judges == (question == "rows")
    assert answer == (judged(summed, WholeCompany(), question) if judges else before)
    mark_outbox()
    build_summaries.update_summaries()
    answer, judges = asked(Standings(summed, WholeCompany()), question)
    assert not judges
    assert answer == judged(summed, WholeCompany(), question)
