"""API requests without TLS are refused: a redirect would hide for months that others can read a token."""

import json
import logging
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import ApiToken, Scope
from apps.api.parsing import MAX_BODY_BYTES
from apps.employees.models import Employee
from tests.api.conftest import ApiClient, code_of, with_token

pytestmark = pytest.mark.django_db
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"]
ADDRESSES = ["v1/contacts/", "v1/standings/", "v1/feed/", "v1/schema/", "v1/nope", "v1/", "v2/", ""]


@pytest.fixture(autouse=True)
def server(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_program_that_speaks_plainly_is_refused_and_not_sent_on(address: str) -> None:
    for method in METHODS:
        response = Client().generic(method, f"/api/{address}")
        assert response.status_code == 403, method
        assert response["Content-Type"] == "application/problem+json"
        assert "no-store" in response["Cache-Control"]
        if method != "HEAD":
            assert code_of(json.loads(response.content)) == "tls_required"


def test_nothing_sent_without_tls_is_read(alice: Employee, django_assert_num_queries: Any) -> None:
    """Valid token or not, body too large or missing: the same response, and no trace of the content."""
    client = with_token(alice, Scope.OWN)
    bodies = [b"{", b"x" * (MAX_BODY_BYTES + 1), b'{"name": "Wang", "phone": "13800138000"}']
    with django_assert_num_queries(0):
        answers = [client.call("POST", "contacts/", body).content for body in bodies]
        answers.append(client.call("POST", "contacts/", authorization="Bearer hnd_nonsense").content)
        answers.append(client.call("POST", "contacts/", cookie="sessionid=nonsense").content)
    assert len(set(answers)) == 1
    assert ApiToken.objects.get().last_used_at is None


def test_the_log_says_that_a_token_was_sent_and_not_which(alice: Employee, caplog: pytest.LogCaptureFixture) -> None:
    client = with_token(alice, Scope.OWN)
    with caplog.at_level(logging.WARNING):
        client.call("GET", "contacts/")
        assert any(one.startswith("A program sent its token without TLS") for one in caplog.messages)
    assert "hnd_" not in caplog.text
    assert "127.0.0.1" not in caplog.text
    caplog.clear()
    ApiClient().call("GET", "contacts/")
    assert [one for one in caplog.messages if "token" in one] == []


def test_the_message_is_in_the_readers_language() -> None:
    said = {
        language: ApiClient().call("GET", "contacts/", **{"accept-language": language}).json()["detail"]
        for language in ("en", "zh-hans", "en")
    }
    assert said["en"].startswith("Only https:// is accepted here.")
    assert said["zh-hans"] != said["en"]


def test_over_tls_a_program_is_served(alice: Employee) -> None:
    response = with_token(alice, Scope.OWN).generic("GET", "/api/v1/contacts/", secure=True)
    assert response.status_code == 200


def test_pages_are_sent_on_and_so_is_the_description_that_people_read() -> None:
    for address in ("/", "/login/", "/api/v1/docs/"):
        response = Client().get(address)
        assert (response.status_code, response["Location"]) == (301, f"https://testserver{address}")


def test_no_spelling_of_the_address_slips_between_the_redirect_and_the_refusal() -> None:
    for address in ("//api/v1/contacts/", "/api//v1/contacts/", "/API/v1/contacts/", "/api", "/%61pi/v1/contacts/"):
        response = Client().generic("GET", address)
        assert response.status_code in (301, 403), address


def test_monitors_ask_without_tls() -> None:
    assert Client().get("/health/live").status_code == 200


def test_on_one_machine_without_tls_programs_are_served(alice: Employee, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = False
    assert with_token(alice, Scope.OWN).call("GET", "contacts/").status_code == 200
