"""API tokens: created once, shown once, limited to their scopes, and never valid longer than their owner's access."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts import api_tokens
from apps.accounts.models import Account, ApiToken, Scope
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.standings import effective_dates
from tests import people
from tests.api.conftest import ApiClient, Signed, code_of, fields_of, with_token
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
Client = Callable[[Employee], ApiClient]


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def bearer(secret: str) -> ApiClient:
    return ApiClient(headers={"authorization": f"Bearer {secret}"})


def refused(client: ApiClient) -> Any:
    """Fails unless it is a 401 with a challenge."""
    response = client.call("GET", "me/standing/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith('Bearer realm="hundred"')
    return response.json()


def test_a_secret_is_shown_once_and_stored_nowhere(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    made = as_(alice).send("tokens/", {"name": "phone book", "scopes": ["own"]}, 201)
    assert made["secret"].startswith("hnd_")
    assert len(made["secret"]) == 47
    assert bearer(made["secret"]).read("me/standing/")["standing"]["staff_no"] == "A001"
    listed = as_(alice).read("tokens/")["results"]
    assert [one["name"] for one in listed] == ["phone book"]
    assert "secret" not in listed[0]
    stored = ApiToken.objects.get()
    assert made["secret"] not in repr(vars(stored))
    assert bytes(stored.digest) != made["secret"].encode()


def test_making_and_revoking_stand_in_the_audit_trail(as_: Signed, alice: Employee) -> None:
    client = as_(alice)
    made = client.send("tokens/", {"name": "phone book", "scopes": ["own"]}, 201)
    assert client.call("DELETE", f"tokens/{made['id']}/").status_code == 204
    assert client.call("DELETE", f"tokens/{made['id']}/").status_code == 204
    entries = list(AuditEntry.objects.filter(subject_kind="token").order_by("id"))
    assert [entry.action for entry in entries] == ["token.created", "token.revoked"]
    assert {entry.subject_id for entry in entries} == {str(made["id"])}
    assert {entry.actor_id for entry in entries} == {account_for(alice).pk}
    assert made["secret"] not in repr([vars(entry) for entry in entries])


def test_a_revoked_or_expired_token_is_dead_on_the_next_request(
    as_: Signed, clock: Clock, alice: Employee, campaign: Campaign
) -> None:
    client = as_(alice)
    first = client.send("tokens/", {"name": "one", "scopes": ["own"]}, 201)
    second = client.send("tokens/", {"name": "two", "scopes": ["own"], "days": 1}, 201)
    bearer(first["secret"]).read("me/standing/")
    client.call("DELETE", f"tokens/{first['id']}/")
    gone = refused(bearer(first["secret"]))
    assert code_of(gone) == "invalid_token"
    bearer(second["secret"]).read("me/standing/")
    clock.set("2026-11-24T12:00:01+08:00", ticks=True)
    # The same response for unknown, revoked and expired ones.
    assert refused(bearer(second["secret"])) == gone == refused(bearer("hnd_made-up"))


def test_a_leavers_token_is_dead(program: Client, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    client.read("me/standing/")
    people.load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-22")
    effective_dates.process_effective_dates()
    refused(client)
    with pytest.raises(Refused, match="cannot sign in"):
        with_token(alice, Scope.OWN)


def test_a_closed_accounts_token_is_dead(program: Client, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    Account.objects.filter(employee=alice).update(is_active=False)
    refused(client)


def test_a_strange_header_is_no_sign_in(campaign: Campaign) -> None:
    for header in ("Bearer", "Bearer ", "bearer x y", "Bearer \xff\xfe", f"Bearer {'x' * 5000}"):
        refused(ApiClient(headers={"authorization": header}))


def test_a_bad_token_is_not_helped_by_a_session(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    response = as_(alice).call("GET", "me/standing/", authorization="Bearer hnd_made-up")
    assert response.status_code == 401


def test_a_token_opens_its_scope_and_nothing_else(
    program: Client, reporter: Client, bob: Employee, campaign: Campaign
) -> None:
    own, reports = program(bob), reporter(bob)
    for address in ("me/standing/", "contacts/", "contacts/1/"):
        assert code_of(reports.read(address, 403)) == "insufficient_scope"
    for address in ("campaigns/", "campaigns/november/", "standings/", "standings/A001/"):
        assert code_of(own.read(address, 403)) == "insufficient_scope"
        reports.read(address)
    assert reports.call("POST", "contacts/", {"handle": "x"})["WWW-Authenticate"].endswith('"insufficient_scope"')
    both = with_token(bob, Scope.OWN, Scope.REPORTS)
    assert both.read("standings/")["results"]
    assert both.read("me/standing/")


def test_a_token_sees_no_more_than_its_owner(
    reporter: Client, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    assert [row["staff_no"] for row in reporter(alice).read("standings/")["results"]] == ["A001"]
    reporter(alice).read("standings/B001/", 404)
    assert len(reporter(hr).read("standings/")["results"]) == 9


def test_a_token_makes_and_ends_no_tokens(program: Client, alice: Employee) -> None:
    client = program(alice)
    made = ApiToken.objects.get()
    assert code_of(client.read("tokens/", 403)) == "insufficient_scope"
    client.send("tokens/", {"name": "more", "scopes": ["own"]}, 403)
    assert client.call("DELETE", f"tokens/{made.pk}/").status_code == 403
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_tokens_of_other_employees_are_invisible(as_: Signed, alice: Employee, hr: Employee) -> None:
    made = as_(alice).send("tokens/", {"name": "mine", "scopes": ["own"]}, 201)
    assert as_(hr).read("tokens/")["results"] == []
    assert as_(hr).call("DELETE", f"tokens/{made['id']}/").status_code == 404
    assert ApiToken.objects.get().revoked_at is None


UNUSABLE: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"name": "required", "scopes": "required"}),
    ({"name": "\u200b", "scopes": ["own"]}, {"name": "required"}),
    ({"name": "x", "scopes": []}, {"scopes": "empty"}),
    ({"name": "x", "scopes": ["feed:write"]}, {"scopes": "invalid_choice"}),
    ({"name": "x", "scopes": ["own"], "days": 0}, {"days": "min_value"}),
    ({"name": "x", "scopes": ["own"], "days": 367}, {"days": "max_value"}),
    ({"name": "x", "scopes": ["own"], "account": 1}, {"account": "unknown_field"}),
    ({"name": "x", "scopes": ["own"], "expires_at": "2099-01-01"}, {"expires_at": "unknown_field"}),
    ({"name": "x" * 101, "scopes": ["own"]}, {"name": "max_length"}),
]


def test_terms_that_cannot_be_are_refused(as_: Signed, alice: Employee) -> None:
    client = as_(alice)
    for body, fields in UNUSABLE:
        response = client.call("POST", "tokens/", body)
        assert response.status_code in (400, 422)
        assert fields_of(response.json()) == fields
    assert not ApiToken.objects.exists()


def test_there_is_an_end_to_tokens(as_: Signed, alice: Employee) -> None:
    client = as_(alice)
    for number in range(api_tokens.MAX_TOKENS):
        client.send("tokens/", {"name": f"number {number}", "scopes": ["own"]}, 201)
    assert code_of(client.send("tokens/", {"name": "more", "scopes": ["own"]}, 409)) == "too_many_tokens"
    page = client.read("tokens/?limit=15")
    rest = client.read(page["next"].removeprefix("http://testserver"))
    assert [one["name"] for one in page["results"] + rest["results"]] == [f"number {n}" for n in range(19, -1, -1)]


def test_tokens_made_and_revoked_in_a_loop_end_too(as_: Signed, alice: Employee, monkeypatch: Any) -> None:
    """Each is a mail in the company's name."""
    monkeypatch.setattr(api_tokens, "MAX_TOKENS_AN_HOUR", 3)
    client = as_(alice)
    for number in range(3):
        client.send("tokens/", {"name": f"number {number}", "scopes": ["own"]}, 201)
        client.call("DELETE", f"tokens/{ApiToken.objects.latest('created_at').pk}/")
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert code_of(client.send("tokens/", {"name": "more", "scopes": ["own"]}, 409)) == "too_many_tokens"


def test_use_is_noted_at_most_once_an_hour(program: Client, clock: Clock, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)

    def used_at(moment: str) -> tuple[Any, int]:
        clock.set(moment)
        with CaptureQueriesContext(connection) as asked:
            client.read("campaigns/", 403)
        writes = [one["sql"] for one in asked if one["sql"].startswith("UPDATE")]
        return ApiToken.objects.get().last_used_at, len(writes)

    first, writes = used_at("2026-11-23T12:10:00+08:00")
    assert (first.isoformat(), writes) == ("2026-11-23T04:10:00+00:00", 1)
    assert used_at("2026-11-23T13:09:59+08:00") == (first, 0)
    assert used_at("2026-11-23T13:10:00+08:00") == (first + timedelta(hours=1), 1)


def test_the_command_prints_the_secret_once(alice: Employee, campaign: Campaign) -> None:
    secret = command("create_token", "A001", "--scope", "own", "--name", "cron").strip()
    assert bearer(secret).read("me/standing/")["standing"]["staff_no"] == "A001"
    told = json.loads(command("create_token", "A001", "--scope", "own", "--scope", "reports:read", "--name", "b",
                              "--days", "3", "--json"))  # fmt: skip
    assert told["scopes"] == ["own", "reports:read"]
    assert told["expires_at"].startswith("2026-11-26T04:00:00")
    entry = AuditEntry.objects.filter(action="token.created").latest("id")
    assert entry.actor_id is None
    assert entry.detail["account"] == "a001"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["X999", "--scope", "own", "--name", "x"], "no employee has the number X999"),
        (["A001", "--scope", "own", "--name", " "], "Enter a name"),
        (["A001", "--scope", "own", "--name", "x", "--days", "0"], "1 to 366 days"),
        (["A001", "--scope", "feed:write", "--name", "x"], "Only operators"),
    ],
)
def test_the_command_refuses_plainly(alice: Employee, arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        command("create_token", *arguments)
    assert not ApiToken.objects.exists()


def test_an_operator_revokes_by_command(program: Client, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    with pytest.raises(CommandError, match="no such token"):
        command("revoke_token", "A001", "--name", "another")
    assert "Revoked a script" in command("revoke_token", "A001", "--name", "a script")
    refused(client)
    assert "none" in command("revoke_token", "A001")


@pytest.mark.parametrize("wrong", [{"scopes": []}, {"scopes": ["root"]}, {"name": ""}, {"expires_at": None}])
def test_the_database_refuses_a_token_that_cannot_be(alice: Employee, clock: Clock, wrong: dict[str, Any]) -> None:
    good = {"account": account_for(alice), "name": "x", "digest": b"1" * 32, "scopes": ["own"]}
    terms = {**good, "expires_at": clock.now() + timedelta(days=1), **wrong}
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(**terms)
