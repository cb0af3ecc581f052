"""The database's own rules for adjustments, for every writer: raw SQL in the application's database role."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.accounts.models import Role
from apps.accounts.services import account_for
from apps.campaigns.adjustments.approve import grant_adjustment
from apps.campaigns.adjustments.requests import request_revocation
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from tests.people import adjust, ask, mark, officer, standing

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def run(statement: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def decide(asked: AdjustmentRequest, by: int, decision: str = "granted", **more: Any) -> None:
    """Write a decision without any service."""
    written = {"decision": decision, "decided_at": db_now(), "decided_by_id": by, "note": "no", **more}
    sets = ", ".join(f"{name} = %s" for name in written)
    run(f"UPDATE campaigns_adjustmentrequest SET {sets} WHERE id = %s", *written.values(), asked.pk)


def bring_into_force(asked: AdjustmentRequest, at: datetime) -> None:
    run("UPDATE campaigns_adjustment SET granted_at = %s WHERE request_id = %s", at, asked.pk)


@pytest.fixture
def asked(campaign: Campaign, alice: Employee) -> AdjustmentRequest:
    """A pending exemption for Alice."""
    return ask(campaign=campaign, employee=alice, exempt=True)


def refused(said: str) -> Any:
    return pytest.raises(DatabaseError, match=said)


def test_nothing_counts_without_a_grant(asked: AdjustmentRequest) -> None:
    with refused("needs the approval of another person"):
        bring_into_force(asked, db_now())
    with refused("granted_or_left_out|approval of another"):
        run("UPDATE campaigns_adjustment SET granted_at = %s, left_out = 'own'", db_now())


def test_who_asked_does_not_grant(asked: AdjustmentRequest) -> None:
    for decision in ("granted", "refused"):
        with refused("campaigns_request_decided_by_another"):
            decide(asked, asked.asked_by_id, decision)
    with refused("campaigns_request_decided_by_another"):
        decide(asked, officer("third").id or 0, "withdrawn")
    decide(asked, asked.asked_by_id, "withdrawn", note="")


def test_the_person_concerned_does_not_grant(asked: AdjustmentRequest, alice: Employee, campaign: Campaign) -> None:
    own = account_for(alice)
    Role.objects.create(account=own, role="hr", granted_by_label="x")
    with refused("cannot decide about themselves"):
        decide(asked, own.pk)
    fields = ("campaign_id", "kind", "kind_text", "reason", "department", "decided_by_label", "note")
    values = (campaign.pk, "leave", "", "x", "", "", "")
    row = (
        f"INSERT INTO campaigns_adjustmentrequest (key, asked_by_id, asked_by_label, {', '.join(fields)}, employee_id)"
    )
    with refused("cannot request for themselves"):
        run(f"{row} VALUES (gen_random_uuid(), %s, 'x', {', '.join(['%s'] * 7)}, %s)", own.pk, *values, alice.pk)


def test_whoever_is_not_of_hr_neither_asks_nor_grants(asked: AdjustmentRequest, hr: Employee, bob: Employee) -> None:
    for account in (account_for(bob).pk, 999_999):
        with refused("only HR can adjust"):
            decide(asked, account)
    Role.objects.filter(account=account_for(hr)).delete()
    with refused("only HR can adjust"):
        decide(asked, account_for(hr).pk)
    with refused("only HR can adjust"):
        run("INSERT INTO campaigns_adjustmentrequest (key, campaign_id, employee_id, kind, kind_text, reason,"
            " department, asked_by_id, asked_by_label, decided_by_label, note)"
            " SELECT gen_random_uuid(), campaign_id, employee_id, kind, '', 'x', '', 999999, 'x', '', ''"
            " FROM campaigns_adjustmentrequest")  # fmt: skip


@pytest.mark.parametrize("when", ["1990-01-01T00:00:00+00:00", "2100-01-01T00:00:00+00:00"])
def test_a_decision_is_dated_when_it_is_made(asked: AdjustmentRequest, when: str) -> None:
    with refused("must carry the current time"):
        decide(asked, officer("grants").id or 0, decided_at=datetime.fromisoformat(when))


def test_a_row_that_begins_as_granted_is_refused(asked: AdjustmentRequest, alan: Employee) -> None:
    columns = "request_id, campaign_id, employee_id, exempt, starts_at, ends_at, granted_at, left_out"
    row = f"INSERT INTO campaigns_adjustment ({columns}) SELECT %s, campaign_id, %s, true, starts_at, ends_at, %s, ''"
    with refused("must be requested first"):
        run(f"{row} FROM campaigns_adjustment", asked.pk, asked.employee_id, db_now())
    with refused("must be requested first"):
        run(f"{row} FROM campaigns_adjustment", asked.pk, alan.pk, None)
    with refused("campaigns_adjustment_once"):
        run(f"{row} FROM campaigns_adjustment", asked.pk, asked.employee_id, None)


CHANGES = ["target = 3, exempt = NULL", "starts_at = '2020-01-01'", "ends_at = '2026-11-02'", "granted_at = NULL"]
CHANGES += [
    "ended_at = now()",
    "employee_id = employee_id + 1",
    "campaign_id = 0",
    "request_id = 0",
    "left_out = 'own'",
]


def test_what_was_granted_is_never_changed_nor_deleted(campaign: Campaign, alice: Employee) -> None:
    made = adjust(campaign=campaign, employee=alice, exempt=True)
    for change in CHANGES:
        with pytest.raises(DatabaseError):
            run(f"UPDATE campaigns_adjustment SET {change} WHERE id = %s", made.pk)
    for change in ("reason = 'y'", "decision = NULL, decided_at = NULL, decided_by_id = NULL", "decision = 'refused'"):
        with refused("decided only once"):
            run(f"UPDATE campaigns_adjustmentrequest SET {change}")
    for table in ("campaigns_adjustment", "campaigns_adjustmentrequest"):
        with refused("permission denied"):
            run(f"DELETE FROM {table}")
    mark()
    assert standing(campaign, alice).exempt


def test_an_end_wants_a_granted_request_of_its_own(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    made, other = (adjust(campaign=campaign, employee=one, exempt=True) for one in (alice, alan))
    ending = request_revocation(request=made.request, employee=None, reason="x", by=officer("asks"))
    at = db_now()
    with refused("the end of an adjustment needs"):
        run("UPDATE campaigns_adjustment SET ended_at = %s WHERE id = %s", at, made.pk)
    grant_adjustment(request_id=ending.pk, by=officer("grants"))
    ending.refresh_from_db()
    with refused("the end of an adjustment needs"):
        run("UPDATE campaigns_adjustment SET ended_at = %s WHERE id = %s", ending.decided_at, other.pk)
    with refused("ended, not changed"):
        run("UPDATE campaigns_adjustment SET ended_at = NULL WHERE id = %s", made.pk)


def test_only_what_was_granted_is_ended(asked: AdjustmentRequest) -> None:
    with refused("only an approved adjustment"):
        run("INSERT INTO campaigns_adjustmentrequest (key, campaign_id, employee_id, kind, kind_text, reason,"
            " department, asked_by_id, asked_by_label, decided_by_label, note, ends_id)"
            " SELECT gen_random_uuid(), campaign_id, employee_id, kind, '', 'x', '', asked_by_id, 'x', '', '', id"
            " FROM campaigns_adjustmentrequest")  # fmt: skip


def test_a_campaign_that_is_over_is_not_adjusted(asked: AdjustmentRequest, alan: Employee, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state="closing")
    with refused("campaign that is over"):
        decide(asked, officer("grants").id or 0)
    decide(asked, officer("grants").id or 0, "refused")


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        ({"target": None}, "says_one_thing"),
        ({"exempt": True}, "says_one_thing"),
        ({"target": 0}, "adjustment_target"),
        ({"ends_at": datetime(2026, 11, 2, tzinfo=UTC)}, "adjustment_forward"),
    ],
)
def test_an_adjustment_says_one_thing_for_some_time(
    campaign: Campaign, alan: Employee, terms: dict[str, Any], name: str
) -> None:
    many = AdjustmentRequest.objects.create(
        campaign=campaign, kind="joined_late", reason="x", joined_after=date(2026, 11, 5),
        asked_by_id=officer("asks").id, asked_by_label="x",
    )  # fmt: skip
    row = {"target": 5, "starts_at": datetime(2026, 11, 2, tzinfo=UTC), "ends_at": LATER, **terms}
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Adjustment.objects.create(request=many, campaign=campaign, employee=alan, **row)


def test_a_request_says_what_it_is_about(asked: AdjustmentRequest) -> None:
    """Each constraint by itself: a new pending request that violates only this one."""
    columns = {
        "key": "gen_random_uuid()", "campaign_id": "campaign_id", "employee_id": "employee_id", "kind": "kind",
        "kind_text": "''", "reason": "'x'", "department": "''", "asked_by_id": "asked_by_id", "asked_by_label": "'x'",
        "decided_by_label": "''", "note": "''", "joined_after": "NULL::date", "file_name": "''",
    }  # fmt: skip
    broken = {
        "campaigns_request_kind": {"kind": "'other'"},
        "campaigns_request_reason": {"reason": "''"},
        "campaigns_request_about_one_or_many": {"joined_after": "'2026-11-05'"},
        "campaigns_request_one_waiting": {"reason": "'y'"},
    }
    for name, change in broken.items():
        row = columns | change
        with refused(name):
            run(
                f"INSERT INTO campaigns_adjustmentrequest ({', '.join(row)}) SELECT {', '.join(row.values())}"
                " FROM campaigns_adjustmentrequest"
            )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"file_name": "a.csv", "joined_after": date(2026, 11, 5)},
        {"file_name": "a.csv", "department": "Sales"},
        {"file_name": "a.csv", "employee": True},
    ],
    ids=["neither", "a rule as well", "a department", "one person"],
)
def test_a_request_for_many_has_a_rule_or_a_file(campaign: Campaign, alan: Employee, more: dict[str, Any]) -> None:
    """For a request with both, its employees could not be determined later."""
    usual = {"kind": "leave", "reason": "x", "asked_by_id": officer("asks").id, "asked_by_label": "x"}
    if "employee" in more:
        more = more | {"employee": alan}
    with refused("campaigns_request_about_one_or_many"), transaction.atomic():
        AdjustmentRequest.objects.create(campaign=campaign, **usual, **more)
    AdjustmentRequest.objects.create(campaign=campaign, **usual, file_name="a.csv")


@pytest.mark.django_db(transaction=True)
def test_not_even_the_owner_rewrites_or_deletes_one(campaign: Campaign, alice: Employee, as_owner: Any) -> None:
    adjust(campaign=campaign, employee=alice, exempt=True)
    for statement in (
        "UPDATE campaigns_adjustment SET ends_at = now()",
        "DELETE FROM campaigns_adjustment",
        "DELETE FROM campaigns_adjustmentrequest",
        "UPDATE campaigns_adjustmentrequest SET asked_by_id = 1",
    ):
        with pytest.raises(Exception, match=r"can be (ended|decided)"):
            as_owner(statement)
    assert Adjustment.objects.get().ended_at is None
