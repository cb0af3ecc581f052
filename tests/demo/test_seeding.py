"""The demo in its database: what it promises to whoever looks at it, and that it never mixes with real people."""

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError
from django.db import transaction

from apps.accounts.models import Account
from apps.campaigns.models import Adjustment, Campaign
from apps.campaigns.population import all_employees_sql, employee_ids_sql
from apps.contacts.models import Contact, ContactIdentity
from apps.core.identity import digest
from apps.core.models import AuditEntry, OutboxRow, Setting
from apps.demo import seeding
from apps.demo.seeding import NoDemo, seed_demo, sign_ins
from apps.employees.models import Employee, EmployeeIdentity, Employment, Placement, TreeNode
from apps.reports.adjustments import waiting_for
from apps.results.models import FrozenResult, FrozenStanding
from apps.reviews.models import Review
from apps.standings.effective_dates import process_effective_dates
from apps.standings.evaluation import with_exclusion_reason
from apps.standings.models import Standing
from apps.standings.process_runs import sweep
from apps.standings.recount import recount
from tests import people
from tests.commands import run, say
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
DOMAIN = "corp.example"


@pytest.fixture
def domain(settings: Any) -> str:
    """The company's own e-mail domain, as the rule of the campaign will copy it."""
    settings.COMPANY_EMAIL_DOMAINS = [DOMAIN]
    return DOMAIN


def dump() -> list[Any]:
    """Everything the seed decides, without ids."""
    rows = ContactIdentity.objects.order_by("employee__staff_no", "kind", "digest", "live").values_list(
        "employee__staff_no", "kind", "value", "live", "contact__name", "contact__recorded_at", "contact__stored_at",
        "contact__confirmed_at", "contact__ended_at", "contact__end_reason", "contact__source",
    )  # fmt: skip
    placed = Placement.objects.order_by("employee__staff_no", "starts_at").values_list(
        "employee__staff_no", "employee__name", "employee__email", "department", "manager__staff_no"
    )
    return [*placed, *rows]


def test_the_demo_is_complete_marked_and_recounts_to_the_same(noon: Clock, domain: str) -> None:
    told = run("seed_demo", "--employees", 60, "--contacts", 30)
    campaign = Campaign.objects.get(state="open")
    assert (campaign.name, campaign.slug, campaign.state) == ("November 2026", "november-2026", "open")
    assert (campaign.rule.target, campaign.rule.time_zone) == (100, "Asia/Shanghai")
    employed = Employment.objects.filter(starts_at__lt=noon.now(), ends_at__gte=noon.now()).count()
    assert Employee.objects.count() == TreeNode.objects.count() == told["employees"] == 60
    assert Contact.objects.count() == told["contacts"] == 60 * 30
    assert Standing.objects.filter(campaign=campaign).count() == employed
    assert Standing.objects.filter(campaign=campaign, red=True).count() == told["red"]
    assert not OutboxRow.objects.exists()
    assert process_effective_dates() == 0
    assert recount(campaign) == []
    assert AuditEntry.objects.filter(action="demo.seeded").count() == 1
    assert told["seeded"] is True


def test_the_demo_has_adjustments_in_force_and_one_that_waits(noon: Clock, domain: str) -> None:
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
    assert [found.count() for found in waiting] == [1, 0]
    assert recount(campaign) == []


def test_a_newcomer_finds_a_frozen_result_with_its_question_and_its_correction(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 30)
    trial = Campaign.objects.get(state="frozen")
    assert trial.rule.cutoff_at == Campaign.objects.get(state="open").rule.opens_at
    first, second = FrozenResult.objects.filter(campaign=trial).order_by("version")
    assert second.red == first.red - 1 >= 0
    login = next(row["login"] for row in sign_ins() if row["role"] == "employee")
    asked = Review.objects.get(campaign=trial)
    assert (asked.employee, asked.state, asked.answer_kind) == (
        Account.objects.get(login=login).employee, "answered", "correction",
    )  # fmt: skip
    rows = FrozenStanding.objects.filter(campaign=trial, version=2)
    assert rows.filter(exempt=True).count() == 1
    assert rows.get(employee=asked.employee).counted == trial.rule.target


def test_digests_are_those_of_the_choke_point(noon: Clock, domain: str, settings: Any) -> None:
    run("seed_demo", "--employees", 20, "--contacts", 20)
    for model in (ContactIdentity, EmployeeIdentity):
        for one in model.objects.all():
            assert bytes(one.digest) == digest(settings.IDENTITY_KEY, one.kind, one.value)
    for one in ContactIdentity.objects.select_related("contact"):
        assert one.live == one.contact.live
        assert one.domain == (one.value.partition("@")[2] if one.kind == "email" else None)


def test_somebody_stands_at_99_is_red_and_can_see_why_others_do_not_count(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 40, "--contacts", 20)
    login = next(row["login"] for row in sign_ins() if row["role"] == "employee")
    employee, campaign = Account.objects.get(login=login).employee, Campaign.objects.get(state="open")
    verdict = people.standing(campaign, employee)
    assert (verdict.counted, verdict.red, verdict.remaining) == (99, True, 1)
    own = with_exclusion_reason(
        Contact.objects.of(employee), campaign.rule, noon.now(), employee_ids_sql([employee.pk])
    )
    reasons = Counter(one.reason for one in own)
    assert reasons == {"": 99, "ended": 2, "outside_period": 1, "not_external": 1}
    people.record(employee)
    sweep()
    assert not people.standing(campaign, employee).red


def test_contacts_that_do_not_count_show_each_reason(noon: Clock, domain: str) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 60)
    campaign = Campaign.objects.get(state="open")
    judged = list(with_exclusion_reason(Contact.objects.all(), campaign.rule, noon.now(), all_employees_sql()))
    reasons = Counter(one.reason for one in judged)
    assert {"", "ended", "outside_period", "not_external"} == set(reasons)
    assert 0.85 < reasons[""] / len(judged) < 0.97
    assert visitors().exists()
    assert len({one.source for one in judged}) >= 6


def test_where_no_domain_is_the_companys_no_contact_pretends_to_be_internal(noon: Clock) -> None:
    run("seed_demo", "--employees", 60, "--contacts", 60)
    assert Employee.objects.filter(email__endswith=f"@{DOMAIN}").count() == 60
    assert not visitors().exists()


def visitors() -> Any:
    """Contacts with an address of the company's that no employee has."""
    colleagues = EmployeeIdentity.objects.values("digest")
    return ContactIdentity.objects.filter(domain=DOMAIN).exclude(digest__in=colleagues)


def test_the_same_seed_at_the_same_moment_makes_the_same_rows(clock: Clock) -> None:
    dumps = []
    for seed in (1, 1, 2):
        clock.set(people.NOON)
        with transaction.atomic():
            run("seed_demo", "--employees", 30, "--contacts", 12, "--seed", seed)
            dumps.append(dump())
            transaction.set_rollback(True)
    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


def test_everyone_on_the_list_can_sign_in_and_has_the_role(noon: Clock) -> None:
    run("seed_demo", "--employees", 30, "--contacts", 5)
    told = run("demo_sign_ins")["sign_ins"]
    assert [row["role"] for row in told] == ["employee", "manager", "hr", "hr", "operator"]
    for row in told:
        account = authenticate(username=row["login"], password=row["password"])
        assert account is not None
        assert isinstance(account, Account)
        assert account.roles == ({row["role"]} if row["role"] in ("hr", "operator") else frozenset())
        assert (account.employee is None) == (row["role"] == "operator")
        assert row["role"] != "manager" or account.employee.is_manager
    assert len({row["password"] for row in told}) == 5
    table, _ = say("demo_sign_ins")
    assert table.splitlines()[0].split() == ["role", "login", "password"]
    assert table.splitlines()[1].split() == [told[0][column] for column in ("role", "login", "password")]


def test_without_a_demo_there_are_no_sign_ins() -> None:
    with pytest.raises(CommandError, match="no demo"):
        run("demo_sign_ins")


def test_progress_is_told_to_the_end(noon: Clock) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def bar(unit: str) -> Any:
        seen = told.setdefault(unit, [])
        return seeding.nullcontext(lambda done, total: seen.append((done, total)))

    seed_demo(employees=10, contacts=15, seed=1, by=people.TESTER, bar=bar)
    assert list(told) == ["contacts", "employees"]
    assert told["contacts"][0] == (0, 150)
    assert told["contacts"][-1] == (150, 150)
    assert told["employees"][-1] == (10, 10)


# -- where it refuses ------------------------------------------------------------------------------------------------


def test_a_database_with_real_people_is_left_alone(company: dict[str, Employee]) -> None:
    before = Employee.objects.count()
    with pytest.raises(CommandError, match="not the demo's"):
        run("seed_demo")
    told = run("seed_demo", "--if-empty")
    assert told["seeded"] is False
    assert Employee.objects.count() == before
    assert not Setting.objects.filter(name=seeding.DEMO).exists()
    with pytest.raises(NoDemo):
        sign_ins()


def test_a_campaign_of_somebody_elses_is_not_joined(noon: Clock) -> None:
    people.november()
    with pytest.raises(CommandError, match="not the demo's"):
        run("seed_demo", "--employees", 10)
    assert not Employee.objects.exists()


def test_a_second_run_says_that_the_demo_is_there_and_changes_nothing(noon: Clock) -> None:
    run("seed_demo", "--employees", 10, "--contacts", 3)
    passwords, contacts = sign_ins(), Contact.objects.count()
    with pytest.raises(CommandError, match="there already"):
        run("seed_demo", "--employees", 10, "--contacts", 3)
    assert run("seed_demo", "--if-empty")["seeded"] is False
    assert say("seed_demo", "--if-empty")[0].strip().endswith("nothing was changed.")
    assert (sign_ins(), Contact.objects.count()) == (passwords, contacts)


@pytest.mark.parametrize("arguments", [("--employees", 9), ("--employees", 10**7), ("--contacts", -1)])
def test_a_company_that_cannot_be_is_refused_with_a_sentence(noon: Clock, arguments: tuple[str, int]) -> None:
    with pytest.raises(CommandError, match="A demo has from"):
        run("seed_demo", *arguments)
    assert not Employee.objects.exists()


def test_another_identity_key_than_the_databases_own_is_refused(noon: Clock, settings: Any) -> None:
    settings.IDENTITY_KEY = "another"
    with pytest.raises(CommandError, match="IDENTITY_KEY"):
        run("seed_demo", "--employees", 10)
    assert not Employee.objects.exists()
