"""Adjusting one employee: one HR user requests, another grants, and HR users do not decide about themselves."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from apps.accounts import approvals
from apps.accounts.services import account_for, grant_role
from apps.campaigns.adjustments import approve, requests
from apps.campaigns.adjustments.approve import grant_adjustment
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee
from apps.reports.standings_report import Standings
from apps.standings.models import StandingChange
from apps.standings.report_people import OneEmployee
from tests import people
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, adjust, ask, mark, november, officer, standing

CUTOFF = "2026-12-01T00:00:00+08:00"


def is_red(campaign: Campaign, employee: Employee) -> bool:
    """Mark the campaign, compare every standing with the oracle, and return whether this employee is red."""
    mark()
    assert stored(campaign) == oracle(campaign)
    return standing(campaign, employee).red


def actor(employee: Employee) -> Actor:
    return account_for(employee).actor


def end(made: Adjustment, *, grant: bool = True) -> AdjustmentRequest:
    ending = requests.request_revocation(request=made.request, employee=None, reason="back early", by=officer("asks"))
    if grant:
        grant_adjustment(request_id=ending.pk, by=officer("grants"))
    return ending


def test_what_was_only_asked_for_changes_nobodys_standing(campaign: Campaign, alice: Employee) -> None:
    asked = ask(campaign=campaign, employee=alice, exempt=True)
    assert not OutboxRow.objects.exists()
    assert is_red(campaign, alice)
    grant_adjustment(request_id=asked.pk, by=officer("grants"))
    assert OutboxRow.objects.filter(employee_id=alice.pk).exists(), "noted in the same transaction"
    assert not is_red(campaign, alice)
    assert [flip.red for flip in StandingChange.objects.filter(employee=alice)] == [False]


def test_an_end_takes_a_second_person_too_and_turns_red_again(campaign: Campaign, alice: Employee) -> None:
    made = adjust(campaign=campaign, employee=alice, exempt=True)
    assert not is_red(campaign, alice)
    ending = end(made, grant=False)
    assert not is_red(campaign, alice), "asked for only"
    with pytest.raises(Refused, match="requested this yourself"):
        grant_adjustment(request_id=ending.pk, by=officer("asks"))
    grant_adjustment(request_id=ending.pk, by=officer("grants"))
    assert is_red(campaign, alice)
    kept = Adjustment.objects.get(pk=made.pk)
    assert (kept.exempt, kept.granted_at, kept.starts_at, kept.ends_at) == (
        True, made.granted_at, made.starts_at, made.ends_at,
    )  # fmt: skip
    with pytest.raises(Refused, match="nothing to end"):
        end(made)


def test_a_look_back_shows_an_adjustment_as_it_is_known_now(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """A leave dated from the 5th and granted on the 23rd holds on the 10th in a query with today's knowledge."""
    fifth, tenth = datetime(2026, 11, 5, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
    made = adjust(campaign=campaign, employee=alice, exempt=True, starts_at=fifth)
    mark()
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    end(made)
    exempt = {at: {no: free for no, _c, _t, free, _r in oracle(campaign, at)}["A001"] for at in (fifth, tenth)}
    assert exempt == {fifth: False, tenth: True}
    for at, expected in {**exempt, datetime(2026, 11, 24, tzinfo=UTC): True, clock.now(): False}.items():
        row = Standings(campaign, OneEmployee(alice), as_of=at).row_of(alice.pk)
        assert row
        assert row.exempt is expected, at


def test_nobody_asks_for_themself_nor_grants_it(campaign: Campaign, hr: Employee, alan: Employee) -> None:
    grant_role(employee=alan, role="hr", by=TESTER)
    with pytest.raises(Refused, match="about you"):
        requests.request_adjustment(
            campaign=campaign, employee=hr, kind="leave", reason="x", exempt=True, by=actor(hr)
        )  # fmt: skip
    asked = ask(campaign=campaign, employee=hr, exempt=True)
    for act in (
        lambda: grant_adjustment(request_id=asked.pk, by=actor(hr)),
        lambda: approve.refuse_adjustment(request_id=asked.pk, note="no", by=actor(hr)),
    ):
        with pytest.raises(Refused, match="about you"):
            act()
    with pytest.raises(Refused, match="requested this yourself"):
        grant_adjustment(request_id=asked.pk, by=officer("asks"))
    grant_adjustment(request_id=asked.pk, by=actor(alan))
    with pytest.raises(Refused, match="about you"):
        requests.request_revocation(request=asked, employee=None, reason="x", by=actor(hr))


def test_only_who_is_of_hr_at_that_moment_acts(campaign: Campaign, alice: Employee, hr: Employee) -> None:
    asked = ask(campaign=campaign, employee=alice, exempt=True)
    grant_role(employee=hr, role="hr", by=TESTER, revoke=True)
    for by in (actor(hr), actor(alice), TESTER):
        with pytest.raises(Refused, match="Only HR"):
            grant_adjustment(request_id=asked.pk, by=by)
        with pytest.raises(Refused, match="Only HR"):
            requests.request_adjustment(campaign=campaign, employee=alice, kind="leave", reason="x", exempt=True, by=by)
    assert is_red(campaign, alice)


def test_what_is_decided_stays_decided(campaign: Campaign, alice: Employee) -> None:
    grants, decide = officer("grants"), approve
    asked = ask(campaign=campaign, employee=alice, exempt=True)
    with pytest.raises(Refused, match="reason for refusal"):
        decide.refuse_adjustment(request_id=asked.pk, note=" ", by=grants)
    with pytest.raises(Refused, match="You can withdraw"):
        decide.refuse_adjustment(request_id=asked.pk, note="no", by=officer("asks"))
    with pytest.raises(Refused, match="You can refuse"):
        decide.withdraw_adjustment(request_id=asked.pk, by=grants)
    decide.refuse_adjustment(request_id=asked.pk, note="not a leave", by=grants)
    with pytest.raises(Refused, match="grants has already refused this"):
        grant_adjustment(request_id=asked.pk, by=officer("third"))
    second = ask(campaign=campaign, employee=alice, exempt=True)
    decide.withdraw_adjustment(request_id=second.pk, by=officer("asks"))
    with pytest.raises(Refused, match="asks has already withdrawn this"):
        grant_adjustment(request_id=second.pk, by=grants)
    assert is_red(campaign, alice)


def test_a_form_sent_twice_asks_once(campaign: Campaign, alice: Employee) -> None:
    key = AdjustmentRequest._meta.get_field("key").get_default()
    first = ask(campaign=campaign, employee=alice, exempt=True, key=key)
    assert ask(campaign=campaign, employee=alice, exempt=True, key=key) == first
    with pytest.raises(Refused, match="Another user"):
        requests.request_adjustment(
            campaign=campaign, employee=alice, kind="leave", reason="x", exempt=True, key=key, by=officer("third")
        )
    with pytest.raises(Refused, match="already waiting for a decision"):
        ask(campaign=campaign, employee=alice, target=5)


def test_a_waiting_request_keeps_no_other_hr_user_from_requesting(campaign: Campaign, alice: Employee) -> None:
    """Otherwise one HR user files requests that no one decides, and people on leave stay red at the deadline."""
    ask(campaign=campaign, employee=alice, target=5)
    other = requests.request_adjustment(
        campaign=campaign, employee=alice, kind="leave", reason="x", exempt=True, by=officer("second")
    )
    grant_adjustment(request_id=other.pk, by=officer("third"))
    assert Adjustment.objects.get(granted_at__isnull=False).exempt


def test_one_account_has_few_waiting_requests(
    campaign: Campaign, alice: Employee, alan: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one HR user fills the list of those who decide, and what matters is not found in it."""
    monkeypatch.setattr(requests, "MAX_WAITING", 1)
    ask(campaign=campaign, employee=alice, exempt=True)
    with pytest.raises(Refused, match="To request more, upload a file"):
        ask(campaign=campaign, employee=alan, exempt=True)
    requests.request_adjustment(
        campaign=campaign, employee=alan, kind="leave", reason="x", exempt=True, by=officer("another")
    )


def test_withdrawn_requests_and_endings_count_in_the_number_of_a_day(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one HR user asks and withdraws without end: none of these rows and audit entries can be deleted."""
    monkeypatch.setattr(approvals, "MAX_REQUESTS_A_DAY", 3)
    made = adjust(campaign=campaign, employee=alice, exempt=True)
    acts = (lambda: ask(campaign=campaign, employee=alice, target=5), lambda: end(made, grant=False))
    for act, left in zip(acts, (2, 3), strict=True):
        for _request in range(left):
            approve.withdraw_adjustment(request_id=act().pk, by=officer("asks"))
        with pytest.raises(Refused, match="within a day"):
            act()
    requests.request_revocation(request=made.request, employee=None, reason="x", by=officer("another"))
    clock.set(db_now() + timedelta(days=1, minutes=1))
    ask(campaign=campaign, employee=alice, target=5)


def close(campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state="closing")


def test_a_campaign_that_is_being_closed_is_not_adjusted(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    made = adjust(campaign=campaign, employee=alan, exempt=True)
    asked = ask(campaign=campaign, employee=alice, exempt=True)
    close(campaign)
    for act in (
        lambda: grant_adjustment(request_id=asked.pk, by=officer("grants")),
        lambda: ask(campaign=campaign, employee=alice, target=5),
        lambda: end(made),
    ):
        with pytest.raises(Refused, match="being closed"):
            act()
    approve.refuse_adjustment(request_id=asked.pk, note="too late", by=officer("grants"))


def test_from_the_deadline_on_no_adjustment_reaches_back(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    asked = ask(campaign=campaign, employee=alice, exempt=True)
    clock.set(datetime.fromisoformat(CUTOFF) - timedelta(microseconds=9), ticks=False)
    last = ask(campaign=campaign, employee=people.person("A002"), exempt=True)
    grant_adjustment(request_id=last.pk, by=officer("grants"))
    clock.set(CUTOFF)
    with pytest.raises(Refused, match="deadline has passed"):
        grant_adjustment(request_id=asked.pk, by=officer("grants"))
    assert is_red(campaign, alice)
    assert not standing(campaign, people.person("A002")).red


def test_old_data_may_be_adjusted_until_it_is_frozen(company: dict[str, Employee], alice: Employee) -> None:
    past = november(name="October", opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))
    mark()
    adjust(campaign=past, employee=alice, exempt=True)
    assert not is_red(past, alice)


def test_days_are_the_campaigns_first_and_last_inclusive(campaign: Campaign) -> None:
    begin, end_ = requests.adjustment_period(campaign.rule, date(2026, 11, 5), date(2026, 11, 30))
    assert begin == datetime.fromisoformat("2026-11-05T00:00:00+08:00")
    assert end_ == datetime.fromisoformat(CUTOFF)
    begin, end_ = requests.adjustment_period(campaign.rule, None, None)
    assert (begin, end_) == (campaign.rule.opens_at, datetime.max.replace(tzinfo=UTC))
    with pytest.raises(Refused, match="These dates are not valid"):
        requests.adjustment_period(campaign.rule, None, date.max)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"starts_at": CUTOFF}, "after the deadline"),
        ({"ends_at": "2026-11-01T00:00:00+08:00", "starts_at": "2026-10-01T00:00:00+08:00"}, "before the campaign"),
        ({"kind": "other"}, "in a few words"),
        ({"kind": "holiday"}, "Choose a category"),
    ],
)
def test_what_would_change_nothing_or_says_nothing_is_refused(
    campaign: Campaign, alice: Employee, terms: dict[str, Any], said: str
) -> None:
    dated = {name: datetime.fromisoformat(value) if name.endswith("_at") else value for name, value in terms.items()}
    with pytest.raises(Refused, match=said):
        ask(campaign=campaign, employee=alice, exempt=True, **dated)


def test_every_step_stands_in_the_audit_trail_and_no_reason_does(campaign: Campaign, alice: Employee) -> None:
    made = adjust(campaign=campaign, employee=alice, target=40, reason="a sick child")
    end(made)
    approve.refuse_adjustment(
        request_id=ask(campaign=campaign, employee=alice, target=9).pk, note="no", by=officer("grants")
    )
    entries = AuditEntry.objects.filter(action__regex="adjust").order_by("id")
    steps = [(one.action, one.actor_label) for one in entries]
    assert steps == [
        ("adjustment.asked", "asks"), ("standing.adjusted", "grants"), ("adjustment.granted", "grants"),
        ("adjustment.end_asked", "asks"), ("standing.adjustment_ended", "grants"),
        ("adjustment.end_granted", "grants"), ("adjustment.asked", "asks"), ("adjustment.refused", "grants"),
    ]  # fmt: skip
    told = entries.get(action="standing.adjusted")
    assert (told.subject_kind, told.subject_id, told.detail["target"]) == ("employee", "A001", 40)
    assert "sick" not in str(list(entries.values_list("detail", flat=True)))
