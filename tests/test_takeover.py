"""T1: no single person of any role, alone or with the mail system's log, reaches another's contacts or acts as the
second person.

Each way of the table is tried against the application. A mutant is the same way without one protection: it must
succeed, or the test could not fail.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import Q
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts import approvals, password_reset
from apps.campaigns.models import Campaign
from apps.core import enqueue
from apps.dashboard.views.account import password
from apps.employees.models import Employee
from apps.operations.tasks import mail_link
from apps.roster import effects, load_writing, loading
from tests import people, takeover_ways, takeover_ways_operator
from tests.dashboard.strict import StrictClient
from tests.takeover import CANARY, CANARY_PHONE, WAYS, Ground, Way

pytestmark = pytest.mark.django_db


@pytest.fixture
def ground(
    company: dict[str, Employee], campaign: Campaign, alice: Employee, hr: Employee, auditor: Employee,
    operator: Employee, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch, settings: Any,
) -> Ground:  # fmt: skip
    settings.APPROVAL_COOLDOWN_DAYS = 0
    settings.OIDC_STAFF_NO_CLAIM = ""
    monkeypatch.setattr(enqueue, "_publish", lambda send: send({}))
    tasks = {enqueue.MAIL_PASSWORD_LINK: mail_link}
    monkeypatch.setattr(enqueue, "_send", lambda task, _options, *ids: tasks.get(task, lambda *_: None)(*ids))
    people.with_account(company["C001"], "hr")
    people.with_account(company["B001"])
    people.with_account(company["A002"])
    people.record_one(alice, ("phone", CANARY_PHONE), name=CANARY)
    people.mark()

    def as_(employee: Employee) -> StrictClient:
        client = StrictClient()
        people.sign_in(client, employee)
        return client

    return Ground(as_, django_capture_on_commit_callbacks)


def test_the_documented_number_of_attacks_is_tried() -> None:
    assert len(WAYS) >= 20
    assert {"hr", "employee", "manager", "auditor", "operator by page", "token of each scope"} <= {
        one.who for one in WAYS
    }


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_no_single_person_takes_over(way: Way, ground: Ground) -> None:
    assert not way.tries(ground)


def believe_first_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (password_reset, password):
        monkeypatch.setattr(place, "has_unproven_email", lambda _employee: False)


class TestMutants:
    """With one protection removed, the same way succeeds."""

    def test_mutant_a_load_without_approval(self, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loading, "require_approval_if_large", lambda *_, **__: None)
        assert takeover_ways.applies_a_made_up_row_that_moves_a_count(ground)

    def test_mutant_a_requester_who_reads_everything(self, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(effects, "CONFIDENTIAL", ())
        assert takeover_ways.reads_in_the_request_whose_contact_somebody_is(ground)

    def test_mutant_a_first_address_that_counts_as_proven(
        self, ground: Ground, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        believe_first_addresses(monkeypatch)
        assert takeover_ways.gives_a_new_colleague_the_own_mailbox(ground)

    @pytest.mark.parametrize("tries", [takeover_ways_operator.makes_hr, takeover_ways_operator.weakens_hr])
    def test_mutant_a_second_operator_who_agrees(self, ground: Ground, tries: Callable[..., bool]) -> None:
        people.with_account(people.person("B001"), "operator")
        assert tries(ground.client("O001"), ground.client("B001"))

    def test_mutant_an_account_with_a_new_role(self, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(approvals, "past_cooldown", lambda now: Q())
        assert takeover_ways.approves_as_an_account_that_got_the_role_just_now(ground)


ENDS = """
CREATE OR REPLACE FUNCTION accounts_end_password(accounts bigint[]) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM accounts_end_access(accounts); END $$
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "tries",
    [
        takeover_ways.waits_with_a_password_for_a_future_employee,
        takeover_ways.waits_with_a_password_until_the_real_address_is_approved,
    ],
)
def test_mutant_a_password_that_outlives_the_address_it_was_mailed_to(
    transactional_db: None, as_owner: Callable[[str], list[tuple[Any, ...]]], tries: Any, request: pytest.FixtureRequest
) -> None:
    [(kept,)] = as_owner("SELECT pg_get_functiondef('accounts_end_password'::regproc)")
    as_owner(ENDS)
    try:
        assert tries(request.getfixturevalue("ground"))
    finally:
        as_owner(str(kept))


NEEDS_TWO = "ALTER TABLE employees_employee {} TRIGGER accounts_email_needs_two"


@pytest.fixture
def direct(
    transactional_db: None, as_owner: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A roster changes addresses directly, each counts as proven, and the database allows it."""
    monkeypatch.setattr(load_writing, "MARK_EMAILS_FOR_APPROVAL", "SELECT 1")
    believe_first_addresses(monkeypatch)
    as_owner(NEEDS_TWO.format("DISABLE"))
    yield
    as_owner(NEEDS_TWO.format("ENABLE"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "tries",
    [
        takeover_ways.gives_the_victim_another_address,
        takeover_ways.gives_another_address_before_there_is_an_account,
        takeover_ways.gives_the_second_hr_user_another_address,
        takeover_ways.ends_the_victim_and_brings_them_back_with_another_address,
        takeover_ways.undoes_a_colleagues_line_and_loads_it_with_another_address,
        takeover_ways.loads_a_line_with_another_address_after_an_approved_undo,
    ],
)
def test_mutant_addresses_that_a_roster_changes_by_itself(direct: None, tries: Any, ground: Ground) -> None:
    assert tries(ground)
