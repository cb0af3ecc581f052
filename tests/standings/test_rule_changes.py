"""A rule change: red employees change as the preview showed, the past keeps its rule, and no write interferes."""

import uuid
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rule_draft import RuleDraft  # fmt: skip
from apps.campaigns.selectors import select_campaign
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.locks import lock_facts
from apps.core.models import AuditEntry, Setting
from apps.employees.models import Employee
from apps.reports import standings_report, targets
from apps.results import close_submissions
from apps.results.close_submissions import CutoffNotReached, begin_closing
from apps.results.closing_approvals import close_or_request
from apps.results.freeze import freeze, freeze_due_campaigns
from apps.standings import report_people, rule_changes
from apps.standings.campaign_lifecycle import cancel_campaign
from apps.standings.marking import mark_outbox
from apps.standings.models import StandingChange
from apps.standings.rule_changes import change_rule, preview_rule_change
from tests.crowd import Gate, at_once, meanwhile
from tests.fixtures import Clock
from tests.oracle import oracle, recount, stored
from tests.people import TESTER, mark, november, record, standing


def terms_of(rule: CampaignRule) -> RuleDraft:
    names = RuleDraft.__dataclass_fields__
    return RuleDraft(**{name: getattr(rule, name) for name in names})


def change(campaign: Campaign, *, seen: int = 1, reason: str = "too much", **changed: Any) -> CampaignRule:
    rule = campaign.rules.get(version=seen)
    return change_rule(
        campaign=campaign, draft=replace(terms_of(rule), **changed), expected_version=seen, reason=reason, by=TESTER
    )  # fmt: skip


@pytest.mark.parametrize(
    "changed", [{"target": 2}, {"target": 9}, {"confirmed_only": True}, {"exclusive": True, "target": 3}]
)
def test_red_moves_exactly_as_the_look_said(random_company: Campaign, changed: dict[str, Any]) -> None:
    mark()
    rule = random_company.rule
    wanted = {name: not getattr(rule, name) if value is True else value for name, value in changed.items()}
    terms = replace(terms_of(rule), **wanted)
    before = {no: red for no, _counted, _target, _exempt, red in stored(random_company)}
    seen = preview_rule_change(campaign=random_company, draft=terms, expected_version=rule.version, now=db_now()).effect
    flips = StandingChange.objects.count()
    change_rule(campaign=random_company, draft=terms, expected_version=rule.version, reason="x", by=TESTER)
    mark()
    after = {no: red for no, _counted, _target, _exempt, red in stored(random_company)}
    assert stored(random_company) == oracle(random_company)
    assert seen
    assert (seen.people_before, seen.people) == (len(before), len(after))
    assert (seen.red_before, seen.red) == (sum(before.values()), sum(after.values()))
    assert seen.turned_red == sum(red and not before[no] for no, red in after.items())
    assert seen.turned_not_red == sum(before[no] and not red for no, red in after.items())
    assert StandingChange.objects.count() - flips == seen.turned_red + seen.turned_not_red
    assert recount(random_company) == []


def test_who_comes_in_and_who_goes_out_turns_neither_way(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    record(alice, 3)
    mark()
    change(campaign, target=3, scope=["Sales", "Board"])
    mark()
    terms = replace(terms_of(campaign.rules.get(version=2)), scope=["Support", "Sales"], target=4)
    seen = preview_rule_change(campaign=Campaign.objects.get(), draft=terms, expected_version=2, now=db_now()).effect
    assert seen
    assert (seen.people_before, seen.people, seen.entered, seen.entered_red, seen.departed, seen.departed_red) == (
        4,
        5,
        2,
        2,
        1,
        1,
    )
    assert (seen.turned_red, seen.turned_not_red, seen.red) == (1, 0, 5)


def test_a_day_before_the_change_keeps_the_rule_of_that_day(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    record(alice, 60)
    mark()
    before = db_now()
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    made = change(campaign, target=60)
    mark()
    campaign = Campaign.objects.get()
    for as_of, target, red in ((before, 100, True), (made.in_force_from, 100, True), (db_now(), 60, False)):
        row = standings_report.Standings(campaign, report_people.OneEmployee(alice), as_of=as_of).row_of(alice.pk)
        assert row
        assert (row.target, row.red) == (target, red)
    assert (standing(campaign, alice).target, standing(campaign, alice).red) == (60, False)
    assert [(one.target, one.since) for one in targets.target_history(campaign, alice, db_now())] == [
        (60, made.in_force_from), (100, campaign.rule.opens_at),
    ]  # fmt: skip
    entry = AuditEntry.objects.get(action="campaign.rule_changed")
    assert entry.detail == {"version": 2, "reason": "too much", "changed": {"target": [100, 60]}}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({}, ""),
        ({"target": 0}, "target"),
        ({"target": 90, "reason": " \u200b"}, "reason"),
        ({"deadline": date(2026, 11, 22)}, "deadline"),
        ({"opens_on": date(2026, 11, 24)}, "opens_on"),
        ({"company_domains": ["a b"]}, "company_domains"),
    ],
)
def test_what_is_no_change_is_refused_by_field(campaign: Campaign, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        change(campaign, **changed)
    assert (refused.value.field, refused.value.conflict) == (field, False)
    assert campaign.rules.count() == 1


def test_nothing_changes_after_the_deadline_the_close_or_a_cancellation(campaign: Campaign, clock: Clock) -> None:
    other = november(name="Other")
    cancel_campaign(campaign=other, reason="x", by=TESTER)
    clock.set(campaign.rule.cutoff_at, ticks=True)
    for step in (
        lambda: None,
        lambda: begin_closing(campaign, TESTER),
        lambda: freeze(campaign=campaign, by=TESTER, wait=False),
    ):
        step()
        for one in (campaign, other):
            with pytest.raises(Refused) as refused:
                change(one, deadline=date(2026, 12, 31))
            assert refused.value.conflict
    assert CampaignRule.objects.count() == 2


def test_before_the_opening_no_reason_is_needed(company: dict[str, Employee]) -> None:
    later = november(name="December", opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    terms = replace(terms_of(later.rule), opens_on=date(2026, 12, 5))
    seen = preview_rule_change(campaign=later, draft=terms, expected_version=1, now=db_now())
    assert (seen.effect, seen.people) == (None, 9)
    assert change(later, reason="", opens_on=date(2026, 12, 5)).version == 2


def test_a_change_to_exclusive_counting_makes_writers_note_identities(campaign: Campaign) -> None:
    change(campaign, exclusive=True)
    assert Setting.objects.filter(name="watch_identities").exists()


def test_a_closing_before_the_cutoff_keeps_no_writer_waiting(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for the exclusive lock would delay all entries, the last ones past the deadline."""
    monkeypatch.setattr(close_submissions, "lock_facts", lambda **_options: pytest.fail("all writers wait"))
    with pytest.raises(CutoffNotReached):
        begin_closing(campaign, TESTER)


def test_the_close_of_a_frozen_campaign_keeps_no_writer_waiting(
    campaign: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One HR user could otherwise close it again and again, and keep every employee from recording."""
    clock.set("2026-12-01T00:00:30+08:00")
    freeze(campaign=campaign, by=TESTER, wait=True)
    monkeypatch.setattr(close_submissions, "lock_facts", lambda **_options: pytest.fail("all writers wait"))
    assert close_or_request(campaign=Campaign.objects.get(), by=TESTER) is None


def test_after_many_versions_another_needs_a_second_person(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages read rules: with thousands of versions, one HR user slowed down every page of the site."""
    monkeypatch.setattr(rule_changes, "MAX_VERSIONS_ALONE", 2)
    later = november(name="December", opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    change(later, target=90)
    seen = preview_rule_change(
        campaign=Campaign.objects.get(), draft=replace(terms_of(later.rule), target=80), expected_version=2,
        now=db_now(),
    )  # fmt: skip
    assert not seen.needs_no_approval


def test_a_page_reads_only_the_newest_version_of_each_rule(campaign: Campaign, alice: Employee) -> None:
    for seen in range(1, 6):
        change(Campaign.objects.get(), seen=seen, target=100 - seen)
    account = account_for(alice)
    with CaptureQueriesContext(connection) as captured:
        [chosen] = select_campaign(account, None).campaigns
        assert chosen.rule.version == 6
        assert chosen.rule_at(db_now() + timedelta(minutes=1)) is chosen.rule
    assert len(captured) <= 3, "the rules, and the employee of the account with the position"
    assert [rule.version for rule in chosen.versions] == [1, 2, 3, 4, 5, 6]


@pytest.mark.django_db(transaction=True)
def test_a_change_of_a_rule_beside_a_long_writer_keeps_no_other_writer_waiting(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(rule_changes, "WAIT_SECONDS", 0.5)
    monkeypatch.setattr(rule_changes, "lock_facts", lambda **_options: pytest.fail("all writers wait"))

    def write() -> None:
        with transaction.atomic():
            lock_facts()
            gate.before(lambda: None)()

    with meanwhile(write):
        gate.wait()
        with pytest.raises(Refused, match="Try again"):
            change(campaign)
        gate.open()


@pytest.mark.parametrize(
    ("deadline", "at", "frozen"),
    [(date(2026, 12, 10), "2026-12-01T00:00:30+08:00", False), (date(2026, 11, 25), "2026-11-26T00:00:30+08:00", True)],
)
def test_whoever_read_the_rule_before_the_change_freezes_by_the_new_one(
    campaign: Campaign, clock: Clock, deadline: date, at: str, frozen: bool
) -> None:
    assert campaign.rule.deadline == date(2026, 11, 30)
    change(campaign, deadline=deadline)
    clock.set(at, ticks=True)
    if not frozen:
        with pytest.raises(CutoffNotReached):
            begin_closing(campaign, TESTER)
        assert freeze_due_campaigns(TESTER) == []
        assert Campaign.objects.get().state == "open"
        return
    result = freeze(campaign=campaign, by=TESTER, wait=False)
    assert result
    assert (result.rule_version, result.cutoff_at) == (2, campaign.rules.get(version=2).cutoff_at)


# -- at once -------------------------------------------------------------------------------------------------------


def outcomes(results: list[Any]) -> tuple[list[Any], list[Refused]]:
    """The successful results and the refusals. Any other exception fails the test."""
    refused = [one for one in results if isinstance(one, Refused)]
    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, Refused)]
    return [one for one in results if not isinstance(one, Exception)], refused


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_is_made_and_the_other_looks_again(campaign: Campaign) -> None:
    made, refused = outcomes(at_once(*(partial(change, campaign, target=target) for target in (60, 70, 80))))
    assert (len(made), len(refused)) == (1, 2)
    assert all(one.conflict and "Check it again" in one.message for one in refused)
    assert [one.version for one in Campaign.objects.get().versions] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_a_double_click_changes_once(campaign: Campaign) -> None:
    terms = replace(terms_of(campaign.rule), target=60)
    click = partial(
        change_rule, campaign=campaign, draft=terms, expected_version=1, reason="x", key=uuid.uuid4(), by=TESTER
    )
    made, refused = outcomes(at_once(*[click] * 4))
    assert (len(made), refused, campaign.rules.count()) == (4, [], 2)


@pytest.mark.django_db(transaction=True)
def test_marks_beside_changes_end_with_the_newest_rule(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    for version in (1, 2, 3):
        record(alice, 2)
        record(alan, 3)
        results = at_once(mark_outbox, mark, partial(change, campaign, seen=version, target=version), mark_outbox)
        assert not [one for one in results if isinstance(one, Exception)]
        mark()
        assert stored(campaign) == oracle(campaign)
        assert recount(campaign) == []
        assert {target for _no, _counted, target, *_ in stored(campaign)} == {version}


@pytest.mark.django_db(transaction=True)
def test_a_change_beside_the_close_is_before_it_or_refused(campaign: Campaign, clock: Clock) -> None:
    for round_ in range(4):
        one = november(name=f"Round {round_}")
        clock.set("2026-11-30T23:59:59.999994+08:00", ticks=True)
        closed, changed = at_once(
            partial(begin_closing, one, TESTER), partial(change, one, deadline=date(2026, 12, 31))
        )  # fmt: skip
        one = Campaign.objects.get(pk=one.pk)
        if one.state == "closing":
            assert isinstance(changed, Refused)
            assert one.rule.version == 1
        else:
            assert isinstance(closed, CutoffNotReached)
        clock.set("2026-11-23T12:00:00+08:00", ticks=True)
