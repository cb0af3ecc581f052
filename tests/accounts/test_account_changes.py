"""Roles, second factors of role holders and bindings: a failure lets one operator take over or create a role."""

from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.db import DatabaseError, connection, transaction

from apps.accounts import account_changes
from apps.accounts.approvals import approvers, withdraw_request
from apps.accounts.enrolment import has_factor
from apps.accounts.models import ApprovalRequest, ProviderSubject, Role, SecurityEvent
from apps.accounts.services import account_for, grant_role
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
ISSUER = "https://login.example.com"


@pytest.fixture
def asks(operator: Employee) -> Actor:
    """The operator who requests."""
    return account_for(operator).actor


@pytest.fixture
def second(dana: Employee) -> Actor:
    """A second operator."""
    return account_for(people.with_account(dana, "operator")).actor


def role(employee: Employee, by: Actor, role: str = "hr") -> ApprovalRequest:
    return account_changes.request_role(employee=employee, role=role, reason="new in HR", by=by)


def refused(code: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, check=lambda error: error.code == code)


def mails(employee: Employee) -> list[str]:
    return list(SecurityEvent.objects.filter(account__employee=employee).order_by("at").values_list("kind", flat=True))


@pytest.mark.parametrize("name", Role.Kind.values)
def test_a_role_needs_a_second_operator(name: str, alice: Employee, asks: Actor, second: Actor) -> None:
    request = role(alice, asks, name)
    assert not Role.objects.filter(account__employee=alice).exists()
    people.approve(request, by=second)
    assert Role.objects.get(account__employee=alice).role == name
    assert mails(alice) == ["role_requested", "role_changed"]
    trail = AuditEntry.objects.filter(action__in=["approval.requested", "approval.approved", "role.granted"])
    trail = trail.exclude(actor_label=people.TESTER.label)
    assert [(entry.action, entry.actor_label) for entry in trail.order_by("pk")] == [
        ("approval.requested", asks.label), ("approval.approved", second.label), ("role.granted", second.label),
    ]  # fmt: skip


def test_an_hr_user_approves_too(alice: Employee, hr: Employee, asks: Actor) -> None:
    people.approve(role(alice, asks), by=account_for(hr).actor)
    assert Role.objects.get(account__employee=alice).role == "hr"


def test_the_requester_cannot_approve(alice: Employee, asks: Actor) -> None:
    with refused("own"):
        people.approve(role(alice, asks), by=asks)
    assert not Role.objects.filter(account__employee=alice).exists()


def test_an_operator_cannot_ask_for_the_own_account(operator: Employee, asks: Actor) -> None:
    with refused("own_account"):
        role(operator, asks)
    with refused("own_account"):
        account_changes.request_factor_reset(employee=operator, reason="lost", by=asks)


def test_the_owner_of_the_account_cannot_approve(hr: Employee, asks: Actor) -> None:
    """A colleague's request would otherwise give an HR user any other role with one click of the own."""
    request = role(hr, asks, "operator")
    assert account_for(hr) not in approvers(request, db_now())
    with refused("own_account"):
        people.approve(request, by=account_for(hr).actor)


@pytest.mark.parametrize("who", ["alice", "hr", "auditor"])
def test_only_operators_request(who: str, request: pytest.FixtureRequest, alan: Employee) -> None:
    with refused("not_operator"):
        role(alan, account_for(request.getfixturevalue(who)).actor)


def test_an_auditor_cannot_approve(alice: Employee, auditor: Employee, asks: Actor) -> None:
    with refused("not_operator"):
        people.approve(role(alice, asks), by=account_for(auditor).actor)


def test_an_operator_decides_no_other_request(second: Actor, company: dict[str, Employee]) -> None:
    """Operators would otherwise approve roster loads and campaigns in HR's place."""
    from tests.accounts.test_approvals import approve, requested

    with refused("not_hr"):
        approve(requested(people.officer("hr-1")), second)


def test_the_database_refuses_the_same_by_sql(alice: Employee, hr: Employee, asks: Actor, auditor: Employee) -> None:
    request = role(hr, asks, "operator")
    decide = (
        "UPDATE accounts_approvalrequest SET decision = 'approved', decided_at = hundred_clock(), decided_by_id = %s,"
        " decided_by_label = 'x' WHERE id = %s"
    )
    for account in (account_for(hr), account_for(auditor), account_for(alice)):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(decide, [account.pk, request.pk])
    insert = (
        "INSERT INTO accounts_approvalrequest (id, kind, subject, label, payload, effect, reason, requested_by_id,"
        " requested_by_label, expires_at, decided_by_label, by_operator, note) VALUES (gen_random_uuid(), 'role_grant',"
        " 'x', 'x', '{\"account\": 1}', '{}', '', %s, 'x', 'infinity', '', false, '')"
    )
    for requester in (account_for(hr).pk, None):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(insert, [requester])


@pytest.mark.parametrize("unsettled", ["requester", "approver"])
def test_a_fresh_account_takes_no_part(
    unsettled: str, alice: Employee, asks: Actor, second: Actor, settings: object, noon: Clock
) -> None:
    """A thief of an account first changes its factor or address."""
    request = role(alice, asks) if unsettled == "approver" else None
    settings.APPROVAL_COOLDOWN_DAYS = 3  # type: ignore[attr-defined]
    with refused("unsettled"):
        people.approve(request, by=second) if request else role(alice, asks)
    noon.set(db_now() + timedelta(days=4), ticks=True)
    people.approve(request or role(alice, asks), by=second)


def test_a_request_is_void_when_the_account_has_changed(alice: Employee, asks: Actor, second: Actor) -> None:
    """The second person approves the account that the request described, not one with another address."""
    request = role(alice, asks)
    grant_role(employee=alice, role="auditor", by=people.TESTER)
    with refused("account_changed"):
        people.approve(request, by=second)
    assert not Role.objects.filter(account__employee=alice, role="hr").exists()


def test_a_leaver_gets_no_role(alice: Employee, asks: Actor) -> None:
    people.load(people.ROSTER.replace("A001,", "X001,").replace("alice@", "x@"), complete=True)
    with refused("not_employed"):
        role(alice, asks)


def test_a_role_holders_factors_go_with_a_second_person(hr: Employee, asks: Actor, second: Actor) -> None:
    people.enrol(hr, generate_totp_secret())
    request = account_changes.request_factor_reset(employee=hr, reason="lost phone", by=asks)
    assert has_factor(account_for(hr)), "until the approval the factor protects the account"
    assert "reset_requested" in mails(hr)
    people.approve(request, by=second)
    assert not has_factor(account_for(hr))
    assert "factors_reset" in mails(hr)


def test_a_factor_added_since_the_request_stays(hr: Employee, asks: Actor, second: Actor) -> None:
    people.enrol(hr, generate_totp_secret())
    request = account_changes.request_factor_reset(employee=hr, reason="lost phone", by=asks)
    people.enrol(hr, generate_totp_secret())
    from apps.accounts.second_factors import remove_factors

    remove_factors(account=account_for(hr), by=account_for(hr).actor)
    people.enrol(hr, generate_totp_secret())
    with refused("account_changed"):
        people.approve(request, by=second)
    assert has_factor(account_for(hr))


def test_a_binding_ends_with_a_second_person(alice: Employee, asks: Actor, second: Actor) -> None:
    ProviderSubject.objects.create(account=account_for(alice), issuer=ISSUER, subject="s")
    request = account_changes.request_unbinding(employee=alice, reason="new directory", by=asks)
    assert ProviderSubject.objects.exists()
    people.approve(request, by=second)
    assert not ProviderSubject.objects.exists()
    assert mails(alice) == ["unlinking_requested", "unlinked"]


def test_a_new_binding_voids_the_request(alice: Employee, asks: Actor, second: Actor) -> None:
    subject = ProviderSubject.objects.create(account=account_for(alice), issuer=ISSUER, subject="s")
    request = account_changes.request_unbinding(employee=alice, reason="new directory", by=asks)
    subject.delete()
    ProviderSubject.objects.create(account=account_for(alice), issuer=ISSUER, subject="t")
    with refused("account_changed"):
        people.approve(request, by=second)


@pytest.mark.parametrize(("call", "code"), [("request_factor_reset", "no_factor"), ("request_unbinding", "not_bound")])
def test_nothing_to_change_is_refused(call: str, code: str, alice: Employee, asks: Actor) -> None:
    with refused(code):
        getattr(account_changes, call)(employee=alice, reason="x", by=asks)


def test_a_request_has_a_reason_and_can_be_withdrawn(alice: Employee, asks: Actor) -> None:
    with refused("reason"):
        account_changes.request_role(employee=alice, role="hr", reason=" ", by=asks)
    request = role(alice, asks)
    with refused("waiting"):
        role(alice, asks)
    withdraw_request(request_id=request.pk, by=asks)
    role(alice, asks)
