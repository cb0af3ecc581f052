"""`/company/approvals/`: when these fail, the second person approves what was not shown, or cannot decide at all."""

from collections.abc import Iterator

import pytest

from apps.accounts.approvals import request_approval
from apps.accounts.models import ApprovalRequest
from apps.accounts.services import account_for
from apps.core.audit import Actor
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.standings import approvable_changes
from tests.dashboard.conftest import SignIn
from tests.dashboard.test_import import text_of
from tests.people import officer, with_account

pytestmark = pytest.mark.django_db
KIND = ApprovalRequest.Kind.RULE_CHANGE


class Change:
    """A change with a given effect that records its execution."""

    def __init__(self) -> None:
        self.effect = {"leaving": 3}
        self.made: list[Actor] = []


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Iterator[Change]:
    change = Change()
    approvable = approvable_changes.ApprovableChange(
        effect=lambda request, now: change.effect, apply=lambda request, by: change.made.append(by)
    )
    monkeypatch.setitem(approvable_changes.CHANGES, KIND, approvable)
    return change


def requested(by: Actor, subject: str = "x") -> str:
    request = request_approval(
        kind=KIND, subject=subject, label="November", payload={}, effect={"leaving": 2}, reason="as agreed", by=by
    )
    return f"/company/approvals/{request.pk}/"


def seen_on(page: object) -> str:
    return str(page.context["seen"])  # type: ignore[attr-defined]


def test_a_second_person_sees_the_effect_of_now_and_approves_it(as_: SignIn, hr: Employee, change: Change) -> None:
    address, client = requested(officer("hr-2")), as_(hr)
    listed = text_of(client.get("/company/approvals/"))
    assert "November" in listed
    assert "Approvals 1" in listed, "the navigation says how many wait"
    page = client.get(address)
    assert "3 employed people leave" in text_of(page)
    assert "as agreed" in text_of(page)
    response = client.post(address + "approve/", {"seen": seen_on(page)})
    assert response.status_code == 302
    assert change.made == [account_for(hr).actor]
    assert "Nothing is waiting" in text_of(client.get("/company/approvals/"))


def test_waiting_requests_are_listed_page_by_page(as_: SignIn, hr: Employee, change: Change) -> None:
    officers = [officer(f"hr-{number}") for number in range(2, 5)]
    for number in range(51):
        requested(officers[number % 3], str(number))
    client = as_(hr)
    pages = [client.get(f"/company/approvals/?waiting={number}") for number in (1, 2)]
    assert [len(page.context["waiting"]) for page in pages] == [50, 1]
    assert "?waiting=2" in pages[0].content.decode()


def test_changes_since_the_preview_are_not_approved(as_: SignIn, hr: Employee, change: Change) -> None:
    address, client = requested(officer("hr-2")), as_(hr)
    seen = seen_on(client.get(address))
    change.effect = {"leaving": 300}
    response = client.post(address + "approve/", {"seen": seen})
    assert response.status_code == 409
    assert "The effect has changed. Check it again" in text_of(response)
    assert "300 employed people leave" in text_of(response)
    assert not change.made


def test_the_requester_withdraws_and_cannot_approve(as_: SignIn, hr: Employee, change: Change) -> None:
    address, client = requested(account_for(hr).actor), as_(hr)
    page = client.get(address)
    assert "another HR user has to decide" in text_of(page)
    assert "Approvals 1" not in text_of(page), "nothing waits for the reader"
    response = client.post(address + "approve/", {"seen": approvable_changes.effect_digest(change.effect)})
    assert response.status_code == 409
    assert "You requested this yourself" in text_of(response)
    assert client.post(address + "withdraw/").status_code == 302
    listed = client.get("/company/approvals/")
    assert "withdrawn" in text_of(listed)
    assert 'class="pager"' not in listed.content.decode(), "one decided request has no other pages"
    assert not change.made


def test_the_requester_reads_the_effect_of_the_request_alone(as_: SignIn, hr: Employee, change: Change) -> None:
    """Counts that reveal whose contact a person is are only in the current effect, for the second person."""
    change.effect = {"leaving": 2, "counts": 1}
    address = requested(account_for(hr).actor)
    assert "The count of 1 person changes" not in text_of(as_(hr).get(address))
    assert "The count of 1 person changes" in text_of(as_(second(hr)).get(address))


def test_the_requester_reads_after_the_approval_what_the_request_said(
    as_: SignIn, hr: Employee, change: Change
) -> None:
    change.effect = {"leaving": 2, "counts": 1}
    address = requested(account_for(hr).actor)
    client = as_(second(hr))
    client.post(address + "approve/", {"seen": seen_on(client.get(address))})
    for page in (address, "/company/approvals/"):
        shown = text_of(as_(hr).get(page))
        assert "2 employed people leave" in shown
        assert "The count of 1 person changes" not in shown
    entry = AuditEntry.objects.get(action="approval.approved")
    assert entry.detail["effect"] == {"leaving": 2}, "the requester reads the trail too"
    assert "The count of 1 person changes" in text_of(as_(second(hr)).get(address))


def second(hr: Employee) -> Employee:
    """A second employee with the HR role."""
    return with_account(Employee.objects.get(staff_no="C001"), "hr")


def test_a_refusal_says_why_and_the_form_keeps_what_was_typed(as_: SignIn, hr: Employee, change: Change) -> None:
    address, client = requested(officer("hr-2")), as_(hr)
    assert client.post(address + "refuse/", {"note": ""}).status_code == 422
    assert client.post(address + "refuse/", {"note": "not this month"}).status_code == 302
    assert "not this month" in text_of(client.get(address))
    late = client.post(address + "refuse/", {"note": "too late anyway"})
    assert late.status_code == 409
    assert "has already decided this" in text_of(late)
    assert not change.made


def test_a_form_that_is_refused_stays_filled(as_: SignIn, hr: Employee, change: Change) -> None:
    address = requested(account_for(hr).actor)
    response = as_(second(hr)).post(address + "refuse/", {"note": "x" * 5_000})
    assert response.status_code == 422
    assert "x" * 5_000 in response.content.decode()


def test_decided_requests_are_paged(as_: SignIn, hr: Employee, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.dashboard.views.company.approvals.PAGE", 2)
    client = as_(hr)
    for number in range(3):
        client.post(requested(officer("hr-2"), str(number)) + "refuse/", {"note": "no"})
    first = client.get("/company/approvals/")
    assert "Next page" in text_of(first)
    assert text_of(client.get("/company/approvals/?page=2")).count("refused") == 1
