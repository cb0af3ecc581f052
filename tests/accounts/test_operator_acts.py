"""What one operator may do alone: a failure leaves a stolen session open, or opens an account to the operator."""

import pytest
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.core import mail

from apps.accounts import operator_acts
from apps.accounts.api_tokens import create_token
from apps.accounts.enrolment import EnrolmentCodeRequired, has_factor
from apps.accounts.models import ApiToken, ProviderSubject, Role, SecurityEvent
from apps.accounts.second_factors import add_app
from apps.accounts.services import account_for
from apps.accounts.sessions import signed_in_browsers
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.operations.tasks import send_mails
from tests import people
from tests.dashboard.strict import StrictClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(operator: Employee) -> Actor:
    return account_for(operator).actor


def refused(code: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, check=lambda error: error.code == code)


def mails(employee: Employee) -> list[str]:
    return list(SecurityEvent.objects.filter(account__employee=employee).order_by("at").values_list("kind", flat=True))


def acts() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_access_ends_and_the_owner_is_mailed(alice: Employee, by: Actor) -> None:
    people.sign_in(StrictClient(), alice)
    create_token(account=account_for(alice), name="x", scopes=["own"], by=people.TESTER)
    assert operator_acts.end_person_access(employee=alice, by=by) == 1
    assert not signed_in_browsers(account_for(alice), None)
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert "access_ended" in mails(alice)
    assert {"account.sessions_ended", "account.tokens_ended"} <= set(acts())


def test_a_link_goes_to_the_address_on_record_alone(alice: Employee, by: Actor) -> None:
    operator_acts.send_link(employee=alice, by=by)
    with refused("waiting"):
        operator_acts.send_link(employee=alice, by=by)
    send_mails()
    [message] = [message for message in mail.outbox if "/set-password/" in message.body]
    assert message.to == ["alice@corp.example.com"]
    assert AuditEntry.objects.get(action="account.invited").actor_label == by.label
    with refused("often"):
        operator_acts.send_link(employee=alice, by=by)


def test_no_link_for_a_leaver_or_at_the_provider(alice: Employee, alan: Employee, by: Actor, settings: object) -> None:
    settings.OIDC_ISSUER = "https://login.example.com"  # type: ignore[attr-defined]
    account = account_for(alan)
    account.set_unusable_password()
    account.save()
    ProviderSubject.objects.create(account=account, issuer="https://login.example.com", subject="s")
    with refused("provider"):
        operator_acts.send_link(employee=alan, by=by)
    people.load(people.ROSTER.replace("A001,", "X001,").replace("alice@", "x@"), complete=True)
    with refused("not_employed"):
        operator_acts.send_link(employee=alice, by=by)


def test_after_a_reset_only_the_code_adds_a_factor(alice: Employee, by: Actor) -> None:
    """Otherwise any person with the password enrols the next factor."""
    people.enrol(alice, generate_totp_secret())
    code = operator_acts.reset_factors(employee=alice, by=by)
    account = account_for(alice)
    assert not has_factor(account)
    with pytest.raises(EnrolmentCodeRequired):
        add_app(account=account, secret=generate_totp_secret())
    with pytest.raises(EnrolmentCodeRequired):
        add_app(account=account, secret=generate_totp_secret(), enrolment_code="ABCD-EFGH-JKMN-PQRS")
    assert add_app(account=account, secret=generate_totp_secret(), enrolment_code=code)
    assert {"factors_reset", "enrolment_code", "factor_added"} <= set(mails(alice))
    assert code not in str(list(AuditEntry.objects.values()))


def test_a_new_code_replaces_the_one_that_was_lost(alice: Employee, by: Actor) -> None:
    people.enrol(alice, generate_totp_secret())
    lost = operator_acts.reset_factors(employee=alice, by=by)
    code = operator_acts.create_code(employee=alice, by=by)
    account = account_for(alice)
    with pytest.raises(EnrolmentCodeRequired):
        add_app(account=account, secret=generate_totp_secret(), enrolment_code=lost)
    assert add_app(account=account, secret=generate_totp_secret(), enrolment_code=code)


@pytest.mark.parametrize("role", Role.Kind.values)
def test_no_operator_alone_resets_a_role_holder(role: str, alice: Employee, by: Actor) -> None:
    """Otherwise one operator weakens an HR account to its password."""
    people.with_account(alice, role)
    people.enrol(alice, generate_totp_secret())
    with refused("role_holder"):
        operator_acts.reset_factors(employee=alice, by=by)
    assert has_factor(account_for(alice))
    with refused("no_code"):
        operator_acts.create_code(employee=alice, by=by)


def test_the_own_account_is_left_to_another_operator(operator: Employee, by: Actor) -> None:
    with refused("own_account"):
        operator_acts.reset_factors(employee=operator, by=by)
    with refused("own_account"):
        operator_acts.create_code(employee=operator, by=by)


def test_a_fresh_operator_weakens_no_account(alice: Employee, hr: Employee, by: Actor, settings: object) -> None:
    """A thief of an operator's account first changes its factor or address."""
    people.enrol(alice, generate_totp_secret())
    settings.APPROVAL_COOLDOWN_DAYS = 3  # type: ignore[attr-defined]
    with refused("unsettled"):
        operator_acts.reset_factors(employee=alice, by=by)
    with refused("unsettled"):
        operator_acts.create_code(employee=hr, by=by)
    with refused("unsettled"):
        operator_acts.revoke_role(employee=hr, role="hr", by=by)
    operator_acts.end_person_access(employee=alice, by=by)


def test_no_code_without_need(alice: Employee, by: Actor) -> None:
    with refused("no_code"):
        operator_acts.create_code(employee=alice, by=by)
    with refused("no_factor"):
        operator_acts.reset_factors(employee=alice, by=by)


def test_a_role_is_revoked_at_once(auditor: Employee, by: Actor) -> None:
    operator_acts.revoke_role(employee=auditor, role="auditor", by=by)
    assert not Role.objects.filter(account__employee=auditor).exists()
    assert "role_changed" in mails(auditor)
    with refused("no_role"):
        operator_acts.revoke_role(employee=auditor, role="auditor", by=by)


@pytest.mark.parametrize("role", ["operator", "hr"])
def test_the_last_operator_and_the_last_hr_user_stay(role: str, operator: Employee, hr: Employee, by: Actor) -> None:
    """Without HR, new addresses would need no second person; without an operator, only the shell is left."""
    holder = operator if role == "operator" else hr
    with refused("last_holder"):
        operator_acts.revoke_role(employee=holder, role=role, by=by)
    # An account that never had a password cannot take over.
    Role.objects.create(account=account_for(people.person("S001")), role=role, granted_by_label="x")
    with refused("last_holder"):
        operator_acts.revoke_role(employee=holder, role=role, by=by)
    people.with_account(people.person("S001"))
    operator_acts.revoke_role(employee=holder, role=role, by=by)


def test_a_role_of_the_providers_group_stays_with_the_group(hr: Employee, by: Actor) -> None:
    Role.objects.filter(account__employee=hr).update(issuer="https://login.example.com")
    with refused("from_provider"):
        operator_acts.revoke_role(employee=hr, role="hr", by=by)
