"""The two-person rule: a failure lets one person make a change that needs two."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts import approvals
from apps.accounts.approvals import (
    MAX_OPEN_REQUESTS,
    REQUEST_LIFETIME,
    approvers,
    lock_open_request,
    record_approval,
    refuse_request,
    request_approval,
    withdraw_request,
)
from apps.accounts.models import Account, ApprovalRequest, Role
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from tests.fixtures import Clock
from tests.people import officer, person, with_account

pytestmark = pytest.mark.django_db
OPERATOR = Actor(None, "operator")
EFFECT = {"people": 3}


def requested(by: Actor, subject: str = "november") -> ApprovalRequest:
    return request_approval(
        kind=ApprovalRequest.Kind.RULE_CHANGE, subject=subject, label="November", payload={"target": 90}, effect=EFFECT,
        by=by,
    )  # fmt: skip


def approve(request: ApprovalRequest, by: Actor, **options: bool) -> None:
    with transaction.atomic():
        record_approval(lock_open_request(request.pk), by=by, effect=EFFECT, **options)


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


def test_a_second_hr_user_approves_and_it_is_decided_once() -> None:
    request = requested(officer("hr-1"))
    approve(request, officer("hr-2"))
    request.refresh_from_db()
    assert (request.decision, request.decided_by_label, request.decided_effect) == ("approved", "hr-2", EFFECT)
    with pytest.raises(Refused) as refusal:
        approve(request, officer("hr-3"))
    assert code_of(refusal) == "decided"


def test_one_account_cannot_hide_the_requests_of_others_behind_its_own(clock: Clock) -> None:
    asks = officer("hr-1")
    first, *_more = [requested(asks, f"campaign {number}") for number in range(MAX_OPEN_REQUESTS)]
    with pytest.raises(Refused) as refusal:
        requested(asks, "another")
    assert code_of(refusal) == "too_many"
    requested(officer("hr-2"), "of another account")
    withdraw_request(request_id=first.pk, by=asks)
    requested(asks, "another")
    clock.set(db_now() + REQUEST_LIFETIME)
    requested(asks, "after the others expired")


def test_withdrawn_requests_count_in_the_number_of_a_day(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one account fills the trail and the database by requests that it withdraws."""
    monkeypatch.setattr(approvals, "MAX_REQUESTS_A_DAY", 3)
    asks = officer("hr-1")
    for number in range(3):
        withdraw_request(request_id=requested(asks, f"campaign {number}").pk, by=asks)
    with pytest.raises(Refused, match="within a day"):
        requested(asks, "another")
    clock.set(db_now() + timedelta(days=1))
    requested(asks, "another")


def test_nobody_approves_or_refuses_their_own_request() -> None:
    asks = officer("hr-1")
    request = requested(asks)
    with pytest.raises(Refused) as refusal:
        approve(request, asks)
    assert code_of(refusal) == "own"
    with pytest.raises(Refused) as refusal:
        refuse_request(request_id=request.pk, note="no", by=asks)
    assert code_of(refusal) == "own"
    withdraw_request(request_id=request.pk, by=asks)
    assert ApprovalRequest.objects.get().decision == "withdrawn"


def test_without_the_role_nobody_takes_part(company: object) -> None:
    alice = with_account(person("A001")).account.actor
    with pytest.raises(Refused) as refusal:
        requested(alice)
    assert code_of(refusal) == "not_hr"
    request = requested(officer("hr-1"))
    with pytest.raises(Refused) as refusal:
        approve(request, alice)
    assert code_of(refusal) == "not_hr"


@pytest.mark.parametrize("change", ["role", "address"])
def test_a_changed_account_neither_requests_nor_approves_for_days(settings: object, change: str) -> None:
    first, second = officer("hr-1"), officer("hr-2")
    Account.objects.update(security_changed_at=None)
    request = requested(first)
    settings.APPROVAL_COOLDOWN_DAYS = 3
    if change == "role":
        Role.objects.filter(account=second.id).delete()
        Role.objects.create(account_id=second.id, role="hr", granted_by_label="test")
    else:
        Account.objects.filter(pk=second.id).update(email="another@corp.example.com")
    assert list(approvers(request, db_now())) == []
    for attempt in (lambda: approve(request, second), lambda: requested(second, "another")):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert code_of(refusal) == "unsettled"
    Account.objects.filter(pk=second.id).update(security_changed_at=db_now() - timedelta(days=3, seconds=1))
    approve(request, second)


def test_the_operator_decides_only_where_no_second_hr_user_can() -> None:
    request = requested(officer("hr-1"))
    other = officer("hr-2")
    with pytest.raises(Refused) as refusal:
        approve(request, OPERATOR, by_operator=True)
    assert code_of(refusal) == "hr_decides"
    Role.objects.filter(account=other.id).delete()
    approve(request, OPERATOR, by_operator=True)
    assert ApprovalRequest.objects.get().by_operator


def test_one_request_for_one_subject_is_open_at_a_time() -> None:
    requested(officer("hr-1"))
    with pytest.raises(Refused) as refusal:
        requested(officer("hr-2"))
    assert code_of(refusal) == "waiting"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_approvalrequest SET payload = '{}'",
        (
            "UPDATE accounts_approvalrequest SET decision = 'approved', decided_at = hundred_clock(),"
            " decided_by_id = requested_by_id, decided_by_label = 'x'"
        ),
        (
            "UPDATE accounts_approvalrequest SET decision = 'approved', decided_at = hundred_clock(),"
            " decided_by_id = 0, decided_by_label = 'x'"
        ),
        (
            "UPDATE accounts_approvalrequest SET decision = 'approved', decided_at = requested_at - interval '1 s',"
            " by_operator = true, decided_by_label = 'x'"
        ),
    ],
)
def test_the_database_refuses_what_the_rule_forbids(statement: str) -> None:
    requested(officer("hr-1"))
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
