"""Errors: one shape, plain sentences, nothing internal. No input causes a 500."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, DataError, InterfaceError, OperationalError, connection, transaction
from django.test import override_settings
from rest_framework.exceptions import ErrorDetail

from apps.api.parsing import MAX_BODY_BYTES
from apps.api.problems import MAX_ERRORS
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, Submission
from apps.core.log_format import LineFormatter
from apps.employees.models import Employee
from tests.api.conftest import ApiClient, Signed, code_of, fields_of

pytestmark = pytest.mark.django_db
Program = Callable[[Employee], ApiClient]

# Strings that people and programs send by mistake or on purpose; after the big list of naughty strings.
NAUGHTY = [
    "undefined", "null", "true", "NaN", "1e400", "-1", "0x0", "１２３", "﷽" * 60, "Z\u0351\u036b" * 20,
    "\U0001f3f3\u200d\U0001f308", "ｕｎｉ", "\u202etest", "\u200b", "\ufeff", "\uffff", "<script>alert(1)</script>",
    "' OR 1=1 --", "%s %(x)s {0} {x}", "../../etc/passwd", "$(touch /tmp/x)", "=1+1", "\r\nSet-Cookie: a=b",
    "\x7f\x1b[31m", "ﬀ", "İ", "ß@example.org", "a@b", "@", "+", "tel:", "mailto:", "a" * 10_000,
]  # fmt: skip


def test_anonymous_requests_get_a_challenge_and_a_problem(anonymous: ApiClient) -> None:
    response = anonymous.call("GET", "contacts/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="hundred"'
    assert code_of(response.json()) == "not_authenticated"


@pytest.mark.parametrize("address", ["nope/", "contacts", "contacts/x/", "contacts/1", "", "tokens/-1/", "schema"])
def test_an_address_that_is_none_is_a_problem_and_not_a_page(anonymous: ApiClient, address: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        response = anonymous.call(method, address)
        assert response.status_code == 404, (method, address)


def test_a_number_out_of_every_range_is_not_found(program: Program, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    for number in ("0", "9223372036854775808", "9" * 40, "9" * 5000):
        client.read(f"contacts/{number}/", 404)
        client.change(f"contacts/{number}/", {"name": "x"}, 404)
        client.send(f"contacts/{number}/end/", None, 404)
        client.send(f"contacts/{number}/restore/", None, 404)


def test_what_an_address_does_not_do_is_said(program: Program, alice: Employee) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        response = program(alice).call(method, "contacts/")
        assert response.status_code == 405
        assert code_of(response.json()) == "method_not_allowed"
        assert response["Allow"] == "GET, HEAD, POST"


def test_a_body_that_is_no_json_is_refused(program: Program, alice: Employee) -> None:
    client = program(alice)
    bodies = [b"{", b"nonsense", b'{"name": NaN}', b'{"name": "\xff"}', b"[" * 100_000, b"9" * 5000, b"\x00", b'"\\x"']
    for body in bodies:
        response = client.call("POST", "contacts/", body)
        assert response.status_code == 400, body[:20]
        assert code_of(response.json()) == "parse_error"
    assert not Submission.objects.exists()


def test_json_of_another_shape_is_refused(program: Program, alice: Employee) -> None:
    client = program(alice)
    bodies: list[Any] = [None, [], "text", 1, True, {"name": []}, {"phone": {}}, {"name": None}, {"phone": True}]
    bodies += [{"contacts": wrong} for wrong in ({}, [], None, [1], [[]], "x", [None], [{"name": {}}])]
    for body in bodies:
        response = client.call("POST", "contacts/", json.dumps(body).encode())
        assert response.status_code == 400, (body, response.content)
    assert not Submission.objects.exists()


def test_an_empty_body_names_no_contact(program: Program, alice: Employee) -> None:
    outcomes = program(alice).send("contacts/", None, 200)["outcomes"]
    assert [one["code"] for one in outcomes] == ["invalid_identity"]
    assert not Contact.objects.exists()


def test_a_body_larger_than_a_megabyte_is_refused_unread(program: Program, alice: Employee) -> None:
    client = program(alice)
    huge = json.dumps({"name": "x" * MAX_BODY_BYTES}).encode()
    for address in ("contacts/", "contacts/1/"):
        response = client.call("POST" if address == "contacts/" else "PATCH", address, huge)
        assert response.status_code == 413
        assert code_of(response.json()) == "too_large"


def test_a_body_larger_than_django_reads_is_no_other_error(program: Program, alice: Employee) -> None:
    response = program(alice).call("POST", "contacts/", b" " * 3_000_000)
    assert response.status_code == 413


def _wide(count: int, value: Any = 1) -> dict[str, Any]:
    return {f"k{number}": value for number in range(count)}


@pytest.mark.parametrize(
    "body",
    [
        _wide(60_000), _wide(50_000, "\0"), {"contacts": [_wide(200)] * 300}, {"contacts": [_wide(20)] * 500},
        {"contacts": [_wide(20, "\0")] * 500}, {"contacts": [[1] * 1_000] * 300}, [["\0"] * 900] * 100, [[]] * 200_000,
        {"k" * 400_000: ["\0"] * 50_000}, {"scopes": ["x"] * 100_000}, {"scopes": ["x" * 900_000]},
        {"contacts": [{"name": "n" * 300}] * 500}, {"q": "x", "reason": "r" * 900_000},
    ],
    ids=lambda body: f"{str(body)[:12]}{len(str(body))}",
)  # fmt: skip
def test_no_body_makes_a_long_answer(
    as_: Signed, alice: Employee, campaign: Campaign, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    whole = ErrorDetail.__new__
    monkeypatch.setattr(
        ErrorDetail, "__new__", lambda cls, text, code=None: made.append(str(text)) or whole(cls, text, code)
    )
    raw = json.dumps(body).encode()
    assert len(raw) < MAX_BODY_BYTES
    for address in ("contacts/", "contacts/search/", "tokens/"):
        response = as_(alice).call("POST", address, raw)
        assert response.status_code in (400, 429), address
        assert len(response.content) < 20_000
        assert len(response.json().get("errors", ())) <= MAX_ERRORS
    assert len(made) < 3 * 15_000, "each error takes time"
    assert not Submission.objects.exists()


def test_an_answer_says_how_many_errors_it_leaves_out(program: Program, alice: Employee) -> None:
    problem = program(alice).send("contacts/", {"contacts": [{"nane": "x"}] * 25}, 400)
    assert len(problem["errors"]) == MAX_ERRORS
    assert "5 more errors are not listed." in problem["detail"]
    few = program(alice).send("contacts/", {"nane": "x"}, 400)
    assert "more errors" not in few["detail"]


def test_a_body_in_chunks_is_refused_and_not_taken_for_an_empty_one(program: Program, alice: Employee) -> None:
    client = program(alice)
    problem = client.send("contacts/", {"handle": "hana"}, 411, **{"transfer-encoding": "chunked"})
    assert code_of(problem) == "length_required"
    assert not Submission.objects.exists()


def test_only_json_comes_in(program: Program, alice: Employee) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "x"):
        response = program(alice).generic("POST", "/api/v1/contacts/", b"name=x", content_type=kind)
        assert response.status_code == 415, kind
    strange = "application/json; charset=nonsense"
    assert program(alice).generic("POST", "/api/v1/contacts/", b'{"handle":"x"}', content_type=strange)


def test_only_json_goes_out(program: Program, alice: Employee, campaign: Campaign) -> None:
    assert program(alice).call("GET", "contacts/", accept="text/html").status_code == 406
    assert program(alice).call("GET", "contacts/", accept="text/html,*/*;q=0.8").status_code == 200
    assert program(alice).call("GET", "contacts/?format=xml").status_code == 400


def test_nul_and_lone_surrogates_are_refused_at_the_edge(program: Program, alice: Employee) -> None:
    client = program(alice)
    for field in ("name", "phone", "email", "handle", "contacts.0.name", "contacts.0.handle"):
        for bad in ("\\u0000", "\\ud800", "\\udfff", "a\\u0000b"):
            one = f'{{"{field.rpartition(".")[2]}": "{bad}"}}'
            body = f'{{"contacts": [{one}]}}' if field.startswith("contacts") else one
            response = client.call("POST", "contacts/", body.encode())
            assert response.status_code == 400
            assert fields_of(response.json()) == {field: "unstorable_text"}
    assert not Submission.objects.exists()


def test_an_unstorable_field_name_is_refused_too(program: Program, alice: Employee) -> None:
    response = program(alice).call("POST", "contacts/", b'{"\\ud800": "x", "a\\u0000": 1}')
    assert fields_of(response.json()) == {"\ufffd": "unstorable_text", "a\ufffd": "unstorable_text"}


def test_a_pair_of_surrogates_is_a_character(program: Program, alice: Employee, campaign: Campaign) -> None:
    body = b'{"name": "\\ud83d\\ude00", "handle": "hana"}'
    contact = program(alice).call("POST", "contacts/", body).json()["outcomes"][0]["contact"]
    assert program(alice).read(f"contacts/{contact}/")["name"] == "😀"


def test_naughty_texts_are_stored_clean_or_refused_by_name(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    client, kinds = program(alice), ("phone", "email", "handle")
    for position, text in enumerate(NAUGHTY):
        sent = [{kind: text} for kind in kinds] + [{"handle": f"good{position}"}]
        outcomes = client.send("contacts/", {"contacts": sent}, 201)["outcomes"]
        assert outcomes[3]["code"] == "created"
        for outcome, kind in zip(outcomes[:3], kinds, strict=True):
            known = outcome["code"] in ("created", "duplicate")
            assert known or (outcome["code"], outcome["field"]) == ("invalid_identity", kind), text
        response = client.call("POST", "contacts/", {"name": text, "handle": f"better{position}"})
        assert response.status_code == (400 if len(text) > 200 else 201), text
        client.send("contacts/search/", {"q": text[:200]})


def test_a_browser_may_write_only_with_its_csrf_token(alice: Employee, as_: Signed, campaign: Campaign) -> None:
    client = as_(alice)
    client.handler.enforce_csrf_checks = True
    problem = client.send("contacts/", {"handle": "hana"}, 403)
    assert code_of(problem) == "csrf_failed"
    # All pages have one in their forms.
    page = client.get("/api/v1/docs/").content.decode()
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    client.send("contacts/", {"handle": "hana"}, 201, **{"x-csrftoken": token})


def test_a_program_needs_no_csrf_token(program: Program, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    client.handler.enforce_csrf_checks = True
    client.send("contacts/", {"handle": "hana"}, 201)


def test_an_account_without_an_employee_has_nothing_here(django_user_model: Any, campaign: Campaign) -> None:
    client = ApiClient()
    outside = django_user_model.objects.create_user("operator")
    client.force_login(outside, backend="apps.accounts.backends.EmployeeBackend")
    for address in ("me/standing/", "contacts/", "contacts/1/", "standings/", "standings/A001/"):
        client.read(address, 404)
    client.send("contacts/", {"handle": "x"}, 404)
    client.send("contacts/1/end/", None, 404)
    client.read("campaigns/")
    client.read("tokens/")


def test_a_server_error_has_an_id_and_shows_nothing(
    as_: Signed, alice: Employee, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = "SELECT secret FROM /srv/app; row: (+8613800138000, grace@outside.example.org)"

    def broken(*args: Any) -> None:
        raise DataError(said)

    monkeypatch.setattr("apps.campaigns.selectors.campaign_for", broken)
    with caplog.at_level(logging.ERROR):
        problem = as_(alice).read("me/standing/", 500)
    assert code_of(problem) == "internal"
    assert len(problem["id"]) == 12
    shown = json.dumps(problem)
    assert not any(inside in shown for inside in ("SELECT", "/srv", "DataError", "grace", "Traceback", "13800138000"))
    # The log has the location and the type, with the same id, but no data of the row.
    assert problem["id"] in caplog.text
    assert "DataError" in caplog.text
    (record,) = [one for one in caplog.records if problem["id"] in one.getMessage()]
    assert "in broken" in record.frames  # type: ignore[attr-defined]
    assert "grace" not in LineFormatter("%(message)s").format(record)
    assert "grace" not in caplog.text


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
def test_a_database_away_is_503_with_a_time_to_come_back(
    as_: Signed, alice: Employee, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def away(*args: Any) -> None:
        raise error("connection to server at 10.0.0.7 failed")

    client = as_(alice)
    monkeypatch.setattr("apps.campaigns.selectors.campaign_for", away)
    response = client.call("GET", "me/standing/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert code_of(response.json()) == "unavailable"
    assert "10.0.0.7" not in response.content.decode()


def test_a_write_on_a_standby_is_503_as_well(as_: Signed, alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    """During a failover an address may lead to a server that is not yet promoted."""

    def write(*args: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
            cursor.execute("UPDATE employees_employee SET name = name")

    client = as_(alice)
    monkeypatch.setattr("apps.campaigns.selectors.campaign_for", write)
    response = client.call("GET", "me/standing/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_sentences_follow_the_readers_language(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    english = as_(alice).call("GET", "contacts/1/").json()
    chinese = as_(alice).call("GET", "contacts/1/", **{"accept-language": "zh-hans"}).json()
    assert english["type"] == chinese["type"]
    assert english["detail"] == "It does not exist, or you do not have access to it."
    assert chinese["detail"] != english["detail"]


@override_settings(ALLOWED_HOSTS=["hundred.example.com"])
def test_a_foreign_host_gets_no_further(anonymous: ApiClient) -> None:
    response = anonymous.get("/api/v1/docs/", headers={"host": "evil.example.com"})
    assert response.status_code == 400
