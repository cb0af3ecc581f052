"""The whole API as its description has it, and as it does not: five principals send what fits and what does not.

No answer may be a server error, or one that the description does not have; what the description forbids must not be
taken. FUZZ_CASES says how many requests are sent in all: `make fuzz` sends 20,000, a run of the tests a few hundred.
The seed is printed; FUZZ_SEED repeats a run.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.jsonschema import make_validator_for
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.accounts.api_tokens import create_token
from apps.accounts.models import Scope
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.contacts.services.changes import end_contact
from apps.employees.models import Employee
from apps.roster.models import RosterImport
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.fuzz]
CASES = int(os.environ.get("FUZZ_CASES", "450"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(1, 2**32)
CHECKS: Any = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip
# What stands in an address as a name without a value, or not at all.
SENT_EMPTY: tuple[Any, ...] = ("", None, [], {})
# Who asks, with what: a token of these scopes, a browser's session, or nothing.
PRINCIPALS: dict[str, tuple[str, tuple[Scope, ...]]] = {
    "anonymous": ("", ()),
    "employee": ("alice", (Scope.OWN,)),
    "manager": ("bob", (Scope.REPORTS, Scope.OWN)),
    "hr in a browser": ("hr", ()),
    "hr's program": ("hr", (Scope.ROSTER, Scope.REPORTS)),
    "operator": ("operator", (Scope.FEED, Scope.REPORTS, Scope.OWN)),
}


def sign_in(who: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What this principal sends along, as `call` takes it."""
    name, scopes = PRINCIPALS[who]
    if not name:
        return {}
    person: Employee = request.getfixturevalue(name)
    if scopes:
        account = account_for(person)
        _token, secret = create_token(account=account, name="fuzz", scopes=scopes, by=people.TESTER)
        return {"headers": {"Authorization": f"Bearer {secret}"}}
    client = people.sign_in(Client(), person)
    client.get("/")
    cookies = {name: client.cookies[name].value for name in ("sessionid", "csrftoken")}
    return {"cookies": cookies, "headers": {"X-CSRFToken": cookies["csrftoken"]}}


@pytest.fixture
def there(alice: Employee, bob: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Path parameters that lead somewhere, so that not every request ends at a 404."""
    # Otherwise every roster is refused before it is stored.
    monkeypatch.setattr(django_settings, "ROSTER_SOURCE", "api")
    people.record(alice, 3)
    contacts = [outcome.contact_id for outcome in people.record(alice, 3).outcomes]
    assert contacts[0] is not None
    end_contact(contact_id=contacts[0], employee=alice, by=people.TESTER)
    people.mark()
    load = RosterImport.objects.create(state="previewed", source="api", actor_label="test")
    return {
        "contact_id": contacts, "staff_no": ["A001", "B001", "H001"], "slug": [campaign.slug], "token_id": [1],
        "load_id": [str(load.pk)],
    }  # fmt: skip


@contextmanager
def one_connection() -> Iterator[None]:
    """A server closes its connections between requests; this one's transaction is the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def operations() -> Iterator[Any]:
    """Every operation of the description as it is served."""
    schema = schemathesis.openapi.from_wsgi(
        "/api/v1/schema/", get_wsgi_application(), headers={"Accept": "application/json"}
    )
    for found in schema.get_all_operations():
        yield found.ok()


@pytest.mark.parametrize("who", PRINCIPALS)
def test_no_request_is_a_server_error_or_answered_otherwise_than_described(
    who: str, there: dict[str, list[Any]], request: pytest.FixtureRequest
) -> None:
    # First: Django's own client turns that back.
    along = sign_in(who, request)
    with one_connection():
        statuses = _all(along, there)
    print(f"{statuses.total()} requests: {dict(statuses)}")
    assert not any(status >= 500 for status in statuses)


def _all(along: dict[str, Any], there: dict[str, list[Any]]) -> Counter[int]:
    statuses, all_operations = Counter[int](), list(operations())
    each = max(1, CASES // (len(PRINCIPALS) * len(all_operations) * 2))
    print(f"seed {SEED}, {each} cases of each kind for each of {len(all_operations)} operations")
    for operation in all_operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if _has_nothing_to_spoil(operation) and mode == GenerationMode.NEGATIVE:
                continue
            statuses += _run(operation, mode, each, along, there)
    return statuses


def _has_nothing_to_spoil(operation: Any) -> bool:
    return not operation.body and not list(operation.iter_parameters())


def _run(
    operation: Any, mode: GenerationMode, cases: int, along: dict[str, Any], there: dict[str, list[Any]]
) -> Counter[int]:
    statuses, dice = Counter[int](), random.Random(SEED)

    @seed(SEED)
    @settings(
        max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        if mode == GenerationMode.POSITIVE:
            for name in set(case.path_parameters or ()) & set(there):
                if dice.random() < 0.8:
                    case.path_parameters[name] = dice.choice(there[name])
        point = transaction.savepoint()
        try:
            response = case.call(**along)
        finally:
            transaction.savepoint_rollback(point)
        statuses[response.status_code] += 1
        checks = CHECKS[:-1] if _was_sent_right(case, along) else CHECKS
        case.validate_response(response, checks=checks, headers=along.get("headers"))

    send()
    return statuses


def _was_sent_right(case: Any, along: dict[str, Any]) -> bool:
    """Whether what was spoilt is right all the same, which a description cannot say.

    A cookie that the sign-in replaces; a parameter left empty, which is as good as none here; a text that is too long
    by nothing but the spaces around it, which are cut before it is measured.
    """
    spoilt = {place for place, part in case.meta.components.items() if part.mode == GenerationMode.NEGATIVE}
    right = {place for place in spoilt if _fits_as_read(case, place)}
    if right and {header.name for header in case.operation.headers} <= {"Authorization"}:
        # Who asks is a matter of its own: nothing else of ours is in a header there.
        right.add(ParameterLocation.HEADER)
    if "cookies" in along:
        right.add(ParameterLocation.COOKIE)
    return bool(spoilt) and spoilt <= right


def _fits_as_read(case: Any, place: ParameterLocation) -> bool:
    """Whether this part is as described once it is read: without spaces around texts, and empty parameters gone."""
    if place == ParameterLocation.BODY:
        part, described = case.body, case.operation.get_body_for_media_type(case.media_type)
        schema = described and described.optimized_schema
    elif place == ParameterLocation.QUERY:
        part, schema = case.query, case.operation.query.validation_schema
    else:
        return False
    if not schema or not isinstance(part, dict):
        return False
    read = {name: value.strip() if isinstance(value, str) else value for name, value in part.items()}
    if place == ParameterLocation.QUERY:
        read = {name: value for name, value in read.items() if value not in SENT_EMPTY}
    return read != part and make_validator_for(schema).is_valid(read)
