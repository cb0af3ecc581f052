"""A new SECRET_KEY beside the old one ends nothing that people have; without the old one it ends all of it."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.management import CommandError
from django.test import Client

from apps.accounts.second_factors import PURPOSE, Unreadable, add_factor, paper_codes, reseal_factors
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
    """`another_key()`: the key is exchanged; `another_key(kept=False)`: and the old one forgotten."""
    old = settings.SECRET_KEY

    def exchange(*, kept: bool = True) -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old] if kept else []

    return exchange


@pytest.mark.parametrize(
    ("given", "read"), [("", []), ("one", ["one"]), ("one, two-$,", ["one", "two-$"]), ("a=b;c", ["a=b;c"])]
)
def test_keys_of_before_are_read_from_the_environment(given: str, read: list[str]) -> None:
    code = "import json; from django.conf import settings as s; print(json.dumps(s.SECRET_KEY_FALLBACKS))"
    done = run(code, **PRODUCTION | {"SECRET_KEY_FALLBACKS": given})
    assert json.loads(done.stdout) == read


@pytest.mark.django_db
def test_a_session_goes_on_and_needs_the_old_key_no_more_afterwards(
    alice: Employee, campaign: Campaign, another_key: Any
) -> None:
    used, unused = Client(), Client()
    for client in (used, unused):
        client.post("/login/", {"username": "A001", "password": people.PASSWORD})
    another_key()
    assert used.get("/").status_code == 200
    another_key(kept=False)
    assert used.get("/").status_code == 200
    assert unused.get("/")["Location"] == "/login/?next=/"


@pytest.mark.django_db
def test_a_link_for_a_password_that_was_mailed_before_still_works(
    client: StrictClient, alice: Employee, another_key: Any
) -> None:
    link = set_password_link(account_for(alice)).removeprefix("http://testserver")
    another_key()
    assert client.get(link)["Location"].endswith("/set-password/")
    another_key(kept=False)
    assert StrictClient().get(link).status_code == 200  # the page that says it is used up or too old


class TestSecondFactors:
    """Secrets that were sealed with the old key."""

    pytestmark = pytest.mark.django_db

    @pytest.fixture(autouse=True)
    def enrolled(self, settings: Any, hr: Employee, campaign: Campaign) -> Employee:
        settings.SECOND_FACTOR_ROLES = ["hr"]
        people.enrol(hr, SECRET)
        return hr

    def stored(self) -> list[str]:
        return [str(sealed) for one in Authenticator.objects.order_by("pk") for sealed in self.sealed(one)]

    def sealed(self, one: Authenticator) -> list[str]:
        return [one.data[field] for field in ("secret", "seed") if field in one.data]

    def test_a_sign_in_seals_them_with_the_new_key(
        self, client: StrictClient, enrolled: Employee, another_key: Any
    ) -> None:
        codes = paper_codes(account_for(enrolled))
        another_key()
        signs_in(client)
        assert client.post(ASKED, {"code": code()}).status_code == 302
        another_key(kept=False)
        assert paper_codes(account_for(enrolled)) == codes
        later = StrictClient()
        signs_in(later)
        assert later.post(ASKED, {"code": code(steps=1)}).status_code == 302
        entry = AuditEntry.objects.get(action="account.factor_resealed")
        assert (entry.subject_label, entry.detail) == (str(account_for(enrolled)), {})

    def test_a_code_on_paper_does_too_and_is_used_up(
        self, client: StrictClient, enrolled: Employee, another_key: Any
    ) -> None:
        first, *rest = paper_codes(account_for(enrolled))
        another_key()
        signs_in(client)
        assert client.post(ASKED, {"code": first}).status_code == 302
        another_key(kept=False)
        assert paper_codes(account_for(enrolled)) == rest

    def test_a_wrong_code_seals_nothing(self, client: StrictClient, another_key: Any) -> None:
        before = self.stored()
        another_key()
        signs_in(client)
        client.post(ASKED, {"code": "000000"})
        assert self.stored() == before

    def test_the_command_does_it_for_everybody_once(self, alice: Employee, another_key: Any) -> None:
        add_factor(account=account_for(alice), secret=SECRET)
        another_key()
        assert say("reseal_second_factors")[0] == "Sealed the second factors of 2 people with the new key.\n"
        after = self.stored()
        assert say("reseal_second_factors")[0] == "Sealed the second factors of 0 people with the new key.\n"
        another_key(kept=False)
        assert self.stored() == after
        assert all(fernet_for(PURPOSE).decrypt(one.encode()) for one in after)

    def test_without_the_old_key_the_command_says_that_it_can_do_nothing(self) -> None:
        with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS is not set"):
            say("reseal_second_factors")

    def test_what_no_key_opens_is_left_and_hinders_nobody(
        self, alice: Employee, enrolled: Employee, another_key: Any, settings: Any
    ) -> None:
        settings.SECRET_KEY, old = "a third one", settings.SECRET_KEY
        add_factor(account=account_for(alice), secret=SECRET)
        settings.SECRET_KEY = old
        before = self.stored()
        another_key()
        assert say("reseal_second_factors")[0] == "Sealed the second factors of 1 people with the new key.\n"
        after = self.stored()
        assert [one == two for one, two in zip(before, after, strict=True)] == [False, False, True, True]
        with pytest.raises(Unreadable):
            paper_codes(account_for(alice))

    def test_as_long_as_no_key_was_exchanged_nothing_is_asked(
        self, enrolled: Employee, django_assert_num_queries: Any
    ) -> None:
        account = account_for(enrolled)
        with django_assert_num_queries(0):
            assert not reseal_factors(account=account, by=account.actor)


def test_what_is_sealed_with_todays_key_stays_to_the_letter(another_key: Any) -> None:
    old = fernet_for("a test").encrypt(b"told").decode()
    another_key()
    new = reencrypt(old, "a test")
    assert new != old
    assert reencrypt(new, "a test") == new
    assert fernet_for("a test").decrypt(new.encode()) == b"told"
    with pytest.raises(InvalidToken):
        reencrypt(new, "another purpose")
