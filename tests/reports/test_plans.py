"""Every main query uses an index at full size: without one a page that took a moment takes a minute.

The plans are those of the statements that the services send. No times are measured here.
"""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from apps.accounts.models import Account, Role
from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.models import Source
from apps.contacts.services.submissions import submit
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.outbox import pop_outbox
from apps.employees.models import Employee
from apps.employees.org_tree import tree_at_sql
from apps.exports.standings_export import write_standings
from apps.reports import group_totals, standings_report
from apps.reports.standings_filters import SORTS
from apps.standings import marking, report_people
from apps.standings.models import Standing
from tests import people, plugin, searching
from tests.bench.database import OWN_CAMPAIGN, Database
from tests.plans import Plan, Plans, explained
from tests.standings import large

pytestmark = [pytest.mark.plans, pytest.mark.xdist_group("plans"), pytest.mark.django_db]

FACTS = {"contacts_contact", "contacts_contactidentity", "contacts_submission"}
VERDICTS = {"standings_standing", "standings_dailycount", "standings_standingchange"}
# Without the outbox: every page reads it, and it is almost always empty.
LEDGER = {"core_auditentry", "core_rowchange", "core_job"}
# For one employee either index serves.
OWN_CONTACTS = "contacts_by_employee or contacts_contact_live"
OWN_STANDING = "standings_standing_once or standings_standing_employee_id_57e1e281"
LARGE = FACTS | VERDICTS | LEDGER


@pytest.fixture(scope="module")
def at_size(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A company of 10,000 with 100,000 contacts, evaluated, with fresh statistics."""
    url, owner = (plugin.PATHS.database_url(role, plugin.DATABASE) for role in ("app", "owner"))
    with django_db_blocker.unblock():
        large.fill(Database(url, owner))
    yield
    plugin.empty_database()


@pytest.fixture
def november(at_size: None) -> Campaign:
    """The campaign."""
    return Campaign.objects.get(slug=OWN_CAMPAIGN)


@pytest.fixture
def one(november: Campaign) -> Employee:
    """An employee without a team."""
    return large.person(large.PEOPLE - 7)


@pytest.fixture
def boss(november: Campaign) -> Employee:
    """A manager with 132 people below, on two levels."""
    return large.person(large.BOSS)


def told(plans: Plans) -> None:
    """With -s: print the plans, as in docs/performance.md."""
    for plan in plans.each:
        if short := plan.shortened():
            print(f"\n-- {' '.join(plan.statement.split())[:110]}\n{short}")


def expect(plans: Plans, *indexes: str) -> None:
    """One index of each entry is read ("this or that"), and no large table sequentially."""
    told(plans)
    assert plans.each
    assert not plans.read_whole & LARGE
    assert not [wanted for wanted in indexes if not plans.indexes.intersection(wanted.split(" or "))]
    assert not plans.loops


def signed(employee: Employee, *roles: str) -> Client:
    return people.sign_in(Client(), people.with_account(employee, *roles))


def judge(campaign: Campaign, employees: list[int]) -> Plans:
    with transaction.atomic():
        lock_facts()
        with explained() as plans:
            marking.mark_standings(campaign=campaign, employees=employees, now=db_now())
    return plans


def test_one_employee_is_evaluated_from_their_own_contacts(november: Campaign, one: Employee) -> None:
    plans = judge(november, [one.pk])
    expect(plans, OWN_CONTACTS, "contacts_identity_contact", OWN_STANDING, "standings_daily_once")


def test_a_range_reads_each_table_once_at_most(november: Campaign) -> None:
    plans = judge(november, list(Employee.objects.order_by("pk").values_list("pk", flat=True)[:5_000]))
    told(plans)
    assert not plans.loops


def test_holders_of_an_identity_are_found_by_it(november: Campaign, one: Employee) -> None:
    [held] = large.identities_of(one, 1)
    with explained() as plans:
        assert marking._holders([held]) == [one.pk]
    expect(plans, "contacts_identity_key", "contacts_identity_contact")


@pytest.mark.parametrize("size", [1, 500])
def test_a_duplicate_is_found_by_an_index_on_identities(november: Campaign, one: Employee, size: int) -> None:
    """For one typed person, and for a batch of a file."""
    drafts = [Draft(f"Guest {n}", (("email", f"guest{n}@outside.example.org"),)) for n in range(size)]
    with explained() as plans:
        assert submit(employee=one, drafts=drafts, source=Source.PAGE, by=people.TESTER).created == size
    expect(plans, "contacts_identity_once or contacts_identity_key")


def test_a_feed_is_matched_by_its_identities(november: Campaign, one: Employee) -> None:
    with explained() as plans:
        large.feed(one)
    expect(plans.of("contacts_contact"), "contacts_identity_contact", "contacts_contact_live or contacts_contact_pkey")


def test_the_own_page_reads_the_own_rows(november: Campaign, one: Employee) -> None:
    client = signed(one)
    with explained() as plans:
        assert client.get("/").status_code == 200
    expect(plans, OWN_CONTACTS, OWN_STANDING, "standings_daily_once", "standings_change_of")


@pytest.mark.parametrize("query", ["", "?sort=oldest", "?sort=name", "?reason=counts"])
def test_the_own_contacts_are_those_of_one_employee(november: Campaign, one: Employee, query: str) -> None:
    client = signed(one)
    with explained() as plans:
        assert client.get(f"/contacts/{query}").status_code == 200
    expect(plans, OWN_CONTACTS, "contacts_identity_contact")


def test_so_are_those_that_are_searched_for(november: Campaign, one: Employee) -> None:
    client = signed(one)
    with explained() as plans:
        assert searching.search(client, "known").status_code == 200
    expect(plans, OWN_CONTACTS, "contacts_identity_contact")


@pytest.mark.parametrize("sort", SORTS)
def test_a_team_is_listed_by_its_place_in_the_tree(november: Campaign, boss: Employee, sort: str) -> None:
    with explained() as plans:
        page = standings_report.Standings(november, report_people.Team(boss, None)).page(sort=sort)
    assert len(page.rows) == 50
    expect(plans, "employees_node_first", OWN_STANDING)


def test_the_page_of_a_team_reads_its_own_people(november: Campaign, boss: Employee) -> None:
    client = signed(boss)
    with explained() as plans:
        assert client.get(f"/team/{boss.staff_no}/").status_code == 200
    expect(plans, "employees_node_first", OWN_STANDING, "standings_daily_once")


def test_a_team_is_an_interval(november: Campaign, boss: Employee) -> None:
    with explained() as plans:
        assert len(Employee.objects.team_of(boss)) == large.BELOW
    expect(plans, "employees_node_first")


def test_access_to_an_employee_reads_one_row(november: Campaign, boss: Employee) -> None:
    account, below = people.with_account(boss), Employee.objects.team_of(boss)[0]
    account = Account.objects.get(employee=boss)
    with explained() as plans:
        assert Employee.objects.visible_to(account).filter(staff_no=below.staff_no).exists()
        assert (
            Standing.objects.filter(employee__in=Employee.objects.visible_to(account), campaign=november)
            .filter(employee=below)
            .exists()
        )
    expect(plans, OWN_STANDING, "employees_treenode_pkey")
    assert "employees_employee" not in plans.read_whole
    assert "employees_treenode" not in plans.read_whole


def test_sub_teams_are_intervals_below_one_head(november: Campaign, boss: Employee) -> None:
    with explained() as plans:
        standings = standings_report.Standings(november, report_people.Team(boss, None))
        assert len(group_totals.sub_teams(standings, boss)) == 11
    expect(plans, "employees_node_first", "employees_node_manager", OWN_STANDING)


def test_what_is_walked_of_the_tree_is_joined_to_nothing(november: Campaign) -> None:
    """The planner cannot estimate the rows: it guessed few for a million, and compared each with each."""
    with explained() as plans, connection.cursor() as cursor:
        cursor.execute(f"{tree_at_sql('now()')} SELECT count(*) FROM tree")
        assert cursor.fetchone() == (large.PEOPLE,)
    told(plans)
    joins = [node for node in plans.nodes if node["Node Type"] in {"Nested Loop", "Hash Join", "Merge Join"}]
    walked = [node for join in joins for _depth, node in Plan("", join).nodes() if node.get("CTE Name") == "walk"]
    # The planner estimates one tree level better than all levels together.
    assert [node["Node Type"] for node in walked] == ["WorkTable Scan"]


def test_the_curve_of_one_person_is_read_by_that_person(november: Campaign, one: Employee) -> None:
    with explained() as plans:
        assert (
            sum(day.recorded for day in standings_report.Standings(november, report_people.OneEmployee(one)).curve())
            == large.EACH
        )
    expect(plans, "standings_daily_once", OWN_STANDING)


def test_one_employee_as_of_a_past_day_is_evaluated_alone(november: Campaign, one: Employee) -> None:
    with explained() as plans:
        past = standings_report.Standings(
            november, report_people.OneEmployee(one), as_of=db_now() - timedelta(days=3)
        ).row_of(one.pk)
    assert past
    expect(plans, OWN_CONTACTS, "contacts_identity_contact", "employees_placement_period")


def test_the_totals_of_a_team_are_of_its_own_peoples_standings(november: Campaign, boss: Employee) -> None:
    """Including employees without a new contact for a week: the last counted day is stored beside the verdict."""
    with explained() as plans:
        totals = standings_report.Standings(november, report_people.Team(boss, None)).totals()
    assert totals.people == large.BELOW
    expect(plans, "employees_node_first", OWN_STANDING)


def test_the_list_of_the_api_is_that_of_a_team(november: Campaign, boss: Employee) -> None:
    client = signed(boss)
    with explained() as plans:
        assert client.get("/api/v1/standings/").status_code == 200
        assert client.get("/api/v1/contacts/").status_code == 200
    expect(plans, "employees_node_first", OWN_STANDING, OWN_CONTACTS)


def test_the_newest_entries_of_the_trail_are_read_backwards(november: Campaign, boss: Employee) -> None:
    client = signed(boss, Role.Kind.AUDITOR)
    with explained() as plans:
        assert client.get("/company/audit/").status_code == 200
    expect(plans, "core_audit_at", "core_rowchange_transaction")


def test_a_file_of_a_team_reads_its_own_people(november: Campaign, boss: Employee) -> None:
    written = io.BytesIO()
    with explained() as plans:
        write_standings(standings_report.Standings(november, report_people.Team(boss, None)), written.write)
    assert written.getvalue().count(b"\n") == large.BELOW + 1
    expect(plans, "employees_node_first", OWN_STANDING)


def test_plans_are_made_of_what_is_sent(november: Campaign) -> None:
    """The counterpart: a sequential query is reported, or these tests would mean nothing."""
    with explained() as plans, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contacts_contact WHERE name LIKE %s", ["%x%"])
    assert plans.read_whole == {"contacts_contact"}
    with pytest.raises(AssertionError):
        expect(plans)


def test_notes_are_taken_in_their_order(november: Campaign) -> None:
    """Runs last: its rollback leaves a table that looks full to the planner."""
    large.note(10_000)
    with transaction.atomic(), explained() as plans:
        assert pop_outbox(5_000).rows == 5_000
    expect(plans, "core_outbox_pkey")
