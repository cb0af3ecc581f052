"""A password alone opens nothing of HR's: it takes a second factor, at every entrance, and its removal does not go
unnoticed.
"""

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth

from apps.accounts.second_factors import unused_recovery_codes
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.api.conftest import code_of
from tests.commands import say
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ASKED, OWN, REMOVE = "/login/second-factor/", "/second-factor/", "/second-factor/remove/"
CODES = "/second-factor/codes/"


@pytest.fixture(autouse=True)
def approved_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The approval of imports is not the subject here."""
    monkeypatch.setattr("apps.roster.loading.require_approval_if_large", lambda *given: None)


@pytest.fixture(autouse=True)
def _for_hr(settings: Any, campaign: Campaign) -> None:
    """As in production."""
    settings.SECOND_FACTOR_ROLES = ["hr"]


def code(secret: str = SECRET, steps: int = 0) -> str:
    """The app's code now, or so many half minutes later."""
    return auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30 + steps))


def signs_in(client: StrictClient, name: str = "H001", wanted: str = "/company/") -> Any:
    return client.post("/login/", {"username": name, "password": people.PASSWORD, "next": wanted})


def actions() -> list[str]:
    return list(
        AuditEntry.objects.filter(action__startswith="account.").order_by("pk").values_list("action", flat=True)
    )


@pytest.fixture
def enrolled(hr: Employee) -> Employee:
    people.enrol(hr, SECRET)
    return hr


class TestWithout:
    """An HR account without a second factor."""

    @pytest.mark.parametrize("address", ["/", "/company/", "/exports/", "/password/", "/admin/", "/company/audit/"])
    def test_every_page_leads_to_where_it_is_added(self, client: StrictClient, hr: Employee, address: str) -> None:
        signs_in(client)
        assert client.get(address)["Location"] == OWN
        assert client.post(address)["Location"] == OWN
        assert "Your role requires a second factor. Add one to continue." in words(client.get(OWN))

    def test_the_api_says_it_in_its_own_words(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        answer = client.get("/api/v1/standings/")
        assert (answer.status_code, code_of(answer.json())) == (403, "second_factor_needed")

    def test_the_way_out_is_open(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        assert client.post("/logout/")["Location"] == "/login/"

    def test_accounts_without_such_a_role_notice_nothing(self, client: StrictClient, alice: Employee) -> None:
        signs_in(client, "A001")
        assert client.get("/").status_code == 200

    def test_adding_one_signs_out_everywhere_else(self, client: StrictClient, hr: Employee) -> None:
        elsewhere = StrictClient()
        for one in (client, elsewhere):
            signs_in(one)
        secret = client.get(OWN).context["secret"]
        sent = {"code": code(secret), "enrolment": people.enrolment_code(hr)}
        assert client.post(OWN, sent).status_code == 200
        assert elsewhere.get("/")["Location"].startswith("/login/")
        assert client.get("/company/").status_code == 200

    def test_adding_one_opens_the_pages_and_shows_the_codes_once(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        page = client.get(OWN).content.decode()
        found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        assert found
        enrolment = people.enrolment_code(hr)
        assert client.post(OWN, {"code": "000000", "enrolment": enrolment}).status_code == 200
        assert not Authenticator.objects.exists()
        done = client.post(OWN, {"code": code(found[1]), "enrolment": enrolment})
        assert all(one in words(done) for one in unused_recovery_codes(account_for(hr)))
        assert client.get("/company/").status_code == 200
        assert not any(one in words(client.get(OWN)) for one in unused_recovery_codes(account_for(hr)))
        assert "account.factor_added" in actions()

    def test_a_session_that_is_not_fresh_shows_the_password_again(
        self, client: StrictClient, hr: Employee, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An unattended browser must not be enough to take over the account."""
        signs_in(client)
        monkeypatch.setattr("apps.dashboard.views.account.second_factor.RECENT_SIGN_IN_SECONDS", -1)
        found = re.search(r"<code>([A-Z2-7]{32})</code>", client.get(OWN).content.decode())
        assert found
        enrolment = people.enrolment_code(hr)
        for wrong in ({}, {"password": "wrong"}):
            client.post(OWN, {"code": code(found[1]), "enrolment": enrolment, **wrong})
            assert not Authenticator.objects.exists()
        client.post(OWN, {"code": code(found[1]), "enrolment": enrolment, "password": people.PASSWORD})
        assert Authenticator.objects.count() == 2


class TestWith:
    """An HR account with a second factor."""

    def test_a_code_opens_the_session_and_goes_on(self, client: StrictClient, enrolled: Employee) -> None:
        assert signs_in(client)["Location"] == ASKED
        assert client.get("/company/")["Location"] == "/login/?next=/company/"
        assert client.post(ASKED, {"code": code()})["Location"] == "/company/"
        assert client.get("/company/").status_code == 200
        assert actions()[-1] == "account.signed_in"

    def test_a_password_alone_is_no_sign_in(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client)
        assert client.get("/api/v1/me/standing/").status_code in (401, 403)
        assert "account.signed_in" not in actions()

    @pytest.mark.parametrize("wrong", ["000000", "", "abc", "1" * 41, "名"])
    def test_a_wrong_code_opens_nothing(self, client: StrictClient, enrolled: Employee, wrong: str) -> None:
        signs_in(client)
        assert client.post(ASKED, {"code": wrong}).status_code == 200
        assert client.get("/company/").status_code == 302
        assert actions()[-1] == "account.factor_refused"

    def test_a_code_of_long_ago_or_later_opens_nothing(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client)
        for steps in (-4, 4):
            assert client.post(ASKED, {"code": code(steps=steps)}).status_code == 200

    def test_a_code_is_good_once(self, client: StrictClient, enrolled: Employee) -> None:
        shown = code()
        signs_in(client)
        client.post(ASKED, {"code": shown})
        behind = StrictClient()
        signs_in(behind)
        assert behind.post(ASKED, {"code": shown}).status_code == 200
        assert behind.get("/company/").status_code == 302

    def test_guessing_codes_ends_soon(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client)
        for number in range(8):
            client.post(ASKED, {"code": f"{number:06}"})
        assert client.post(ASKED, {"code": code()}).status_code == 429
        assert client.get("/company/").status_code == 302

    def test_a_code_on_paper_signs_in_once(self, client: StrictClient, enrolled: Employee) -> None:
        paper = unused_recovery_codes(account_for(enrolled))[0]
        signs_in(client)
        assert client.post(ASKED, {"code": paper}).status_code == 302
        again = StrictClient()
        signs_in(again)
        assert again.post(ASKED, {"code": paper}).status_code == 200

    def test_the_second_factor_page_needs_a_password_first(self, client: StrictClient, enrolled: Employee) -> None:
        assert client.post(ASKED, {"code": code()})["Location"] == "/login/"

    def test_the_question_does_not_wait_for_ever(
        self, client: StrictClient, enrolled: Employee, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signs_in(client)
        monkeypatch.setattr("apps.dashboard.login_flow.SECOND_FACTOR_SECONDS", -1)
        assert client.post(ASKED, {"code": code()})["Location"] == "/login/"

    def test_an_employee_who_leaves_during_the_sign_in_gets_no_session(
        self, client: StrictClient, enrolled: Employee
    ) -> None:
        signs_in(client)
        people.load("".join(line for line in people.ROSTER.splitlines(True) if "H001" not in line), complete=True)
        assert client.post(ASKED, {"code": code()})["Location"] == "/login/"

    def test_redirects_stay_on_this_site(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client, wanted="https://elsewhere.example.org/")
        assert client.post(ASKED, {"code": code()})["Location"] == "/company/"

    def test_it_is_removed_with_a_code_alone(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client)
        client.post(ASKED, {"code": code()})
        assert client.post(REMOVE, {"code": "000000"}).status_code == 422
        assert client.get("/company/").status_code == 200
        client.post(REMOVE, {"code": unused_recovery_codes(account_for(enrolled))[0]})
        assert not Authenticator.objects.exists()
        assert client.get("/company/")["Location"] == OWN
        assert actions()[-1] == "account.factor_removed"

    def test_an_operator_resets_it_and_the_trail_says_so(self, client: StrictClient, enrolled: Employee) -> None:
        assert "has no second factor." in say("reset_second_factor", "H001")[0]
        assert "(as before)" in say("reset_second_factor", "H001")[0]
        assert actions()[-3:] == [
            "account.factor_reset", "account.enrolment_code_made", "account.enrolment_code_made"
        ]  # fmt: skip
        assert signs_in(client)["Location"] == "/company/"
        assert client.get("/company/")["Location"] == OWN

    def test_new_codes_on_paper_make_the_old_ones_worthless(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client)
        client.post(ASKED, {"code": code()})
        old = unused_recovery_codes(account_for(enrolled))
        shown = client.post(CODES, {"paper-code": old[0]})
        new = unused_recovery_codes(account_for(enrolled))
        assert all(one in words(shown) for one in new)
        assert "no-store" in shown["Cache-Control"]
        assert len(new) == 10
        assert not set(old) & set(new)
        assert actions()[-1] == "account.codes_renewed"
        client.post("/logout/")
        signs_in(client)
        assert client.post(ASKED, {"code": old[1]}).status_code == 200
        assert client.post(ASKED, {"code": new[0]})["Location"] == "/company/"
        assert "9 recovery codes are left." in words(client.get(OWN))

    @pytest.mark.parametrize("sent", [{}, {"paper-code": "000000"}, {"paper-passkey": "{}"}])
    def test_an_open_browser_is_not_enough_for_new_codes(
        self, client: StrictClient, enrolled: Employee, sent: dict[str, str]
    ) -> None:
        signs_in(client)
        client.post(ASKED, {"code": code()})
        before = unused_recovery_codes(account_for(enrolled))
        assert client.post(CODES, sent).status_code == 422
        assert unused_recovery_codes(account_for(enrolled)) == before

    def test_removing_it_signs_out_everywhere_else(self, client: StrictClient, enrolled: Employee) -> None:
        elsewhere = StrictClient()
        paper = unused_recovery_codes(account_for(enrolled))
        for one, shown in ((client, code()), (elsewhere, paper[0])):
            signs_in(one)
            assert one.post(ASKED, {"code": shown})["Location"] == "/company/"
        client.post(REMOVE, {"code": paper[1]})
        assert elsewhere.get("/")["Location"].startswith("/login/")
        assert client.get("/company/")["Location"] == OWN

    def test_whom_an_operator_helps_is_signed_out(self, client: StrictClient, enrolled: Employee) -> None:
        signs_in(client)
        client.post(ASKED, {"code": code()})
        say("reset_second_factor", "H001")
        assert client.get("/")["Location"].startswith("/login/")

    def test_a_session_from_before_it_was_added_has_not_shown_it(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        people.enrol(hr, SECRET)
        assert client.get("/company/")["Location"] == OWN
        assert "Sign out, sign in again" in words(client.get(OWN))

    def test_the_secret_is_not_readable_in_the_database(self, enrolled: Employee) -> None:
        stored = str(list(Authenticator.objects.values_list("data", flat=True)))
        assert SECRET not in stored

    def test_an_older_key_is_read_and_a_lost_one_opens_nothing(
        self, client: StrictClient, enrolled: Employee, settings: Any
    ) -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
        signs_in(client)
        assert client.post(ASKED, {"code": code()}).status_code == 302
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a third one", []
        lost = StrictClient()
        signs_in(lost)
        assert "can no longer be read" in words(lost.post(ASKED, {"code": code(steps=1)}))


def test_every_account_may_have_one(client: StrictClient, alice: Employee) -> None:
    people.enrol(alice, SECRET)
    assert signs_in(client, "A001", "/")["Location"] == ASKED
    assert client.post(ASKED, {"code": code()})["Location"] == "/"
