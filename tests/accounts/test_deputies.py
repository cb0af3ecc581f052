"""Deputies: who may name one, for how long, what a deputy sees, and what the database refuses."""

import threading
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.deputies import end_deputyship
from apps.accounts.models import Account, Deputyship
from apps.accounts.services import account_for, grant_role
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.fixtures import Clock
from tests.people import stands_in

pytestmark = pytest.mark.django_db


def seen(employee: Employee) -> set[str]:
    """The employees that this employee sees on the next request."""
    account = Account.objects.get(employee=employee)
    return set(Employee.objects.visible_to(account).values_list("staff_no", flat=True))


def opened(employee: Employee) -> set[str]:
    account = Account.objects.get(employee=employee)
    return set(Employee.objects.teams_visible_to(account).values_list("staff_no", flat=True))


# -- what a deputy sees ------------------------------------------------------------------------------------------------


def test_a_deputy_sees_whom_the_manager_sees_but_not_the_manager(bob: Employee, stranger: Employee) -> None:
    """A deputy sees Bob's team, but not Bob's own number."""
    assert seen(stranger) == {"S001"}
    stands_in(bob, stranger)
    assert seen(stranger) - {"S001"} == seen(bob) - {"B001"} == {"A001", "A002"}
    assert opened(stranger) == {"S001", "A001", "A002", "B001"}


def test_a_deputy_who_leads_a_team_sees_both(bob: Employee, carol: Employee) -> None:
    stands_in(bob, carol)
    assert seen(carol) == {"C001", "S001", "A001", "A002"}
    assert seen(bob) == {"B001", "A001", "A002"}


def test_a_deputy_sees_any_depth_and_follows_the_tree(company: dict[str, Employee], stranger: Employee) -> None:
    dana = people.with_account(people.person("D001"))
    stands_in(dana, stranger)
    assert seen(stranger) == set(company) - {"D001"} == seen(dana) - {"D001"}
    people.load("staff_no,name,email,manager_staff_no\nN001,New,new@corp.example.com,A001\n")
    assert "N001" in seen(stranger)


def test_standing_in_is_not_passed_on(bob: Employee, carol: Employee, stranger: Employee, alice: Employee) -> None:
    """Neither a deputy's deputy nor a deputy's manager sees the team."""
    stands_in(bob, stranger)
    stands_in(carol, alice)
    assert seen(carol) == {"C001", "S001"}
    assert opened(carol) == {"C001", "S001"}
    stands_in(carol, bob)
    assert seen(stranger) == {"S001", "A001", "A002"}


def test_no_role_is_passed_on(hr: Employee, stranger: Employee, company: dict[str, Employee]) -> None:
    """A deputy of an HR user sees that person's team, but does not get the HR role."""
    people.load("staff_no,name,email,manager_staff_no\nH002,Hugo,hugo@corp.example.com,H001\n")
    stands_in(people.person("H001"), stranger)
    assert seen(stranger) == {"S001", "H002"}
    assert not account_for(stranger).has_role("hr")


def test_it_begins_on_its_first_day_and_ends_with_its_last(bob: Employee, stranger: Employee, noon: Clock) -> None:
    """Days are in the company's zone, here UTC, exact to the microsecond at midnight."""
    stands_in(bob, stranger, starts_on=date(2026, 11, 25))
    instants = {
        "2026-11-23T12:00:00+08:00": False,
        "2026-11-24T23:59:59.999999+00:00": False,
        "2026-11-25T00:00:00+00:00": True,
        "2026-11-27T23:59:59.999999+00:00": True,
        "2026-11-28T00:00:00+00:00": False,
    }
    for at, sees in instants.items():
        noon.set(at)
        assert ("A001" in seen(stranger), "B001" in opened(stranger)) == (sees, sees), at


def test_a_manager_without_a_team_lends_nothing(bob: Employee, stranger: Employee) -> None:
    """The manager's page would show one person only."""
    stands_in(bob, stranger)
    people.load(people.ROSTER.replace(",B001", ",D001"))
    assert opened(stranger) == {"S001"}


def without(staff_no: str) -> str:
    return "".join(line for line in people.ROSTER.splitlines(keepends=True) if not line.startswith(staff_no))


@pytest.mark.parametrize("leaver", ["B001", "S001"])
def test_it_is_over_when_either_leaves_and_does_not_come_back_with_them(
    leaver: str, bob: Employee, stranger: Employee, noon: Clock
) -> None:
    stands_in(bob, stranger)
    people.load(without(leaver).replace(",B001", ",D001" if leaver == "B001" else ",B001"), complete=True)
    assert "A001" not in seen(stranger)
    noon.set("2026-11-24T12:00:00+08:00", ticks=True)
    people.load(people.ROSTER)
    assert people.person("B001").is_manager
    assert "A001" not in seen(stranger)
    # The manager may name the deputy again, which ends the old row.
    stands_in(bob, stranger)
    assert "A001" in seen(stranger)
    assert Deputyship.objects.filter(ended_at=None).count() == 1


def test_an_account_of_nobody_sees_nobody(db: None) -> None:
    account = Account.objects.create(login="x", password="!")
    assert not Employee.objects.teams_visible_to(account).exists()
    assert not Deputyship.objects.visible_to(account).exists()


# -- who may name, and end ---------------------------------------------------------------------------------------------


def test_hr_names_for_any_manager_and_nobody_else_does(
    bob: Employee, carol: Employee, alice: Employee, stranger: Employee, hr: Employee
) -> None:
    for other in (carol, alice, stranger):
        with pytest.raises(Refused) as refused:
            stands_in(bob, stranger, by=account_for(other))
        assert refused.value.field == "manager"
    assert stands_in(bob, stranger, by=account_for(hr)).named_by_id == account_for(hr).pk


@pytest.mark.parametrize("who", ["bob", "stranger", "hr"])
def test_manager_deputy_and_hr_end_it_at_once_and_once(
    who: str, bob: Employee, stranger: Employee, hr: Employee
) -> None:
    made = stands_in(bob, stranger)
    by = account_for({"bob": bob, "stranger": stranger, "hr": hr}[who])
    assert end_deputyship(deputyship_id=made.pk, by=by)[1] is True
    assert seen(stranger) == {"S001"}
    assert end_deputyship(deputyship_id=made.pk, by=by)[1] is False
    assert AuditEntry.objects.filter(action="deputy.ended").count() == 1


def test_for_everybody_else_it_does_not_exist(bob: Employee, carol: Employee, alan: Employee, alice: Employee) -> None:
    made = stands_in(bob, alice)
    for other in (carol, alan):
        with pytest.raises(Deputyship.DoesNotExist):
            end_deputyship(deputyship_id=made.pk, by=account_for(other))


def test_the_trail_tells_both_people_before_and_after(bob: Employee, stranger: Employee) -> None:
    made = stands_in(bob, stranger)
    end_deputyship(deputyship_id=made.pk, by=account_for(stranger))
    named, ended = AuditEntry.objects.filter(action__startswith="deputy.").order_by("pk")
    for entry in (named, ended):
        assert (entry.detail["manager"], entry.detail["deputy"]) == ("B001", "S001"), "the stream sends them"
        assert entry.subject_label == "Sam (S001) → Bob 白 (B001)"
    assert (named.actor_label, ended.actor_label) == ("Bob 白", "Sam")
    assert named.detail["before"] is None
    assert named.detail["after"]["until"] == "2026-11-28T00:00:00+00:00"
    assert ended.detail["before"] == named.detail["after"]
    assert ended.detail["after"]["until"] < named.detail["after"]["until"]


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("until", {"until": date(2026, 11, 22)}),
        ("until", {"until": date(2026, 11, 26), "starts_on": date(2026, 11, 27)}),
        ("until", {"until": date(2027, 11, 24)}),
        ("until", {"until": date.max}),
        ("starts_on", {"starts_on": date(2026, 11, 22)}),
        ("starts_on", {"starts_on": date.min}),
    ],
)
def test_days_that_make_no_sense_are_said_at_their_field(
    bob: Employee, stranger: Employee, field: str, terms: dict[str, date]
) -> None:
    with pytest.raises(Refused) as refused:
        stands_in(bob, stranger, **terms)
    assert refused.value.field == field
    assert not Deputyship.objects.exists()


def test_today_alone_and_a_whole_year_are_possible(bob: Employee, stranger: Employee, alice: Employee) -> None:
    stands_in(bob, stranger, until=date(2026, 11, 23), starts_on=date(2026, 11, 23))
    stands_in(bob, alice, until=date(2027, 11, 23))
    assert "A002" in seen(stranger) & seen(alice)


def test_nobody_stands_in_for_themself_twice_or_for_nobody(bob: Employee, stranger: Employee, alice: Employee) -> None:
    stands_in(bob, stranger)
    for manager, deputy, field in ((bob, bob, "deputy"), (bob, stranger, "deputy"), (alice, stranger, "manager")):
        with pytest.raises(Refused) as refused:
            stands_in(manager, deputy)
        assert refused.value.field == field


def test_who_has_left_is_no_deputy(bob: Employee, stranger: Employee) -> None:
    people.load(without("S001"), complete=True)
    with pytest.raises(Refused) as refused:
        stands_in(bob, stranger)
    assert refused.value.field == "deputy"


def test_after_its_end_the_same_person_may_be_named_again(bob: Employee, stranger: Employee) -> None:
    later = stands_in(bob, stranger, starts_on=date(2026, 11, 25))
    end_deputyship(deputyship_id=later.pk, by=account_for(bob))
    first = stands_in(bob, stranger)
    end_deputyship(deputyship_id=first.pk, by=account_for(bob))
    stands_in(bob, stranger)
    assert "A001" in seen(stranger)


def test_a_form_sent_twice_names_once(bob: Employee, stranger: Employee) -> None:
    key = uuid.uuid4()
    assert stands_in(bob, stranger, key=key) == stands_in(bob, stranger, key=key)
    assert AuditEntry.objects.filter(action="deputy.named").count() == 1


@pytest.mark.django_db(transaction=True)
def test_forms_sent_at_once_name_once(bob: Employee, stranger: Employee) -> None:
    """Repeating a form creates one row; another form for the same days gets a message, not a database error."""
    keys, outcomes = [uuid.uuid4()] * 3 + [uuid.uuid4() for _ in range(3)], []

    def send(key: uuid.UUID) -> None:
        try:
            outcomes.append(stands_in(bob, stranger, key=key).pk)
        except Refused as refused:
            outcomes.append(refused.field)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[key]) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = Deputyship.objects.get()
    assert set(outcomes) <= {made.pk, "deputy"}
    assert made.pk in outcomes
    assert len(outcomes) == 6


def test_who_loses_the_role_of_hr_names_nobody(bob: Employee, stranger: Employee, hr: Employee) -> None:
    grant_role(employee=hr, role="hr", by=people.TESTER, revoke=True)
    with pytest.raises(Refused):
        stands_in(bob, stranger, by=account_for(hr))


# -- the database ------------------------------------------------------------------------------------------------------


def refused_by_database(code: str, **fields: Any) -> None:
    """Insert a row directly, with the application's database role."""
    at = datetime(2026, 11, 23, 4, tzinfo=UTC)
    usual = {
        "named_at": at,
        "starts_at": at,
        "ends_at": at + timedelta(days=3),
        "named_by_id": 1,
        "named_by_label": "x",
    }
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        Deputyship.objects.create(**usual | fields)
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg2.Error)
    assert cause.pgcode == code, cause


def test_the_database_refuses_what_no_deputyship_is(bob: Employee, stranger: Employee) -> None:
    at, pair = datetime(2026, 11, 23, 4, tzinfo=UTC), {"manager": bob, "deputy": stranger}
    refused_by_database("23514", manager=bob, deputy=bob)
    refused_by_database("23514", **pair, ends_at=at)
    refused_by_database("23514", **pair, ends_at=at + timedelta(days=366, microseconds=1))
    refused_by_database("23514", **pair, starts_at=at - timedelta(microseconds=1))
    refused_by_database("23514", **pair, ended_at=at)
    refused_by_database("23514", **pair, ended_by_id=1, ended_by_label="x")
    refused_by_database("23514", **pair, ended_at=at - timedelta(microseconds=1), ended_by_id=1, ended_by_label="x")


def test_the_database_refuses_two_of_one_pair_at_one_time(bob: Employee, stranger: Employee, alice: Employee) -> None:
    made = stands_in(bob, stranger)
    refused_by_database("23P01", manager=bob, deputy=stranger)
    stands_in(bob, alice)
    end_deputyship(deputyship_id=made.pk, by=account_for(bob))
    refused_by_database("23P01", manager=bob, deputy=stranger)  # it was in force for a moment of this period
    stands_in(bob, stranger)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_deputyship SET ends_at = ends_at + interval '1 day'",
        "UPDATE accounts_deputyship SET deputy_id = manager_id + 1",
        "UPDATE accounts_deputyship SET ended_at = named_at + interval '1 day', ended_by_id = 1, ended_by_label = 'x'",
        "DELETE FROM accounts_deputyship",
    ],
)
def test_the_database_lets_nobody_rewrite_one(bob: Employee, stranger: Employee, statement: str) -> None:
    """Audits need to know who could see a team: a row is ended once and otherwise never changes."""
    stands_in(bob, stranger)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_end_is_never_taken_back(bob: Employee, stranger: Employee) -> None:
    end_deputyship(deputyship_id=stands_in(bob, stranger).pk, by=account_for(bob))
    with pytest.raises(DatabaseError), transaction.atomic():
        Deputyship.objects.update(ended_at=None, ended_by_id=None, ended_by_label="")
