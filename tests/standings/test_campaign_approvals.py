"""Campaign steps that need a second person. Without it one HR user could turn people red, or learn whose contact a
person is."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from apps.accounts.approvals import refuse_request
from apps.accounts.models import Account, ApprovalRequest, Role
from apps.campaigns.adjustments import approve as approve_adjustment
from apps.campaigns.models import AdjustmentRequest, Campaign, CampaignRule
from apps.campaigns.rule_draft import RuleDraft
from apps.contacts.services.changes import end_contact
from apps.core import clock as core_clock
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.results.closing_approvals import close_or_request
from apps.results.corrections import CorrectionDraft, request_correction
from apps.results.freeze import freeze
from apps.standings import campaign_approvals, opening_approvals, rule_changes
from apps.standings.approvable_changes import effect_of_request
from apps.standings.campaign_approvals import cancel_or_request, change_rule_or_request
from apps.standings.opening_approvals import open_or_request
from apps.standings.rule_changes import change_rule, preview_rule_change
from tests import commands, people
from tests.crowd import Gate, meanwhile
from tests.fixtures import Clock
from tests.people import approve, officer, record, record_one

pytestmark = pytest.mark.django_db
OPERATOR = Actor(None, "operator")


def terms_of(rule: CampaignRule, **wanted: Any) -> RuleDraft:
    names = ("target", "opens_on", "deadline", "time_zone", "exclusive", "confirmed_only", "scope", "company_domains")
    return replace(RuleDraft(**{name: getattr(rule, name) for name in names}), **wanted)


def change(campaign: Campaign, by: Actor | None = None, **wanted: Any) -> CampaignRule | ApprovalRequest:
    campaign = Campaign.objects.get(pk=campaign.pk)
    return change_rule_or_request(
        campaign=campaign, draft=terms_of(campaign.rule, **wanted), expected_version=campaign.rule.version,
        reason="agreed", key=uuid.uuid4(), by=by or officer("asks"),
    )  # fmt: skip


@pytest.fixture
def three(campaign: Campaign, alice: Employee) -> Campaign:
    """Alice has three contacts of November's hundred, one of them at partner.example."""
    record(alice, 2)
    record_one(alice, ("email", "kim@partner.example"))
    return campaign


def end_everybody_but(staff_no: str) -> None:
    rows = [f"{one.staff_no},{one.name},{one.email},2026-11-02" for one in Employee.objects.exclude(staff_no=staff_no)]
    people.load("\n".join(["staff_no,name,email,left_on", *rows]))


# -- the rule ------------------------------------------------------------------------------------------------------

MOVING: dict[str, tuple[dict[str, Any], str]] = {
    "a target that somebody has reached": ({"target": 3}, "turn_not_red"),
    "a higher target": ({"target": 101}, "need_more"),
    "an earlier deadline": ({"deadline": date(2026, 11, 25)}, "have_less_time"),
    "a later deadline": ({"deadline": date(2026, 12, 31)}, "have_more_time"),
    "confirmed contacts alone": ({"confirmed_only": True}, "recounted"),
    "some departments alone": ({"scope": ["Sales"]}, "go_out"),
    "other domains": ({"company_domains": ["corp.example.com", "partner.example"]}, "recounted"),
}


@pytest.mark.parametrize("what", MOVING)
def test_a_change_that_moves_anybody_waits_for_a_second_hr_user(three: Campaign, what: str) -> None:
    wanted, effect = MOVING[what]
    request = change(three, **wanted)
    assert isinstance(request, ApprovalRequest)
    assert Campaign.objects.get().rule.version == 1
    assert effect_of_request(request, core_clock.db_now())[effect] > 0
    approve(request)
    rule = Campaign.objects.get().rule
    assert (rule.version, rule.reason, rule.changed_by_label, rule.approved_by_label) == (
        2, "agreed", "asks", "approves",
    )  # fmt: skip
    assert all(getattr(rule, name) == value for name, value in wanted.items())
    entry = AuditEntry.objects.get(action="campaign.rule_changed")
    assert (entry.actor_label, entry.detail["approved_by"], entry.detail["reason"]) == ("asks", "approves", "agreed")


@pytest.mark.parametrize("wanted", [{"exclusive": True}, {"opens_on": date(2026, 10, 31)}, {"time_zone": "Asia/Tokyo"}])
def test_what_decides_whose_contact_a_person_is_is_requested_blind(three: Campaign, wanted: dict[str, Any]) -> None:
    """Otherwise one HR user sees whose count another first day changes, and so who recorded a person who left."""
    request = change(three, **wanted)
    assert isinstance(request, ApprovalRequest)
    assert request.effect == {}
    assert effect_of_request(request, core_clock.db_now())["people"] == 9
    rule, now = three.rule, core_clock.db_now()
    shown = preview_rule_change(campaign=three, draft=terms_of(rule, **wanted), expected_version=rule.version, now=now)
    assert shown.reveals_contacts


@pytest.mark.parametrize("wanted", [{"target": 99}, {"target": 4}])
def test_a_change_after_the_opening_waits_also_where_it_turns_nobody_today(
    three: Campaign, wanted: dict[str, Any]
) -> None:
    """Otherwise one HR user lowers the target in the first week and decides alone who is red in the last."""
    request = change(three, **wanted)
    assert isinstance(request, ApprovalRequest)
    assert request.effect == {"people": 9}


def test_a_change_waits_also_where_nobody_is_judged_any_more(three: Campaign) -> None:
    """Otherwise one HR user changes it while the affected employments are ended, and restores them afterwards."""
    people.load("\n".join(["staff_no,name,email,left_on", *(
        f"{one.staff_no},{one.name},{one.email},2026-11-02" for one in Employee.objects.all()
    )]))  # fmt: skip
    request = change(three, target=3)
    assert isinstance(request, ApprovalRequest)
    assert request.effect == {"people": 0}


def test_before_the_opening_only_domains_wait(company: object) -> None:
    campaign = people.november(opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    assert isinstance(change(campaign, target=500, scope=["Sales"]), CampaignRule)
    assert isinstance(change(campaign, company_domains=["partner.example"]), ApprovalRequest)


@pytest.mark.parametrize(
    "wanted", [{"opens_on": date(2026, 11, 3)}, {"deadline": date(2027, 12, 31)}, {"exclusive": True}]
)
def test_beside_another_campaign_two_persons_change_more_than_the_target(
    three: Campaign, wanted: dict[str, Any]
) -> None:
    """Otherwise one HR user turns what two have opened into a campaign whose counts reveal who has a contact."""
    days = {"opens_on": date(2026, 11, 28), "deadline": date(2026, 12, 31)}
    beside = people.november(name="Beside", slug="beside", **days)
    assert isinstance(change(beside, target=7, scope=["Sales"]), CampaignRule)
    assert isinstance(change(beside, **wanted), ApprovalRequest)


def test_whether_a_domain_has_contacts_is_not_to_be_read_from_a_request(three: Campaign) -> None:
    """Otherwise HR tries domains until one needs approval, and learns who has a contact there."""
    for domain in ("partner.example", "nobody-has-it.example"):
        request = change(three, company_domains=[domain])
        assert isinstance(request, ApprovalRequest)
        assert request.effect == {}
        alarm = AuditEntry.objects.filter(action="campaign.domains_requested").latest("at")
        assert alarm.detail == {"approval": str(request.pk), "added": [domain], "removed": []}
        assert AuditEntry.objects.filter(action="approval.requested").latest("at").detail["effect"] == {}
        refuse_request(request_id=request.pk, note="why?", by=officer("approves"))


def test_a_request_for_a_rule_that_has_changed_since_cannot_be_approved(three: Campaign) -> None:
    request = change(three, target=3)
    assert isinstance(request, ApprovalRequest)
    change_rule(campaign=three, draft=terms_of(three.rule, target=99), expected_version=1, reason="agreed", by=OPERATOR)
    now = core_clock.db_now()
    assert [waiting.stale for waiting in campaign_approvals.open_requests(three, now)] == [True]
    with pytest.raises(Refused) as refused:
        approve(request)
    assert refused.value.code == "stale"
    assert Campaign.objects.get().rule.target == 99


def test_a_form_that_is_sent_twice_is_one_request_and_one_change(three: Campaign) -> None:
    sent = {
        "campaign": three, "draft": terms_of(three.rule, target=3), "expected_version": 1, "reason": "agreed",
        "key": uuid.uuid4(), "by": officer("asks"),
    }  # fmt: skip
    request = change_rule_or_request(**sent)
    assert change_rule_or_request(**sent) == request
    approve()
    assert isinstance(change_rule_or_request(**sent), CampaignRule)
    assert Campaign.objects.get().rule.version == 2


@pytest.mark.parametrize(
    ("module", "waited_for"), [(campaign_approvals, "lock_campaign_periods"), (rule_changes, "lock_facts")]
)
def test_a_form_that_waits_for_a_lock_until_the_opening_changes_no_rule_alone(
    company: dict[str, Employee], clock: Clock, monkeypatch: pytest.MonkeyPatch, module: Any, waited_for: str
) -> None:
    """Otherwise one HR user changes the rule of a campaign in progress, by a form sent in the last seconds before."""
    clock.set("2026-10-31T23:59:59+08:00", ticks=True)
    campaign = people.november()
    lock = getattr(module, waited_for)

    def wait_until_the_opening(**options: Any) -> None:
        lock(**options)
        clock.set(campaign.rule.opens_at, ticks=True)

    with monkeypatch.context() as waiting:
        waiting.setattr(module, waited_for, wait_until_the_opening)
        with pytest.raises(Refused) as refused:
            change(campaign, target=3)
    assert refused.value.conflict
    assert Campaign.objects.get().rule.version == 1
    # The refused transaction took its time back too.
    clock.set(campaign.rule.opens_at, ticks=True)
    assert isinstance(change(campaign, target=3), ApprovalRequest)


def test_one_person_is_not_both(three: Campaign) -> None:
    request = change(three, target=3)
    assert isinstance(request, ApprovalRequest)
    with pytest.raises(Refused) as refused:
        approve(request, by=officer("asks"))
    assert refused.value.code == "own"


# -- opening, cancelling, closing ----------------------------------------------------------------------------------


def opened(by: Actor | None = None, **wanted: Any) -> Campaign | ApprovalRequest:
    usual = RuleDraft(100, date(2026, 11, 1), date(2026, 12, 31), "Asia/Shanghai")
    name = wanted.pop("name", "Second")
    return open_or_request(name=name, draft=replace(usual, **wanted), key=uuid.uuid4(), by=by or officer("asks"))


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_once_open_one_campaign(company: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise neither opening sees the other campaign, and comparing the two reveals whose contact a person is."""
    by, gate = officer("asks"), Gate()
    monkeypatch.setattr(opening_approvals, "open_campaign", gate.before(opening_approvals.open_campaign))
    with meanwhile(lambda: opened(by, name="First")) as first:
        gate.wait()
        with meanwhile(lambda: opened(by, name="Other")) as other:
            gate.open()
    assert isinstance(first.result(), Campaign)
    assert isinstance(other.result(), ApprovalRequest)


AFTERWARDS = {"opens_on": date(2026, 12, 1), "deadline": date(2026, 12, 31)}


def test_an_ordinary_campaign_is_opened_by_one_person(three: Campaign) -> None:
    assert isinstance(opened(**AFTERWARDS), Campaign)


def open_many(by: Actor | None = None) -> list[Campaign | ApprovalRequest]:
    """Beside the running campaign, campaigns of a day each."""
    first = date(2027, 1, 1)
    days = [first + timedelta(days=number) for number in range(opening_approvals.MAX_CAMPAIGNS)]
    return [opened(by, name=f"Day {day}", opens_on=day, deadline=day) for day in days]


def test_one_person_opens_few_campaigns(three: Campaign, clock: Clock) -> None:
    """Otherwise one opens thousands of future days, which stop roster loads and the list of campaigns."""
    *alone, last = open_many()
    assert all(isinstance(campaign, Campaign) for campaign in alone)
    assert isinstance(last, ApprovalRequest)
    Campaign.objects.filter(name__startswith="Day").update(state=Campaign.State.CANCELLED)
    assert isinstance(opened(**AFTERWARDS), ApprovalRequest), "opening and cancelling by turns is no way around"
    clock.set("2026-12-01T12:00:00+08:00", ticks=True)
    assert isinstance(opened(name="Third", **AFTERWARDS), Campaign)


def test_the_operator_opens_as_many_as_needed(three: Campaign, hr: Employee) -> None:
    assert all(isinstance(campaign, Campaign) for campaign in open_many(OPERATOR))


BEFORE = {"opens_on": date(2024, 11, 1), "deadline": date(2024, 11, 30)}


def test_a_campaign_of_past_days_waits(three: Campaign) -> None:
    """Otherwise one person opens hundreds, which every page and evaluation reads until two people close each."""
    assert isinstance(opened(**BEFORE), ApprovalRequest)
    approve()
    assert Campaign.objects.get(name="Second").backdated


def test_a_campaign_with_recorded_contacts_on_its_past_days_waits(
    company: dict[str, Employee], alice: Employee
) -> None:
    """Otherwise one person loads a roster that makes a contact a colleague while no campaign has these days."""
    record(alice)
    past = {"opens_on": date(2026, 11, 20), "deadline": date(2026, 11, 30)}
    assert isinstance(opened(**past), ApprovalRequest)
    assert isinstance(opened(name="Third", **AFTERWARDS), Campaign)


def test_the_operator_opens_a_campaign_of_past_days_alone(three: Campaign, hr: Employee) -> None:
    dates = ("--opens", "2024-11-01", "--deadline", "2024-11-30")
    assert "approval" not in commands.run("open_campaign", "--name", "Second", *dates)


def test_so_does_hr_where_nothing_is_recorded_yet(company: object) -> None:
    assert isinstance(opened(**BEFORE), Campaign)


def test_a_campaign_beside_another_waits(three: Campaign) -> None:
    """A former colleague counts in one campaign only, so comparing the two reveals who recorded that person."""
    assert isinstance(opened(opens_on=date(2026, 11, 21), deadline=date(2026, 11, 30)), ApprovalRequest)


@pytest.mark.parametrize("wanted", [{"company_domains": ["corp.example.com", "partner.example"]}, {"exclusive": True}])
def test_a_campaign_that_compared_with_another_tells_whose_contacts_somebody_is_waits(
    three: Campaign, wanted: dict[str, Any]
) -> None:
    request = opened(**wanted)
    assert isinstance(request, ApprovalRequest)
    assert (request.effect, Campaign.objects.count()) == ({}, 1)
    assert AuditEntry.objects.filter(action="campaign.domains_requested").exists()
    approve(request)
    made = Campaign.objects.get(name="Second")
    assert (made.created_by_label, made.rule.approved_by_label) == ("asks", "approves")
    assert AuditEntry.objects.get(action="campaign.opened", subject_id=made.slug).detail["approved_by"] == "approves"


def test_the_second_person_sees_whose_count_other_domains_move(three: Campaign) -> None:
    request = opened(company_domains=["corp.example.com", "partner.example"])
    assert isinstance(request, ApprovalRequest)
    assert effect_of_request(request, core_clock.db_now())["recounted"] == 1


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("over", [False, True])
def test_plain_and_exclusive_of_the_same_days_wait_in_either_order_and_beside_a_result(
    company: object, hr: Employee, clock: Clock, exclusive: bool, over: bool
) -> None:
    """Otherwise comparing an employee's two counts reveals that another employee has the same contact."""
    campaign = people.november(exclusive=not exclusive)
    if over:
        clock.set(campaign.rule.cutoff_at, ticks=True)
        assert freeze(campaign=campaign, by=people.TESTER, wait=False)
    assert isinstance(opened(exclusive=exclusive), ApprovalRequest)
    assert isinstance(opened(opens_on=date(2027, 3, 1), deadline=date(2027, 3, 31), exclusive=exclusive), Campaign)


def test_a_draft_comes_to_stand_beside_another_campaign_by_two(three: Campaign) -> None:
    later = opened(**AFTERWARDS)
    assert isinstance(later, Campaign)
    assert isinstance(change(later, opens_on=date(2026, 11, 28)), ApprovalRequest)


@pytest.mark.parametrize("ending", ["nobody", "the contacts", "the employees"])
def test_whoever_ended_contacts_or_employments_before_cancels_by_two_all_the_same(
    three: Campaign, alice: Employee, ending: str
) -> None:
    """Otherwise one HR user ends all employments by an import and then cancels a campaign without employees."""
    if ending == "the contacts":
        for contact in alice.contact_set.all():
            end_contact(contact_id=contact.pk, employee=alice, by=people.TESTER)
    if ending == "the employees":
        end_everybody_but("D001")
    request = cancel_or_request(campaign=three, reason="by mistake", by=officer("asks"))
    assert request
    assert request.effect["with_contacts"] == 1
    assert Campaign.objects.get().state == "open"


def test_a_campaign_with_contacts_is_cancelled_by_two(three: Campaign) -> None:
    request = cancel_or_request(campaign=three, reason="by mistake", by=officer("asks"))
    assert request
    assert request.effect == {"people": 9, "with_contacts": 1, "red": 9}
    assert Campaign.objects.get().state == "open"
    approve(request)
    assert Campaign.objects.get().state == "cancelled"
    entry = AuditEntry.objects.get(action="campaign.cancelled")
    assert (entry.actor_label, entry.detail) == ("asks", {"reason": "by mistake", "approved_by": "approves"})


def test_one_without_contacts_is_cancelled_by_one(campaign: Campaign) -> None:
    assert cancel_or_request(campaign=campaign, reason="by mistake", by=officer("asks")) is None
    assert Campaign.objects.get().state == "cancelled"


def test_a_backdated_campaign_is_closed_by_two(company: object) -> None:
    campaign = people.november(opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))
    request = close_or_request(campaign=campaign, by=officer("asks"))
    assert request
    assert Campaign.objects.get().state == "open"
    approve(request)
    assert Campaign.objects.get().state == "closing"


def test_a_backdated_campaign_that_judges_nobody_now_is_closed_by_two(company: object) -> None:
    campaign = people.november(opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31), scope=["None of today's"])
    assert close_or_request(campaign=campaign, by=officer("asks"))
    assert Campaign.objects.get().state == "open"


def test_what_closes_by_itself_is_begun_by_one(campaign: Campaign, clock: Clock) -> None:
    clock.set(campaign.rule.cutoff_at)
    assert close_or_request(campaign=campaign, by=officer("asks")) is None
    assert Campaign.objects.get().state == "closing"


# -- the operator --------------------------------------------------------------------------------------------------

OPEN = ("open_campaign", "--name", "Second", "--opens", "2026-11-01", "--deadline", "2026-11-30", "--exclusive")
ACTS: dict[str, Callable[[Campaign], dict[str, Any]]] = {
    "open": lambda campaign: commands.run(*OPEN),
    "cancel": lambda campaign: commands.run("cancel_campaign", "--campaign", campaign.slug, "--reason", "x"),
}


@pytest.mark.parametrize("act", ACTS)
def test_the_operator_is_one_person_too(three: Campaign, hr: Employee, act: str) -> None:
    said = ACTS[act](three)
    request = ApprovalRequest.objects.get(pk=said["approval"])
    assert request.requested_by_id is None
    assert (Campaign.objects.get().state, Campaign.objects.count()) == ("open", 1)


@pytest.mark.parametrize("act", ACTS)
def test_at_the_first_set_up_the_operator_is_alone(three: Campaign, act: str) -> None:
    Role.objects.all().delete()
    assert "approval" not in ACTS[act](three)
    assert not ApprovalRequest.objects.exists()


def test_the_operator_closes_a_backdated_campaign_with_hr(company: object, hr: Employee) -> None:
    campaign = people.november(opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))
    said = commands.run("freeze_campaign", "--campaign", campaign.slug)
    assert (said["state"], Campaign.objects.get().state) == ("open", "open")
    approve()
    assert commands.run("freeze_campaign", "--campaign", campaign.slug)["state"] == "frozen"


# -- mutants -------------------------------------------------------------------------------------------------------

MUTANTS: dict[str, tuple[Any, str, Callable[..., Any], Callable[[Campaign], None]]] = {
    "the operator acts alone": (
        campaign_approvals, "hr_accounts", Role.objects.none,
        lambda three: test_the_operator_is_one_person_too(three, three, "cancel"),  # type: ignore[arg-type]
    ),
    "any rule opens": (
        opening_approvals, "may_open_alone", lambda rule, by, now: True,
        lambda three: test_a_campaign_that_compared_with_another_tells_whose_contacts_somebody_is_waits(
            three, {"exclusive": True}
        ),
    ),
    "nobody is concerned by a cancellation": (
        campaign_approvals, "count_evaluated", lambda *given: {}, test_a_campaign_with_contacts_is_cancelled_by_two,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS)
def test_without_the_rule_one_person_does_it(
    three: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    module, name, instead, fails = MUTANTS[mutant]
    monkeypatch.setattr(module, name, instead)
    with pytest.raises((AssertionError, KeyError)):
        fails(three)


# -- adjustments and corrections by accounts that changed lately ---------------------------------------------------


@pytest.mark.parametrize("who", ["asks", "grants"])
def test_an_account_that_changed_lately_neither_asks_for_an_adjustment_nor_grants_one(
    campaign: Campaign, alice: Employee, settings: Any, who: str
) -> None:
    """Otherwise an attacker who takes over a second HR account is the second person at once."""
    asks, grants = officer("asks"), officer("grants")
    Account.objects.update(security_changed_at=None)
    settings.APPROVAL_COOLDOWN_DAYS = 3
    Account.objects.filter(pk={"asks": asks.id, "grants": grants.id}[who]).update(email="new@corp.example.com")
    with pytest.raises(Refused, match="in the last 3 days"):
        people.adjust(campaign=campaign, employee=alice, exempt=True)
    settings.APPROVAL_COOLDOWN_DAYS = 0
    if waiting := AdjustmentRequest.objects.first():
        approve_adjustment.grant_adjustment(request_id=waiting.pk, by=grants)
    else:
        people.adjust(campaign=campaign, employee=alice, exempt=True)


def test_an_account_that_changed_lately_asks_for_no_correction(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, settings: Any
) -> None:
    clock.set(campaign.rule.cutoff_at, ticks=True)
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    frozen = Campaign.objects.get()
    asked = {"campaign": frozen, "drafts": [CorrectionDraft("A001", counted=5)], "reason": "x", "evidence": "y"}
    settings.APPROVAL_COOLDOWN_DAYS = 3
    Account.objects.filter(pk=hr.account.pk).update(email="new@corp.example.com")
    with pytest.raises(Refused, match="in the last 3 days"):
        request_correction(**asked, by=hr.account)
    settings.APPROVAL_COOLDOWN_DAYS = 0
    assert request_correction(**asked, by=hr.account)
