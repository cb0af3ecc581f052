"""The demo in its database: it shows what it promises, and never mixes with real employees."""

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError
from django.db import transaction

from apps.accounts.models import Account
from apps.campaigns.models import Adjustment, Announcement, Campaign
from apps.campaigns.population import ALL_EMPLOYEES, employee_ids_sql
from apps.contacts.models import Contact, ContactIdentity
from apps.core.identity import digest
from apps.core.models import AuditEntry, OutboxRow, Setting
from apps.demo import seeding
from apps.demo.seeding import NoDemo, seed_demo, sign_ins
from apps.employees.models import Employee, EmployeeIdentity, Employment, Placement, TreeNode
from apps.forecasts.models import CampaignForecast, GroupForecast
from apps.notifications.models import Notification
from apps.reports.adjustments import waiting_for
from apps.results.models import FrozenResult, FrozenStanding
from apps.reviews.models import Review
from apps.standings.effective_dates import process_effective_dates
from apps.standings.evaluation import with_exclusion_reason
from apps.standings.models import Standing
from apps.standings.process_runs import sweep
from tests import people
from tests.commands import run, say
from tests.fixtures import Clock
from tests.oracle import recount

pytestmark = pytest.mark.django_db
DOMAIN = "corp.example"


@pytest.fixture
def domain(settings: Any) -> str:
    """The company's own e-mail domain, which the rule of the campaign will copy."""
    settings.COMPANY_EMAIL_DOMAINS = [DOMAIN]
    return DOMAIN


def dump() -> list[Any]:
    """Everything that the seed determines, without ids."""
    rows = ContactIdentity.objects.order_by("employee__staff_no", "kind", "digest", "live").values_list(
        "employee__staff_no", "kind", "value", "live", "contact__name", "contact__recorded_at", "contact__stored_at",
        "contact__confirmed_at", "contact__ended_at", "contact__end_reason", "contact__source",
    )  # fmt: skip
    placed = Placement.objects.order_by("employee__staff_no", "starts_at").values_list(
        "employee__staff_no", "employee__name", "employee__email", "department", "manager__staff_no"
    )
    return [*placed, *rows]


def test_the_demo_is_complete_evaluated_and_confirmed_by_a_recount(noon: Clock, domain: str) -> None:
    report = run("seed_demo", "--employees", 60, "--contacts", 30)
    campaign = Campaign.objects.get(state="open")
    assert (campaign.name, campaign.slug, campaign.state) == ("November 2026", "november-2026", "open")
    assert (campaign.rule.target, campaign.rule.time_zone) == (100, "Asia/Shanghai")
    employed = Employment.objects.filter(starts_at__lt=noon.now(), ends_at__gte=noon.now()).count()
    assert Employee.objects.count() == TreeNode.objects.count() == report["employees"] == 60
    assert Contact.objects.count() == report["contacts"] == 60 * 30
    assert Standing.objects.filter(campaign=campaign).count() == employed
    assert Standing.objects.filter(campaign=campaign, red=True).count() == report["red"]
    assert not OutboxRow.objects.exists()
    assert process_effective_dates() == 0
    assert recount(campaign) == []
    assert AuditEntry.objects.filter(action="demo.seeded").count() == 1
    assert report["seeded"] is True


def test_the_demo_has_approved_adjustments_and_a_pending_one(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 300, "--contacts", 2)
    campaign, at = Campaign.objects.get(state="open"), noon.now()
    kinds = Counter(Adjustment.objects.in_force(at).filter(campaign=campaign).values_list("request__kind", flat=True))
    assert kinds["leave"] == kinds["part_time"] == 1
    assert kinds["joined_late"] >= 1
    assert Standing.objects.filter(campaign=campaign, exempt=True).count() == 1
    assert Standing.objects.filter(campaign=campaign, target__lt=100).count() == sum(kinds.values()) - 1
    waiting = [
        waiting_for(campaign, Account.objects.get(login=row["login"])) for row in sign_ins() if row["role"] == "hr"
    ]
    assert [requests.count() for requests in waiting] == [1, 0]
    assert recount(campaign) == []


def test_the_demo_has_a_forecast(noon: Clock, domain: str) -> None:
    """Otherwise the first look at the product shows none."""
    run("seed_demo", "--employees", 60, "--contacts", 30)
    made = CampaignForecast.objects.get()
    assert made.campaign == Campaign.objects.get(state="open")
    assert GroupForecast.objects.filter(forecast=made, kind="company").count() == 1


def test_the_demo_shows_an_announcement_and_has_notifications_but_no_mails(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 30)
    [announcement] = Announcement.objects.shown(noon.now())
    assert announcement.requested_by_id != announcement.published_by_id
    assert announcement.campaign == Campaign.objects.get(state="open")
    assert {"campaign_opened"} <= set(Notification.objects.values_list("kind", flat=True))
    assert not Notification.objects.exclude(channel="app").exists()


def test_the_demo_has_a_frozen_result_with_a_review_and_a_correction(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 30)
    trial = Campaign.objects.get(state="frozen")
    assert trial.rule.cutoff_at == Campaign.objects.get(state="open").rule.opens_at
    first, second = FrozenResult.objects.filter(campaign=trial).order_by("version")
    assert second.red == first.red - 1 >= 0
    login = next(row["login"] for row in sign_ins() if row["role"] == "employee")
    review = Review.objects.get(campaign=trial)
    assert (review.employee, review.state, review.answer_kind) == (
        Account.objects.get(login=login).employee, "answered", "correction",
    )  # fmt: skip
    rows = FrozenStanding.objects.filter(campaign=trial, version=2)
    assert rows.filter(exempt=True).count() == 1
    assert rows.get(employee=review.employee).counted == trial.rule.target


def test_the_digests_equal_those_of_the_normaliser(noon: Clock, domain: str, settings: Any) -> None:
    run("seed_demo", "--employees", 20, "--contacts", 20)
    for model in (ContactIdentity, EmployeeIdentity):
        for identity in model.objects.all():
            assert bytes(identity.digest) == digest(settings.IDENTITY_KEY, identity.kind, identity.value)
    for identity in ContactIdentity.objects.select_related("contact"):
        assert identity.live == identity.contact.live
        assert identity.domain == (identity.value.partition("@")[2] if identity.kind == "email" else None)


def test_an_employee_at_99_is_red_and_sees_why_other_contacts_do_not_count(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 40, "--contacts", 20)
    login = next(row["login"] for row in sign_ins() if row["role"] == "employee")
    employee, campaign = Account.objects.get(login=login).employee, Campaign.objects.get(state="open")
    verdict = people.standing(campaign, employee)
    assert (verdict.counted, verdict.red, verdict.remaining) == (99, True, 1)
    own = with_exclusion_reason(
        Contact.objects.of(employee), campaign.rule, noon.now(), employee_ids_sql([employee.pk])
    )
    reasons = Counter(contact.reason for contact in own)
    assert reasons == {"": 99, "ended": 2, "outside_period": 1, "not_external": 1}
    people.record(employee)
    sweep()
    assert not people.standing(campaign, employee).red


def test_contacts_that_do_not_count_show_each_reason(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 60)
    campaign = Campaign.objects.get(state="open")
    judged = list(with_exclusion_reason(Contact.objects.all(), campaign.rule, noon.now(), ALL_EMPLOYEES))
    reasons = Counter(contact.reason for contact in judged)
    assert {"", "ended", "outside_period", "not_external"} == set(reasons)
    assert 0.85 < reasons[""] / len(judged) < 0.97
    assert visitors().exists()
    assert len({contact.source for contact in judged}) >= 6


def test_without_a_company_domain_no_contact_is_internal(noon: Clock) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 60)
    assert Employee.objects.filter(email__endswith=f"@{DOMAIN}").count() == 60
    assert not visitors().exists()


def visitors() -> Any:
    """Contacts with an address of the company that no employee has."""
    colleagues = EmployeeIdentity.objects.values("digest")
    return ContactIdentity.objects.filter(domain=DOMAIN).exclude(digest__in=colleagues)


def test_the_same_seed_and_instant_make_the_same_rows(clock: Clock) -> None:
    dumps = []
    for seed in (1, 1, 2):
        clock.set(people.NOON)
        with transaction.atomic():
            run("seed_demo", "--employees", 30, "--contacts", 12, "--seed", seed)
            dumps.append(dump())
            transaction.set_rollback(True)
    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


def test_every_demo_account_can_sign_in_and_has_its_role(noon: Clock) -> None:
    run("seed_demo", "--employees", 30, "--contacts", 5)
    accounts = run("demo_sign_ins")["sign_ins"]
    assert [row["role"] for row in accounts] == ["employee", "manager", "hr", "hr", "operator"]
    for row in accounts:
        account = authenticate(username=row["login"], password=row["password"])
        assert account is not None
        assert isinstance(account, Account)
        assert account.roles == ({row["role"]} if row["role"] in ("hr", "operator") else frozenset())
        assert (account.employee is None) == (row["role"] == "operator")
        assert row["role"] != "manager" or account.employee.is_manager
    assert len({row["password"] for row in accounts}) == 5
    table, _ = say("demo_sign_ins")
    assert table.splitlines()[0].split() == ["role", "login", "password"]
    assert table.splitlines()[1].split() == [accounts[0][column] for column in ("role", "login", "password")]


def test_without_a_demo_there_are_no_demo_accounts() -> None:
    with pytest.raises(CommandError, match="no demo"):
        run("demo_sign_ins")


def test_progress_is_reported_to_the_end(noon: Clock) -> None:
    updates: dict[str, list[tuple[int, int]]] = {}

    def bar(unit: str) -> Any:
        steps = updates.setdefault(unit, [])
        return seeding.nullcontext(lambda done, total: steps.append((done, total)))

    seed_demo(employees=10, contacts=15, seed=1, by=people.TESTER, bar=bar)
    assert list(updates) == ["contacts", "employees"]
    assert updates["contacts"][0] == (0, 150)
    assert updates["contacts"][-1] == (150, 150)
    assert updates["employees"][-1] == (10, 10)


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_database_with_real_employees_is_refused(company: dict[str, Employee]) -> None:
    before = Employee.objects.count()
    with pytest.raises(CommandError, match="not the demo's"):
        run("seed_demo")
    report = run("seed_demo", "--if-empty")
    assert report["seeded"] is False
    assert Employee.objects.count() == before
    assert not Setting.objects.filter(name=seeding.DEMO).exists()
    with pytest.raises(NoDemo):
        sign_ins()


def test_a_database_with_another_campaign_is_refused(noon: Clock) -> None:
    people.november()
    with pytest.raises(CommandError, match="not the demo's"):
        run("seed_demo", "--employees", 10)
    assert not Employee.objects.exists()


def test_a_second_run_reports_the_existing_demo_and_changes_nothing(noon: Clock) -> None:
    run("seed_demo", "--employees", 10, "--contacts", 3)
    passwords, contacts = sign_ins(), Contact.objects.count()
    with pytest.raises(CommandError, match="already exists"):
        run("seed_demo", "--employees", 10, "--contacts", 3)
    assert run("seed_demo", "--if-empty")["seeded"] is False
    assert say("seed_demo", "--if-empty")[0].strip().endswith("nothing was changed.")
    assert (sign_ins(), Contact.objects.count()) == (passwords, contacts)


@pytest.mark.parametrize("arguments", [("--employees", 9), ("--employees", 10**7), ("--contacts", -1)])
def test_an_impossible_company_size_gives_a_sentence(noon: Clock, arguments: tuple[str, int]) -> None:
    with pytest.raises(CommandError, match="A demo has from"):
        run("seed_demo", *arguments)
    assert not Employee.objects.exists()


def test_a_wrong_identity_key_is_refused(noon: Clock, settings: Any) -> None:
    settings.IDENTITY_KEY = "another"
    with pytest.raises(CommandError, match="IDENTITY_KEY"):
        run("seed_demo", "--employees", 10)
    assert not Employee.objects.exists()
