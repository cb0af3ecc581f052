"""Adjusting many by one rule: the previewed list is the list that is requested and granted."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.services import account_for, grant_role
from apps.campaigns.adjustments import requests
from apps.campaigns.adjustments.approve import grant_adjustment, recheck
from apps.campaigns.adjustments.bulk_targets import BulkTargets
from apps.campaigns.adjustments.late_joiners import preview_rule, request_prorated_targets
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign, CampaignRule
from apps.campaigns.population import prorated_target_sql
from apps.core import clock
from apps.core.errors import Refused
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, adjust, ask, load, mark, november, officer, person, standing
from tests.standings import rules_oracle

HEADER = "staff_no,name,email,department,started_on,left_on\n"
OPENED, DEADLINE = date(2026, 11, 1), date(2026, 11, 30)


def line(number: str, started: str = "", department: str = "Sales", left: str = "") -> str:
    return f"{number},Name {number},{number.lower()}@corp.example.com,{department},{started},{left}"


@pytest.fixture
def joined(company: dict[str, Employee]) -> Campaign:
    """November with long-serving employees, joiners on the 2nd, 12th and 20th, a returner and a future employee."""
    rows = [
        line("J02", "2026-11-02"), line("J12", "2026-11-12"), line("J20", "2026-11-20", "Support"),
        line("OLD", "2020-01-01"), line("FIRST", "2026-11-01"), line("NEXT", "2026-11-28"),
        line("BACK", "2026-11-03", left="2026-11-05"),
    ]  # fmt: skip
    load(HEADER + "\n".join(rows))
    load(HEADER + line("BACK", "2026-11-18"))
    campaign = november()
    mark()
    return campaign


def preview(campaign: Campaign, after: date = OPENED, department: str = "", besides: int | None = None) -> BulkTargets:
    return preview_rule(
        campaign.rule, clock.db_now(), joined_after=after, department=department, acting_employee_id=besides
    )


def ask_for(campaign: Campaign, by: Any = None, **rule: Any) -> AdjustmentRequest:
    found = preview(campaign, **rule)
    return request_prorated_targets(
        campaign=campaign, joined_after=rule.get("after", OPENED), department=rule.get("department", ""),
        reason="came later", expected_digest=found.digest, by=by or officer("asks"),
    )  # fmt: skip


def check(request: AdjustmentRequest, besides: int | None = None) -> BulkTargets:
    request.refresh_from_db()
    return recheck(request, request.campaign.rule, clock.db_now(), besides)


def grant(request: AdjustmentRequest) -> int:
    return grant_adjustment(request_id=request.pk, expected_digest=check(request).digest, by=officer("grants"))


def targets(found: BulkTargets) -> dict[str, int]:
    return {one.staff_no: one.target for one in found.listed}


@pytest.mark.parametrize(
    ("joined_on", "target", "expected"),
    [
        ("2026-10-01", 100, 100),  # employed before the opening
        ("2026-11-01", 100, 100),
        ("2026-11-02", 100, 97),  # 29 of 30 days: 96.67
        ("2026-11-12", 100, 64),  # 19 of 30: 63.33
        ("2026-11-16", 100, 50),  # half, exactly
        ("2026-11-30", 100, 4),  # the last day: 3.33
        ("2026-11-30", 1, 1),
        ("2026-12-05", 100, 1),  # after it: the minimum is 1
        ("2026-11-12", 1_000_000, 633_334),
    ],
)
def test_the_share_is_by_days_and_rounded_up(joined_on: str, target: int, expected: int) -> None:
    assert rules_oracle.pro_rata(target, OPENED, DEADLINE, date.fromisoformat(joined_on)) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    opens=st.dates(date(2000, 1, 1), date(2100, 1, 1)), length=st.integers(0, 800), target=st.integers(1, 1_000_000),
    days=st.lists(st.integers(-40, 840), min_size=1, max_size=20),
)  # fmt: skip
def test_the_share_in_sql_is_the_share_in_python(
    db: None, opens: date, length: int, target: int, days: list[int]
) -> None:
    rule = CampaignRule(opens_on=opens, deadline=opens + timedelta(days=length), target=target)
    joined = [opens + timedelta(days=day) for day in days]
    values = ", ".join(f"({n}, '{day}'::date)" for n, day in enumerate(joined))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {prorated_target_sql(rule, 'day')} FROM (VALUES {values}) joined(n, day) ORDER BY n")
        in_sql = [share for (share,) in cursor.fetchall()]
    assert in_sql == [rules_oracle.pro_rata(target, opens, rule.deadline, day) for day in joined]


def test_the_list_holds_who_joined_after_the_day_and_nobody_else(joined: Campaign) -> None:
    # BACK worked on the 3rd: the first employment in the campaign decides, not the last.
    assert targets(preview(joined)) == {"BACK": 94, "J02": 97, "J12": 64, "J20": 37}
    assert targets(preview(joined, date(2026, 11, 12))) == {"J20": 37}
    assert targets(preview(joined, department="Sales")) == {"BACK": 94, "J02": 97, "J12": 64}
    assert targets(preview(joined, department="Nowhere")) == {}
    [one] = preview(joined, date(2026, 11, 12)).listed
    assert (one.joined_on, one.old_target, one.department) == (date(2026, 11, 20), 100, "Support")


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "UTC"])
def test_the_first_day_is_the_rosters_whatever_zone_the_campaign_has(joined: Campaign, zone: str) -> None:
    """HR entered 12 November; a campaign in another time zone must not turn it into the 11th."""
    other = november(name="Other", time_zone=zone)
    days = {one.staff_no: one.joined_on for one in preview(other).listed}
    assert days["J12"] == date(2026, 11, 12)


@pytest.mark.parametrize("day", ["2026-10-31", "2026-11-30", "2027-01-01"])
def test_a_day_outside_the_campaign_is_refused(joined: Campaign, day: str) -> None:
    with pytest.raises(Refused) as refused:
        preview(joined, date.fromisoformat(day))
    assert refused.value.field == "joined_after"


def test_one_grant_adjusts_everybody_of_the_list(joined: Campaign) -> None:
    request = ask_for(joined)
    mark()
    assert {one.target for one in joined.standing_set.all()} == {100}
    assert grant(request) == 4
    assert OutboxRow.objects.count() == 4
    mark()
    found = {no: target for no, _counted, target, _exempt, _red in stored(joined) if target != 100}
    assert found == {"BACK": 94, "J02": 97, "J12": 64, "J20": 37}
    assert stored(joined) == oracle(joined)
    assert AuditEntry.objects.filter(action="standing.adjusted").count() == 4
    assert AuditEntry.objects.get(action="adjustment.granted").detail["people"] == 4


def test_whoever_has_an_own_adjustment_is_left_out_and_named(joined: Campaign) -> None:
    adjust(campaign=joined, employee=person("J12"), exempt=True)
    ask(campaign=joined, employee=person("J20"), exempt=True)
    found = preview(joined)
    assert set(targets(found)) == {"BACK", "J02", "J20"}, "a request that waits keeps no one out"
    assert [(one.staff_no, one.skip_reason) for one in found.skipped] == [("J12", "own")]


def test_hr_is_left_out_of_what_they_ask_for_and_grant(joined: Campaign) -> None:
    for number in ("J12", "J20"):
        grant_role(employee=person(number), role="hr", by=TESTER)
    asker, granter = (account_for(person(number)) for number in ("J12", "J20"))
    found = preview(joined, besides=asker.employee_id)
    assert [(one.staff_no, one.skip_reason) for one in found.skipped] == [("J12", "self")]
    request = request_prorated_targets(
        campaign=joined, joined_after=OPENED, reason="x", expected_digest=found.digest, by=asker.actor
    )  # fmt: skip
    seen = check(request, granter.employee_id)
    assert [(one.staff_no, one.skip_reason) for one in seen.skipped] == [("J20", "self")]
    assert grant_adjustment(request_id=request.pk, expected_digest=seen.digest, by=granter.actor) == 2
    assert Adjustment.objects.get(employee=person("J20")).left_out == "self"


def test_whose_facts_change_before_the_grant_is_shown_and_left_out(joined: Campaign) -> None:
    request = ask_for(joined)
    load(HEADER + line("J02", "2026-11-02", left="2026-11-20"))
    load("staff_no,name,email,started_on\nJ20,Name J20,j20@corp.example.com,2026-11-10")
    adjust(campaign=joined, employee=person("J12"), exempt=True)
    load(HEADER + line("NEW", "2026-11-22"))
    found = check(request)
    assert [(one.staff_no, one.skip_reason) for one in found.skipped] == [
        ("J02", "gone"), ("J12", "own"), ("J20", "changed"),
    ]  # fmt: skip
    assert [one.staff_no for one in found.newcomers] == ["NEW"]
    assert grant(request) == 1
    assert dict(Adjustment.objects.filter(request=request).values_list("employee__staff_no", "left_out")) == {
        "BACK": "", "J02": "gone", "J12": "own", "J20": "changed",
    }  # fmt: skip
    mark()
    assert stored(joined) == oracle(joined)


def test_a_list_that_changed_since_it_was_looked_at_is_refused(joined: Campaign) -> None:
    before = preview(joined).digest
    load(HEADER + line("NEW", "2026-11-22"))
    with pytest.raises(Refused, match="has changed since"):
        request_prorated_targets(
            campaign=joined, joined_after=OPENED, reason="x", expected_digest=before, by=officer("asks")
        )
    request = ask_for(joined)
    seen = check(request).digest
    adjust(campaign=joined, employee=person("J12"), exempt=True)
    with pytest.raises(Refused, match="has changed since"):
        grant_adjustment(request_id=request.pk, expected_digest=seen, by=officer("grants"))
    request.refresh_from_db()
    assert request.waiting


def test_a_list_of_nobody_is_neither_asked_for_nor_granted(joined: Campaign) -> None:
    with pytest.raises(Refused, match="This list is empty"):
        ask_for(joined, department="Nowhere")
    request = ask_for(joined, after=date(2026, 11, 12))
    adjust(campaign=joined, employee=person("J20"), exempt=True)
    with pytest.raises(Refused, match="no longer affect anyone"):
        grant(request)
    assert Adjustment.objects.get(request=request).left_out == "", "undone with the rest"


def test_one_of_many_can_be_ended_and_then_all(joined: Campaign) -> None:
    request = ask_for(joined)
    grant(request)
    one = requests.request_revocation(request=request, employee=person("J12"), reason="x", by=officer("asks"))
    assert grant_adjustment(request_id=one.pk, by=officer("grants")) == 1
    mark()
    assert standing(joined, person("J12")).target == 100
    assert standing(joined, person("J20")).target == 37
    rest = requests.request_revocation(request=request, employee=None, reason="x", by=officer("asks"))
    assert grant_adjustment(request_id=rest.pk, by=officer("grants")) == 3
    mark()
    assert {target for _no, _counted, target, _exempt, _red in stored(joined)} == {100}
    assert stored(joined) == oracle(joined)


def test_who_acts_in_an_end_for_many_keeps_their_own(joined: Campaign) -> None:
    request = ask_for(joined)
    grant(request)
    grant_role(employee=person("J12"), role="hr", by=TESTER)
    ending = requests.request_revocation(request=request, employee=None, reason="x", by=officer("asks"))
    assert grant_adjustment(request_id=ending.pk, by=account_for(person("J12")).actor) == 3
    assert Adjustment.objects.get(employee=person("J12")).ended_at is None


def questions(size: int, noon: Clock) -> list[int]:
    """Return the query counts of preview, request, second preview and grant, with `size` late joiners."""
    load(HEADER + "\n".join(line(f"N{n:05d}", "2026-11-12") for n in range(size)))
    campaign = november(name=f"Of {size}")
    mark()
    asks, grants = officer("asks"), officer("grants")
    counts = []

    def counted(act: Any) -> Any:
        with CaptureQueriesContext(connection) as asked:
            result = act()
        counts.append(len(asked))
        return result

    found = counted(lambda: preview(campaign))
    assert len(found.listed) == size
    request = counted(lambda: ask_for(campaign, asks))
    seen = counted(lambda: check(request))
    granted = counted(
        lambda: grant_adjustment(request_id=request.pk, expected_digest=seen.digest, by=grants)
    )  # fmt: skip
    assert granted == size
    return counts


def test_three_hundred_are_adjusted_with_the_statements_of_three(noon: Clock) -> None:
    few = questions(3, noon)
    assert questions(300, noon) == few
