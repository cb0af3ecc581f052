"""`/operator/accounts/`: a failure lets an operator act without proof, or shows a code or person to a wrong reader."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache

from apps.accounts.enrolment import has_factor
from apps.accounts.models import Account, ApprovalRequest, Role, SecurityEvent
from apps.accounts.second_factors import SESSION_FACTOR_KEY
from apps.accounts.services import account_for
from apps.core.clock import db_now
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db
LIST = "/operator/accounts/"
PROOF = {"password": people.PASSWORD}


def page_of(employee: Employee) -> str:
    return f"{LIST}{employee.pk}/"


def code_now(secret: str) -> str:
    """A code that the account has not used yet in this test."""
    cache.clear()
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


@pytest.fixture
def browser(as_: SignIn, operator: Employee) -> StrictClient:
    return as_(operator)


@pytest.mark.parametrize("typed", ["alice", "ALICE@corp", "a001", "A001", "艾", "ali"])
def test_an_account_is_found_by_name_number_in_any_case_and_address(
    typed: str, browser: StrictClient, alice: Employee
) -> None:
    text = words(browser.get(LIST, {"q": typed}))
    assert "Alice 艾 A001" in text
    assert "Alan" not in text


def test_a_search_that_finds_one_person_is_a_look_at_that_person(browser: StrictClient, alice: Employee) -> None:
    browser.get(LIST, {"q": "a001"})
    entry = AuditEntry.objects.get(action="person.account_read")
    assert (entry.subject_id, entry.actor_label) == ("A001", "Olga")
    browser.get(LIST)
    browser.get(page_of(people.person("A002")))
    assert AuditEntry.objects.filter(action="person.account_read").count() == 2


def test_the_list_is_paged_and_shows_the_holders_of_a_role(
    browser: StrictClient, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.dashboard.views.operator.accounts.PAGE", 4)
    first, second = (browser.get(LIST, {"page": page}) for page in ("1", "2"))
    assert "1–4 of 9" in words(first)
    shown = [row["person"].pk for page in (first, second) for row in page.context["rows"]]
    assert len(set(shown)) == 8
    text = words(browser.get(LIST, {"role": "hr"}))
    assert "Hedda" in text
    assert "Alice" not in text


def test_looking_makes_no_account(browser: StrictClient, company: dict[str, Employee]) -> None:
    assert browser.get(page_of(company["S001"])).status_code == 200
    assert not Account.objects.filter(employee=company["S001"]).exists()


ACTS = [
    "end-access", "send-link", "create-code", "reset-factors", "request-reset", "unlink",
    *(f"{kind}-{role}" for kind in ("grant", "revoke") for role in Role.Kind.values),
]  # fmt: skip


@pytest.mark.parametrize("act", ACTS)
def test_no_act_without_the_password(act: str, browser: StrictClient, hr: Employee) -> None:
    """An open browser of an operator is not enough."""
    people.with_account(people.person("C001"), "hr", "operator", "auditor")
    before = AuditEntry.objects.count()
    assert browser.get(f"{page_of(hr)}{act}/").status_code == 200
    for given in ({}, {"password": "wrong"}, {"password": ""}):
        response = browser.post(f"{page_of(hr)}{act}/", {"reason": "x", **given})
        assert response.status_code == 422
    assert set(AuditEntry.objects.order_by("pk")[before:].values_list("action", flat=True)) <= {
        "account.factor_refused", "person.account_read",
    }  # fmt: skip
    assert not SecurityEvent.objects.filter(account__employee=hr).exclude(kind="role_changed").exists()


def test_no_act_without_the_second_factor(browser: StrictClient, operator: Employee, alice: Employee) -> None:
    secret = generate_totp_secret()
    people.enrol(operator, secret)
    browser = StrictClient()
    people.sign_in(browser, operator)
    session = browser.session
    session[SESSION_FACTOR_KEY] = True
    session.save()
    address = f"{page_of(alice)}end-access/"
    assert browser.post(address, PROOF).status_code == 422
    assert browser.post(address, {**PROOF, "code": "000000"}).status_code == 422
    code = code_now(secret)
    assert browser.post(address, {"password": "wrong", "code": code}).status_code == 422
    response = browser.post(address, {**PROOF, "code": code})
    assert response.status_code == 302, "a wrong password does not use up the code"
    assert browser.post(address, {**PROOF, "code": code}).status_code == 422, "a code works once"


def test_guesses_are_limited(browser: StrictClient, alice: Employee) -> None:
    answers = [browser.post(f"{page_of(alice)}end-access/", {"password": "x"}).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_an_operator_of_single_sign_on_proves_it_by_a_recent_sign_in(
    browser: StrictClient, operator: Employee, alice: Employee
) -> None:
    """Such an account has no password that Hundred could ask for."""
    account = account_for(operator)
    account.set_unusable_password()
    account.save()
    browser = StrictClient()
    people.sign_in(browser, operator)
    address = f"{page_of(alice)}end-access/"
    assert "Your sign-in is too old for this" in words(browser.get(address))
    assert browser.post(address, {}).status_code == 422
    assert not AuditEntry.objects.filter(action="account.sessions_ended").exists()
    session = browser.session
    import time

    session["proven_at"] = time.time()
    session.save()
    assert browser.post(address, {}).status_code == 302


def test_a_role_is_asked_for_and_approved_by_hr_with_proof(
    browser: StrictClient, as_: SignIn, alice: Employee, hr: Employee
) -> None:
    response = browser.post(f"{page_of(alice)}grant-hr/", {**PROOF, "reason": "joins HR"})
    assert response.status_code == 302
    text = words(browser.get(page_of(alice)))
    assert "Waiting for a second person Role for an account Olga" in text
    request = ApprovalRequest.objects.get()
    address = f"/company/approvals/{request.pk}/"
    own = words(browser.get(address))
    assert "another operator or an HR user has to decide" in own
    assert (
        browser.post(f"{address}approve/", {**PROOF, "seen": browser.get(address).context["seen"]}).status_code == 409
    )
    client = as_(hr)
    page = client.get(address)
    text = words(page)
    assert "1 person gets the role HR and is signed out everywhere" in text
    assert "New role HR" in text
    assert "alice@corp.example.com" in text
    assert client.post(f"{address}approve/", {"seen": page.context["seen"]}).status_code == 422
    assert not Role.objects.filter(account__employee=alice).exists()
    assert client.post(f"{address}approve/", {"seen": page.context["seen"], **PROOF}).status_code == 302
    assert Role.objects.get(account__employee=alice).role == "hr"


def test_a_second_operator_approves_and_sees_only_requests_about_accounts(
    browser: StrictClient, as_: SignIn, alice: Employee, dana: Employee, hr: Employee
) -> None:
    from tests.accounts.test_approvals import requested

    other = requested(people.officer("hr-2"))
    browser.post(f"{page_of(alice)}grant-auditor/", {**PROOF, "reason": "audits"})
    second = as_(people.with_account(dana, "operator"))
    text = words(second.get("/company/approvals/"))
    assert "Role for an account" in text
    assert "Approvals 1" in text
    assert "November" not in text
    for ending in ("", "approve/", "refuse/", "withdraw/"):
        answer = second.get(f"/company/approvals/{other.pk}/") if not ending else second.post(
            f"/company/approvals/{other.pk}/{ending}", {"note": "x"}
        )  # fmt: skip
        assert answer.status_code == 404
    request = ApprovalRequest.objects.about_accounts().get()
    seen = second.get(f"/company/approvals/{request.pk}/").context["seen"]
    second.post(f"/company/approvals/{request.pk}/approve/", {"seen": seen, **PROOF})
    assert Role.objects.get(account__employee=alice).role == "auditor"


def test_the_code_is_shown_once(browser: StrictClient, alice: Employee) -> None:
    people.enrol(alice, generate_totp_secret())
    response = browser.post(f"{page_of(alice)}reset-factors/", PROOF)
    [code] = re.findall(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}", response.content.decode())
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert not has_factor(account_for(alice))
    for address in (page_of(alice), f"{page_of(alice)}create-code/"):
        assert code not in browser.get(address).content.decode()
    assert "An enrolment code is valid until" in words(browser.get(page_of(alice)))
    assert code not in str(list(AuditEntry.objects.values()))


def test_a_reset_account_adds_a_factor_with_the_code_before_anything_else(
    browser: StrictClient, client: StrictClient, alice: Employee
) -> None:
    """Never trust on first use: the password alone opens nothing after a reset."""
    people.enrol(alice, generate_totp_secret())
    response = browser.post(f"{page_of(alice)}reset-factors/", PROOF)
    [code] = re.findall(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}", response.content.decode())
    client.post("/login/", {"username": "a001", "password": people.PASSWORD})
    assert client.get("/contacts/")["Location"] == "/second-factor/"
    page = client.get("/second-factor/")
    assert "The operator removed your second factors" in words(page)
    secret = page.context["secret"]
    assert client.post("/second-factor/", {"code": code_now(secret)}).status_code == 200
    assert client.get("/contacts/").status_code == 302
    client.post("/second-factor/", {"code": code_now(secret), "enrolment": code})
    assert client.get("/contacts/").status_code == 200


def test_a_refusal_is_said_at_the_form(browser: StrictClient, operator: Employee, alice: Employee) -> None:
    response = browser.post(f"{page_of(operator)}revoke-operator/", PROOF)
    assert response.status_code == 409
    assert "No other person with this role can sign in" in words(response)
    assert browser.post(f"{page_of(operator)}grant-hr/", {**PROOF, "reason": "x"}).status_code == 409
    assert browser.post(f"{page_of(alice)}nonsense/", PROOF).status_code == 404
    assert browser.get(f"{LIST}999999/").status_code == 404


def test_an_operator_without_the_required_factor_is_asked_for_it(
    as_: SignIn, operator: Employee, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]
    client = as_(operator)
    for address in ("/operator/", LIST, page_of(operator), f"{page_of(operator)}end-access/", "/company/approvals/"):
        assert client.get(address)["Location"] == "/second-factor/"


def test_the_page_shows_no_numbers_and_no_contacts(browser: StrictClient, alice: Employee, campaign: object) -> None:
    people.record_one(alice, ("email", "grace@outside.example.org"), name="Grace")
    people.mark()
    for address in (LIST, page_of(alice)):
        html = browser.get(address).content.decode()
        assert "Grace" not in html
        assert "grace@" not in html


def test_a_leaver_is_shown_as_one_and_gets_nothing(browser: StrictClient, alice: Employee, noon: Any) -> None:
    people.load(people.ROSTER.replace("A001,", "X001,").replace("alice@", "x@"), complete=True)
    noon.set(db_now() + timedelta(days=2), ticks=True)
    text = words(browser.get(page_of(alice)))
    assert "not employed now" in text
    assert "Request the role" not in text
    assert browser.post(f"{page_of(alice)}send-link/", PROOF).status_code == 409
