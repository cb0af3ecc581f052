"""A new SECRET_KEY together with the old one ends no user's sessions, links or factors; without the old one it ends
all.
"""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.management import CommandError
from django.test import Client

from apps.accounts.second_factors import PURPOSE, UndecryptableSecret, add_app, reencrypt_factors, unused_recovery_codes
from apps.accounts.services import account_for, set_password_link
from apps.campaigns.models import Campaign
from apps.core.encryption import fernet_for, reencrypt
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from scripts.check import PRODUCTION
from tests import people
from tests.commands import say
from tests.config.test_production import run
from tests.dashboard.strict import StrictClient
from tests.dashboard.test_second_factor import ASKED, SECRET, code, signs_in

NEW = "the-new-one-" * 5


@pytest.fixture
def another_key(settings: Any) -> Any:
    """`another_key()` replaces the key; `another_key(keep_old=False)` also drops the old one."""
    old = settings.SECRET_KEY

    def exchange(*, keep_old: bool = True) -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old] if keep_old else []

    return exchange


@pytest.mark.parametrize(
    ("value", "read"), [("", []), ("one", ["one"]), ("one, two-$,", ["one", "two-$"]), ("a=b;c", ["a=b;c"])]
)
def test_earlier_keys_are_read_from_the_environment(value: str, read: list[str]) -> None:
    code = "import json; from django.conf import settings as s; print(json.dumps(s.SECRET_KEY_FALLBACKS))"
    done = run(code, **PRODUCTION | {"SECRET_KEY_FALLBACKS": value})
    assert json.loads(done.stdout) == read


@pytest.mark.django_db
def test_a_session_continues_and_no_longer_needs_the_old_key(
    alice: Employee, campaign: Campaign, another_key: Any
) -> None:
    used, unused = Client(), Client()
    for client in (used, unused):
        client.post("/login/", {"username": "A001", "password": people.PASSWORD})
    another_key()
    assert used.get("/").status_code == 200
    another_key(keep_old=False)
    assert used.get("/").status_code == 200
    assert unused.get("/")["Location"] == "/login/?next=/"


@pytest.mark.django_db
def test_an_earlier_password_link_still_works(client: StrictClient, alice: Employee, another_key: Any) -> None:
    link = set_password_link(account_for(alice)).removeprefix("http://testserver")
    another_key()
    assert client.get(link)["Location"].endswith("/set-password/")
    another_key(keep_old=False)
    assert StrictClient().get(link).status_code == 200  # the page for a used or expired link


class TestSecondFactors:
    """Secrets that were encrypted with the old key."""

    pytestmark = pytest.mark.django_db

    @pytest.fixture(autouse=True)
    def enrolled(self, settings: Any, hr: Employee, campaign: Campaign) -> Employee:
        settings.SECOND_FACTOR_ROLES = ["hr"]
        people.enrol(hr, SECRET)
        return hr

    def stored(self) -> list[str]:
        return [str(sealed) for factor in Authenticator.objects.order_by("pk") for sealed in self.sealed(factor)]

    def sealed(self, factor: Authenticator) -> list[str]:
        return [factor.data[field] for field in ("secret", "seed") if field in factor.data]

    def test_a_sign_in_reencrypts_them_with_the_new_key(
        self, client: StrictClient, enrolled: Employee, another_key: Any
    ) -> None:
        codes = unused_recovery_codes(account_for(enrolled))
        another_key()
        signs_in(client)
        assert client.post(ASKED, {"code": code()}).status_code == 302
        another_key(keep_old=False)
        assert unused_recovery_codes(account_for(enrolled)) == codes
        later = StrictClient()
        signs_in(later)
        assert later.post(ASKED, {"code": code(steps=1)}).status_code == 302
        entry = AuditEntry.objects.get(action="account.factor_resealed")
        assert (entry.subject_label, entry.detail) == (str(account_for(enrolled)), {})

    def test_a_recovery_code_reencrypts_them_and_is_used_up(
        self, client: StrictClient, enrolled: Employee, another_key: Any
    ) -> None:
        first, *rest = unused_recovery_codes(account_for(enrolled))
        another_key()
        signs_in(client)
        assert client.post(ASKED, {"code": first}).status_code == 302
        another_key(keep_old=False)
        assert unused_recovery_codes(account_for(enrolled)) == rest

    def test_a_wrong_code_reencrypts_nothing(self, client: StrictClient, another_key: Any) -> None:
        before = self.stored()
        another_key()
        signs_in(client)
        client.post(ASKED, {"code": "000000"})
        assert self.stored() == before

    def test_the_command_reencrypts_all_factors_once(self, alice: Employee, another_key: Any) -> None:
        add_app(account=account_for(alice), secret=SECRET)
        another_key()
        assert say("reseal_second_factors")[0] == "Encrypted the second factors of 2 people with the new key.\n"
        after = self.stored()
        assert say("reseal_second_factors")[0] == "Encrypted the second factors of 0 people with the new key.\n"
        another_key(keep_old=False)
        assert self.stored() == after
        assert all(fernet_for(PURPOSE).decrypt(text.encode()) for text in after)

    def test_without_the_old_key_the_command_reports_that_it_cannot_continue(self) -> None:
        with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS is not set"):
            say("reseal_second_factors")

    def test_a_secret_that_no_key_decrypts_stays_and_stops_nothing(
        self, alice: Employee, enrolled: Employee, another_key: Any, settings: Any
    ) -> None:
        settings.SECRET_KEY, old = "a third one", settings.SECRET_KEY
        add_app(account=account_for(alice), secret=SECRET)
        settings.SECRET_KEY = old
        before = self.stored()
        another_key()
        assert say("reseal_second_factors")[0] == "Encrypted the second factors of 1 people with the new key.\n"
        after = self.stored()
        assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True, True]
        with pytest.raises(UndecryptableSecret):
            unused_recovery_codes(account_for(alice))

    def test_without_a_key_change_there_is_no_extra_query(
        self, enrolled: Employee, django_assert_num_queries: Any
    ) -> None:
        account = account_for(enrolled)
        with django_assert_num_queries(0):
            assert not reencrypt_factors(account=account, by=account.actor)


def test_a_text_of_the_current_key_is_returned_unchanged(another_key: Any) -> None:
    old = fernet_for("a test").encrypt(b"told").decode()
    another_key()
    new = reencrypt(old, "a test")
    assert new != old
    assert reencrypt(new, "a test") == new
    assert fernet_for("a test").decrypt(new.encode()) == b"told"
    with pytest.raises(InvalidToken):
        reencrypt(new, "another purpose")
