"""`/tokens/`: a secret shown twice, or to another reader, opens a person's contacts."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts import api_tokens
from apps.accounts.api_tokens import create_token
from apps.accounts.models import ApiToken
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
TERMS = {"name": "payroll", "scopes": ["own"], "days": "30"}


def standing(secret: str) -> int:
    return Client().get("/api/v1/me/standing/", headers={"authorization": f"Bearer {secret}"}).status_code


def test_a_token_is_shown_once_and_opens_what_it_says(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    page = as_(alice)
    made = page.post("/tokens/", TERMS)
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    secret = made.context["secret"]
    assert secret in made.content.decode()
    assert standing(secret) == 200
    again = page.get("/tokens/")
    assert secret not in again.content.decode()
    assert "payroll" in words(again)
    assert again.context["rows"][0]["token"].last_used_at, "its use just now is told"


def test_revoking_ends_it_at_once_and_twice_is_no_error(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    page = as_(alice)
    secret = page.post("/tokens/", TERMS).context["secret"]
    address = f"/tokens/{ApiToken.objects.get().pk}/revoke/"
    assert page.post(address).status_code == 302
    assert standing(secret) == 401
    assert page.post(address).status_code == 302
    assert "revoked" in words(page.get("/tokens/"))


def test_an_expired_one_is_said_to_be_over(as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock) -> None:
    secret = as_(alice).post("/tokens/", {**TERMS, "days": "1"}).context["secret"]
    clock.set("2026-11-24T12:00:01+08:00")
    assert standing(secret) == 401
    page = as_(alice).get("/tokens/")
    assert "over" in words(page)
    assert "token-revoke" not in page.content.decode()


def test_sessions_of_others_are_invisible(as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign) -> None:
    token, secret = create_token(account=account_for(alice), name="hers", scopes=["own"], by=people.TESTER)
    his = as_(alan)
    assert "hers" not in words(his.get("/tokens/"))
    assert his.post(f"/tokens/{token.pk}/revoke/").status_code == 404
    assert standing(secret) == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"days": "0"},
        {"days": "367"},
        {"days": "x"},
        {"scopes": ["feed:write"]},
    ],
)
def test_impossible_exports_are_refused_with_a_message(
    as_: SignIn, alice: Employee, campaign: Campaign, wrong: dict[str, Any]
) -> None:
    answer = as_(alice).post("/tokens/", {**TERMS, **wrong})
    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_the_feed_is_offered_to_operators_alone(
    as_: SignIn, alice: Employee, operator: Employee, campaign: Campaign
) -> None:
    assert "feed:write" not in as_(alice).get("/tokens/").content.decode()
    assert "feed:write" in as_(operator).get("/tokens/").content.decode()


def test_long_lists_are_paged(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "MAX_TOKENS_AN_HOUR", 60)
    account = account_for(alice)
    for number in range(60):
        token, _secret = create_token(account=account, name=f"n{number}", scopes=["own"], by=people.TESTER)
        ApiToken.objects.filter(pk=token.pk).update(revoked_at=token.created_at)
    page = as_(alice)
    first = page.get("/tokens/")
    second = page.get(first.context["page"].next.split("#")[0])
    assert [len(one.context["rows"]) for one in (first, second)] == [50, 10]
