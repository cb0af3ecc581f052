"""A text of any length costs little: its characters are bounded before anything normalises or hashes them."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib.auth import hashers
from django.test import Client

from apps.accounts.services import account_for, set_password_link
from apps.api.parsing import MAX_BODY_BYTES
from apps.campaigns.models import Campaign
from apps.core.identity import MAX_RAW_CHARS
from apps.core.text import MAX_NAME_CHARS
from apps.dashboard.forms import base
from apps.dashboard.middleware.request_size_limit import MOST_ANONYMOUS_BYTES
from apps.employees.models import Employee
from tests import people
from tests.api.conftest import ApiClient
from tests.dashboard.test_authorisation import frank, places
from tests.dashboard.test_mass_assignment import FORMS, filled

__all__ = ["filled", "frank", "places"]
pytestmark = pytest.mark.django_db
# NFKC makes eighteen characters of it, in three bytes.
LONGEST = "\ufdfa"
ANONYMOUS = LONGEST * (MOST_ANONYMOUS_BYTES // 8)
# clean_text() reads four times as many characters as it keeps.
MOST_NORMALISED, MOST_HASHED = max(MAX_RAW_CHARS, MAX_NAME_CHARS * 4) + 1, base.MAX_CHARS
# Fields that check their length themselves: the attribute of the input would make a browser cut what is pasted.
CHECKED_IN_CLEAN = {
    "QuickAddForm.reach",
    "ListForm.pasted",
    "ReviewForm.text",
    "AnswerForm.text",
    "ManyDeputiesForm.lines",
    "ReminderForm.text_en",
    "ReminderForm.text_zh",
    "ReminderTextForm.text_en",
    "ReminderTextForm.text_zh",
}


@pytest.fixture
def lengths(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """The longest texts that were normalised and hashed; more than the bounds fails the test."""
    longest = {"normalised": 0, "hashed": 0}
    normalize, hashed = unicodedata.normalize, hashers.check_password

    def normalise(form: Any, text: str) -> str:
        longest["normalised"] = max(longest["normalised"], len(text))
        # Only the beginning of a long text: the test is about its length.
        return normalize(form, text[:1_000])

    def make(password: str | None, *args: Any, **options: Any) -> str:
        longest["hashed"] = max(longest["hashed"], len(password or ""))
        return "!"

    def check(password: str | None, encoded: str, *args: Any, **options: Any) -> bool:
        longest["hashed"] = max(longest["hashed"], len(password or ""))
        return hashed((password or "")[:1_000], encoded)

    monkeypatch.setattr(unicodedata, "normalize", normalise)
    for module in ("django.contrib.auth.hashers", "django.contrib.auth.base_user"):
        monkeypatch.setattr(f"{module}.make_password", make)
        monkeypatch.setattr(f"{module}.check_password", check)
    yield longest
    assert longest["normalised"] <= MOST_NORMALISED
    assert longest["hashed"] <= MOST_HASHED


@pytest.mark.parametrize("field", ["username", "password"])
def test_a_strangers_sign_in_is_bounded(field: str, lengths: dict[str, int], alice: Employee) -> None:
    answer = Client().post("/login/", {"username": "A001", "password": people.PASSWORD, field: ANONYMOUS})
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


def test_a_forgotten_password_is_bounded(lengths: dict[str, int], alice: Employee) -> None:
    assert Client().post("/password/forgotten/", {"username": ANONYMOUS}).status_code == 422


def test_a_new_password_is_bounded(lengths: dict[str, int], alice: Employee) -> None:
    client = Client()
    address = client.get(set_password_link(account_for(alice)))["Location"]
    assert client.post(address, {"new_password1": ANONYMOUS, "new_password2": ANONYMOUS}).status_code == 200


def test_a_changed_password_is_bounded(lengths: dict[str, int], alice: Employee, campaign: Campaign) -> None:
    client = people.sign_in(Client(), alice)
    names = ("old_password", "new_password1", "new_password2")
    for name in names:
        sent = {"old_password": people.PASSWORD, **dict.fromkeys(names[1:], "a longer new password")}
        sent[name] = LONGEST * 9_000
        assert client.post("/password/", sent).status_code == 200


def _form_classes(parent: type[forms.Form] = forms.Form) -> Iterator[type[Any]]:
    for child in parent.__subclasses__():
        yield from _form_classes(child)
        if child.__module__.startswith("apps."):
            yield child


def test_every_text_field_of_every_form_has_a_limit() -> None:
    fields = {
        (f"{form.__name__}.{name}", issubclass(form, base.BoundedPasswords)): field.max_length
        for form in _form_classes()
        for name, field in form.base_fields.items()
        if isinstance(field, forms.CharField) and not isinstance(field, forms.UUIDField)
    }
    unbounded = {name for (name, by_class), limit in fields.items() if limit is None and not by_class}
    assert unbounded == CHECKED_IN_CLEAN
    assert len(fields) > 30


@pytest.mark.everywhere
def test_every_form_of_a_page_is_bounded(
    filled: dict[str, str], lengths: dict[str, int], request: pytest.FixtureRequest
) -> None:
    for who, pattern, body in FORMS:
        client, address = people.sign_in(Client(), request.getfixturevalue(who)), pattern.format(**filled)
        for name in body:
            assert client.post(address, body | {name: LONGEST * 60_000}).status_code < 500, (pattern, name)


def test_every_text_of_the_api_is_bounded(lengths: dict[str, int], alice: Employee, campaign: Campaign) -> None:
    client, text = people.sign_in(ApiClient(), alice), LONGEST * (MAX_BODY_BYTES // 4)
    contact = people.record_one(alice, ("handle", "alpha")).outcomes[0].contact_id
    bodies: list[tuple[str, str, list[str], dict[str, Any]]] = [
        ("POST", "contacts/", ["name", "phone", "email", "handle"], {}),
        ("POST", "contacts/search/", ["q", "after", "campaign", "reason", "batch"], {"q": "x"}),
        ("PATCH", f"contacts/{contact}/", ["name"], {}),
        ("POST", "tokens/", ["name"], {"scopes": ["own"], "days": 3}),
    ]
    for method, address, names, body in bodies:
        for name in names:
            raw = json.dumps(body | {name: text}, ensure_ascii=False).encode()
            assert client.call(method, address, raw).status_code < 500, (address, name)
