"""Ways in which one person tried to get into another's account; each ends at a page that opens nothing."""

import io
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Stored
from django.core import mail
from django.db import connection
from django.test import Client

from apps.accounts import enrolment, login_throttling
from apps.accounts.api_tokens import create_token
from apps.accounts.enrolment import EnrolmentCodeRequired, create_enrolment_code
from apps.accounts.login_throttling import (
    BROWSER_COOKIE,
    MAX_ACCOUNT_FAILURES,
    MAX_FACTOR_FAILURES,
    MAX_SESSION_FAILURES,
    MAX_UNKNOWN_BROWSER_FAILURES,
)
from apps.accounts.models import Account, ApiToken, EnrolmentCode, Role
from apps.accounts.password_links import PasswordLinkTokens
from apps.accounts.second_factors import add_app, remove_factors
from apps.accounts.security_mails import send_security_mails
from apps.accounts.services import account_for, grant_role, set_password_link
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.dashboard.middleware.request_size_limit import MOST_ANONYMOUS_BYTES
from apps.employees.models import Employee
from apps.roster.undo import undo_load
from apps.standings.effective_dates import process_effective_dates
from tests import people, plugin
from tests.authenticators import Authenticator
from tests.commands import say
from tests.dashboard.strict import StrictClient, words
from tests.dashboard.test_passkeys import ADD, NEW, asked
from tests.dashboard.test_second_factor import ASKED, CODES, OWN, REMOVE, SECRET, code, signs_in
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
OTHER = "KRUGS4ZANFZSAYJAONSWG4TFOQQGWZLZ"
NEW_PASSWORD = "seven quiet lanterns by a river"
HOME, OFFICE = "198.51.100.9", "203.0.113.7"
LEFT = "staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-22"
BACK = "staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,"


@pytest.fixture(autouse=True)
def approved_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has to approve a load is not at stake here."""
    for module in ("loading", "undo"):
        monkeypatch.setattr(f"apps.roster.{module}.require_approval_if_large", lambda *given, **more: None)


@pytest.fixture(autouse=True)
def _for_hr(settings: Any, campaign: Campaign) -> None:
    """As on servers."""
    settings.SECOND_FACTOR_ROLES = ["hr"]


def link_works(address: str) -> bool:
    """Whether this link would set a password now."""
    path = address.removeprefix("http://testserver")
    return bool(Client().get(path, follow=True).context["validlink"])


def link_to(employee: Employee) -> str:
    """A link as it was mailed, for an account as it is stored."""
    return set_password_link(Account.objects.get(employee=employee))


def token_of(employee: Employee, *scopes: str, shown: bool = False) -> str:
    """A token's secret."""
    return create_token(
        account=account_for(employee), name="x", scopes=scopes or ["own"], by=people.TESTER, second_factor=shown
    )[1]


def opens(secret: str, address: str = "/api/v1/me/standing/") -> int:
    """The status that a program with this token is answered with."""
    return Client(headers={"authorization": f"Bearer {secret}"}).get(address).status_code


class TestFirstFactor:
    """Whoever has a role holder's password alone cannot make a factor of their own the account's first."""

    def test_an_app_is_not_trusted_on_first_use(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        secret = client.get(OWN).context["secret"]
        for typed in ({}, {"enrolment": ""}, {"enrolment": "AAAA-AAAA-AAAA-AAAA"}):
            client.post(OWN, {"code": code(secret), **typed})
            assert not Stored.objects.exists(), typed
        assert client.get("/company/")["Location"] == OWN

    def test_a_passkey_is_not_trusted_on_first_use(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        create_enrolment_code(account=account_for(hr), by=people.TESTER)
        for typed in ({}, {"new-enrolment": "AAAA-AAAA-AAAA-AAAA"}):
            answer = Authenticator().makes(asked(client, NEW))
            assert client.post(ADD, {"new-name": "Mine", "new-passkey": answer, **typed}).status_code == 422
            assert not Stored.objects.exists(), typed

    def test_every_role_needs_the_code_and_nobody_else_does(
        self, auditor: Employee, operator: Employee, alice: Employee
    ) -> None:
        for employee in (auditor, operator):
            with pytest.raises(EnrolmentCodeRequired):
                add_app(account=account_for(employee), secret=SECRET)
        assert add_app(account=account_for(alice), secret=SECRET)

    def test_a_code_is_good_once_for_its_account_until_it_ends(self, hr: Employee, clock: Clock) -> None:
        account = account_for(hr)
        say("grant_role", "U001", "auditor")
        theirs = create_enrolment_code(account=account_for(people.person("U001")), by=people.TESTER)
        first = create_enrolment_code(account=account, by=people.TESTER)
        good = create_enrolment_code(account=account, by=people.TESTER)
        assert first
        assert good
        for wrong in (theirs, first):
            with pytest.raises(EnrolmentCodeRequired):
                add_app(account=account, secret=SECRET, enrolment_code=wrong or "")
        assert add_app(account=account, secret=SECRET, enrolment_code=f" {good.lower().replace('-', ' ')} ")
        remove_factors(account=account, by=account.actor)
        with pytest.raises(EnrolmentCodeRequired):
            add_app(account=account, secret=OTHER, enrolment_code=good)
        late = create_enrolment_code(account=account, by=people.TESTER)
        clock.set("2026-11-30T12:00:01+08:00", ticks=True)
        with pytest.raises(EnrolmentCodeRequired):
            add_app(account=account, secret=OTHER, enrolment_code=late or "")

    def test_the_same_without_the_check_takes_anybodys_factor(self, hr: Employee, monkeypatch: Any) -> None:
        """The mutant: what these tests would miss if the check did nothing."""
        monkeypatch.setattr("apps.accounts.second_factors.use_enrolment_code", lambda account, typed: None)
        assert add_app(account=account_for(hr), secret=SECRET)

    def test_guessing_the_code_ends_soon_and_a_right_one_is_refused_then(
        self, client: StrictClient, hr: Employee
    ) -> None:
        signs_in(client)
        good = create_enrolment_code(account=account_for(hr), by=people.TESTER)
        secret = client.get(OWN).context["secret"]
        for number in range(MAX_SESSION_FAILURES):
            client.post(OWN, {"code": code(secret), "enrolment": f"AAAA-{number}"})
        assert client.post(OWN, {"code": code(secret), "enrolment": good}).status_code == 429
        assert not Stored.objects.exists()
        assert AuditEntry.objects.filter(action="account.enrolment_code_refused").count() == 1
        again = StrictClient()
        signs_in(again)
        secret = again.get(OWN).context["secret"]
        assert again.post(OWN, {"code": code(secret), "enrolment": good}).status_code == 200, "the owner is locked out"
        assert Stored.objects.exists()

    def test_a_copy_of_the_database_gives_nobody_a_code(self, hr: Employee) -> None:
        good = create_enrolment_code(account=account_for(hr), by=people.TESTER) or ""
        stored = bytes(EnrolmentCode.objects.get().digest)
        assert good.replace("-", "").encode() not in stored
        assert good not in str(list(AuditEntry.objects.values_list("detail", flat=True)))

    def test_two_browsers_with_one_code_add_one_factor(self, hr: Employee) -> None:
        account, good = account_for(hr), create_enrolment_code(account=account_for(hr), by=people.TESTER) or ""
        assert add_app(account=account, secret=SECRET, enrolment_code=good)
        Stored.objects.filter(user=account).delete()
        with pytest.raises(EnrolmentCodeRequired):
            add_app(account=account, secret=OTHER, enrolment_code=good)

    def test_a_factor_of_before_the_role_does_not_open_it(self, client: StrictClient, alice: Employee) -> None:
        """It was added with the password alone, by whoever knew it."""
        people.enrol(alice, OTHER)
        grant_role(employee=alice, role="hr", by=people.TESTER)
        assert not Stored.objects.exists()
        signs_in(client, "A001")
        assert client.get("/company/")["Location"] == OWN
        with pytest.raises(EnrolmentCodeRequired):
            add_app(account=account_for(alice), secret=OTHER)

    def test_a_second_role_keeps_the_factor_that_was_enrolled_with_a_code(self, hr: Employee) -> None:
        people.enrol(hr, SECRET)
        grant_role(employee=hr, role="auditor", by=people.TESTER)
        assert Stored.objects.exists()

    def test_any_statement_that_gives_a_role_ends_the_factors_of_before(self, alice: Employee) -> None:
        """Two at once, past every service."""
        people.enrol(alice, OTHER)
        given = [Role(account=account_for(alice), role=role, granted_by_label="x") for role in ("hr", "auditor")]
        Role.objects.bulk_create(given)
        assert not Stored.objects.exists()

    def test_commands_hand_over_a_code_where_one_is_needed(self, company: dict[str, Employee]) -> None:
        assert "Enrolment code: " in say("grant_role", "A001", "hr")[0]
        assert "Enrolment code" not in say("grant_role", "A001", "hr")[0], "the one that was handed over is void"
        said = say("enrolment_code", "A001")[0]
        good = said.split("Enrolment code: ")[1].split("\n")[0]
        assert add_app(account=account_for(company["A001"]), secret=SECRET, enrolment_code=good)
        with pytest.raises(Exception, match="a factor exists"):
            say("enrolment_code", "A001")
        assert "Enrolment code: " in say("reset_second_factor", "A001")[0]
        with pytest.raises(Exception, match="the person holds no role"):
            say("enrolment_code", "B001")
        assert "Enrolment code" not in say("reset_second_factor", "B001")[0]


class TestLinks:
    """A link to set a password is good for what the account was when it was mailed."""

    def test_one_kept_from_before_an_address_change_is_void(self, alice: Employee) -> None:
        kept = link_to(alice)
        assert link_works(kept)
        people.load("staff_no,name,email\nA001,Alice 艾,alice.new@corp.example.com")
        assert not link_works(kept)
        assert link_works(link_to(alice))

    def test_also_when_the_accounts_own_address_stayed(self, alice: Employee) -> None:
        """Links go to the roster's address, which Django's token does not know; nor is there a password that ends."""
        Account.objects.filter(employee=alice).update(password="!")
        kept = link_to(alice)
        Employee.objects.filter(pk=alice.pk).update(email="alice.new@corp.example.com")
        assert not link_works(kept)

    def test_djangos_own_token_would_have_stayed(self, alice: Employee, monkeypatch: Any) -> None:
        """The mutant."""
        monkeypatch.delattr(PasswordLinkTokens, "_make_hash_value")
        Account.objects.filter(employee=alice).update(password="!")
        kept = link_to(alice)
        Employee.objects.filter(pk=alice.pk).update(email="alice.new@corp.example.com")
        assert link_works(kept)

    def test_one_from_before_a_role_is_void(self, alice: Employee) -> None:
        kept = link_to(alice)
        grant_role(employee=alice, role="hr", by=people.TESTER)
        assert not link_works(kept)

    def test_none_is_mailed_and_none_works_while_an_address_change_waits(
        self, alice: Employee, monkeypatch: Any
    ) -> None:
        from apps.accounts import password_reset

        kept = link_to(alice)
        for place in ("apps.accounts.password_reset", "apps.dashboard.views.account.password"):
            monkeypatch.setattr(f"{place}.has_pending_email_change", lambda employee_id: employee_id == alice.pk)
        answer = words(Client().post("/password/forgotten/", {"username": "A001"}))
        assert answer == words(Client().post("/password/forgotten/", {"username": "nobody"}))
        asked_for = {"account_id": account_for(alice).pk, "employee_id": alice.pk, "language": "en"}
        assert not password_reset.queue_password_link(**asked_for)
        assert mail.outbox == []
        assert not link_works(kept)

    def test_a_leavers_link_is_not_revived(self, alice: Employee, clock: Clock) -> None:
        kept = link_to(alice)
        people.load(LEFT)
        assert not link_works(kept)
        people.load(BACK)
        clock.set("2026-11-24T12:00:00+08:00", ticks=True)
        assert not link_works(kept)


class TestTokensAndSessions:
    """What was given out ends with the role, the password or the employment it was given out in."""

    @pytest.mark.parametrize("revoke", [False, True])
    def test_a_role_ends_what_was_made_before(self, alice: Employee, revoke: bool) -> None:
        if revoke:
            grant_role(employee=alice, role="auditor", by=people.TESTER)
        secret, browser = token_of(alice), people.sign_in(Client(), alice)
        grant_role(employee=alice, role="auditor", by=people.TESTER, revoke=revoke)
        assert opens(secret) == 401
        assert browser.get("/")["Location"].startswith("/login/")

    def test_end_sessions_ends_tokens(self, alice: Employee) -> None:
        secret = token_of(alice)
        say("end_sessions", "A001")
        assert opens(secret) == 401
        assert AuditEntry.objects.filter(action="account.tokens_ended").exists()

    def test_a_new_password_ends_tokens(self, alice: Employee) -> None:
        secret, visitor = token_of(alice), Client()
        page = visitor.get(link_to(alice).removeprefix("http://testserver"), follow=True)
        visitor.post(page.redirect_chain[-1][0], {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})
        assert opens(secret) == 401

    def test_a_changed_password_ends_tokens(self, client: StrictClient, alice: Employee) -> None:
        secret = token_of(alice)
        signs_in(client, "A001", "/")
        sent = {"old_password": people.PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        assert client.post("/password/", sent).status_code == 302
        assert opens(secret) == 401
        assert client.get("/").status_code == 200

    def test_a_reset_factor_ends_tokens(self, hr: Employee) -> None:
        people.enrol(hr, SECRET)
        secret = token_of(hr, "own", shown=True)
        say("reset_second_factor", "H001")
        assert opens(secret) == 401

    @pytest.mark.parametrize("way", ["returns", "undone", "corrected"])
    def test_nothing_of_a_leavers_is_revived(self, alice: Employee, clock: Clock, way: str) -> None:
        secret, browser = token_of(alice), people.sign_in(Client(), alice)
        assert opens(secret) == 200
        people.load(LEFT)
        assert opens(secret) == 401
        if way == "undone":
            undo_load(load_id=_last_load(), by=people.TESTER)
        elif way == "returns":
            people.load(BACK)
        else:
            people.load(LEFT.replace("2026-11-22", "2026-12-31") + "\n")
        process_effective_dates()
        clock.set("2026-11-24T12:00:00+08:00", ticks=True)
        assert people.sign_in(Client(), alice).get("/").status_code == 200, "she works here again"
        assert opens(secret) == 401
        assert browser.get("/")["Location"].startswith("/login/")

    def test_nor_when_time_alone_ended_the_employment_and_began_the_next(self, alice: Employee, clock: Clock) -> None:
        """No row changes when the last day passes, so nothing could note it."""
        people.load(LEFT.replace("2026-11-22", "2026-11-24"))
        secret, browser, kept = token_of(alice), people.sign_in(Client(), alice), link_to(alice)
        clock.set("2026-11-25T12:00:00+08:00", ticks=True)
        assert opens(secret) == 401
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO employees_employment (employee_id, starts_at, ends_at)"
                " VALUES (%s, '2026-11-26T00:00:00+08:00', 'infinity')", [alice.pk],
            )  # fmt: skip
        clock.set("2026-11-26T12:00:00+08:00", ticks=True)
        assert people.sign_in(Client(), alice).get("/").status_code == 200
        assert opens(secret) == 401
        assert browser.get("/")["Location"].startswith("/login/")
        assert not link_works(kept)

    @pytest.mark.parametrize("way", ["returns", "undone", "before they begin"])
    def test_a_password_and_a_factor_end_with_the_employment(self, hr: Employee, clock: Clock, way: str) -> None:
        """Or whoever had the mails then waits with a password until the next one with this number begins."""
        left = f"staff_no,name,email,left_on,started_on\nH001,Hedda,{hr.email},"
        people.enrol(hr, SECRET)
        EnrolmentCode.objects.create(account=account_for(hr), digest=b"x", expires_at="2027-01-01T00:00:00+08:00")
        if way == "before they begin":
            # No row changes when the last day passes, nor when the first one comes.
            people.load(left + "2026-11-24,")
            clock.set("2026-11-25T12:00:00+08:00", ticks=True)
            assert account_for(hr).has_usable_password()
            people.load(left + ",2026-11-30")
            clock.set("2026-11-30T12:00:00+08:00", ticks=True)
        else:
            people.load(left + "2026-11-22,")
            undo_load(load_id=_last_load(), by=people.TESTER) if way == "undone" else people.load(left + ",")
        assert Role.objects.filter(account__employee=hr).exists()
        assert not account_for(hr).has_usable_password()
        assert not Stored.objects.exists()
        assert not EnrolmentCode.objects.exists()

    @pytest.mark.parametrize("role", ["hr", ""])
    def test_a_password_ends_with_the_address_and_a_role_holders_factor_stays(
        self, hr: Employee, alice: Employee, role: str
    ) -> None:
        """A role holder's factor was enrolled with a code of the operator's; anybody else's with the password alone."""
        who = hr if role else alice
        people.enrol(who, SECRET)
        browser, secret = people.sign_in(Client(), who), token_of(who)
        people.load(f"staff_no,name,email\n{who.staff_no},{who.name},new@corp.example.com")
        people.approve()
        assert not account_for(who).has_usable_password()
        assert opens(secret) == 401
        assert browser.get("/")["Location"].startswith("/login/")
        assert Stored.objects.exists() is bool(role)

    def test_a_roles_reach_wants_a_token_of_a_session_with_the_factor(self, hr: Employee) -> None:
        weak, strong = token_of(hr, "reports:read"), token_of(hr, "reports:read", shown=True)
        assert opens(weak, "/api/v1/standings/A001/") == 404
        assert opens(strong, "/api/v1/standings/A001/") == 200

    def test_a_token_of_before_the_setting_loses_the_reach(self, operator: Employee, settings: Any) -> None:
        weak, strong = token_of(operator, "feed:write"), token_of(operator, "feed:write", shown=True)
        settings.SECOND_FACTOR_ROLES = ["operator"]
        feed = "/api/v1/feed/"
        send = {"data": "employee_staff_no,handle\n", "content_type": "text/csv"}
        for secret, hidden in ((weak, True), (strong, False)):
            client = Client(headers={"authorization": f"Bearer {secret}", "idempotency-key": secret[-20:]})
            assert (client.post(feed, **send).status_code == 404) is hidden

    def test_a_page_makes_a_strong_token_only_after_the_factor(self, client: StrictClient, hr: Employee) -> None:
        people.enrol(hr, SECRET)
        signs_in(client)
        client.post(ASKED, {"code": code()})
        client.post("/tokens/", {"name": "report", "scopes": ["reports:read"], "days": 9})
        assert ApiToken.objects.get().second_factor


class TestGuessing:
    """Guesses are counted everywhere, together, and never against the owner."""

    def test_staff_number_and_email_share_one_counter(self, alice: Employee) -> None:
        for number in range(MAX_ACCOUNT_FAILURES):
            name = ("A001", "alice@corp.example.com")[number % 2]
            answer = Client().post("/login/", {"username": name, "password": "guess"})
        assert answer.status_code == 429
        for name in ("A001", "Alice@corp.example.com"):
            assert Client().post("/login/", {"username": name, "password": people.PASSWORD}).status_code == 429

    def test_a_guess_that_fails_the_check_of_forms_is_counted(self, alice: Employee, settings: Any) -> None:
        settings.RATES = {**settings.RATES, "sign_in": "5/minute"}
        client = Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.99")
        sent = {"username": "A001", "password": "guess"}
        assert [client.post("/login/", sent).status_code for _try in range(6)] == [403] * 5 + [429]

    def test_the_old_password_is_not_guessed_in_an_open_browser(self, client: StrictClient, alice: Employee) -> None:
        signs_in(client, "A001", "/")
        new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        for number in range(MAX_SESSION_FAILURES):
            assert client.post("/password/", {"old_password": f"guess {number}", **new}).status_code == 200
        answer = client.post("/password/", {"old_password": people.PASSWORD, **new})
        assert (answer.status_code, answer["Retry-After"]) == (429, "900")
        owner = StrictClient()
        signs_in(owner, "A001", "/")
        assert owner.post("/password/", {"old_password": people.PASSWORD, **new}).status_code == 302, "locked out"

    def test_new_passwords_that_do_not_match_are_no_guesses(self, client: StrictClient, alice: Employee) -> None:
        signs_in(client, "A001", "/")
        for _try in range(MAX_SESSION_FAILURES + 1):
            sent = {"old_password": people.PASSWORD, "new_password1": "one", "new_password2": "two"}
            assert client.post("/password/", sent).status_code == 200

    @pytest.mark.parametrize(("address", "field"), [(REMOVE, "code"), (CODES, "paper-code")])
    def test_codes_are_not_guessed_in_an_open_browser(
        self, client: StrictClient, hr: Employee, address: str, field: str
    ) -> None:
        people.enrol(hr, SECRET)
        signs_in(client)
        client.post(ASKED, {"code": code()})
        for number in range(MAX_SESSION_FAILURES):
            assert client.post(address, {field: f"{number:06}"}).status_code == 422
        assert client.post(address, {field: code(steps=1)}).status_code == 429
        assert Stored.objects.exists()

    def test_whoever_knows_the_password_does_not_lock_the_owner_out_of_the_factor(self, hr: Employee) -> None:
        people.enrol(hr, SECRET)
        owner = StrictClient(REMOTE_ADDR=HOME)
        signs_in(owner)
        owner.post(ASKED, {"code": code()})
        assert BROWSER_COOKIE in owner.cookies
        owner.post("/logout/")
        for number in range(MAX_UNKNOWN_BROWSER_FAILURES + MAX_FACTOR_FAILURES):
            thief = StrictClient(REMOTE_ADDR=f"203.0.113.{number}")
            signs_in(thief)
            assert BROWSER_COOKIE not in thief.cookies, (
                "known before the second factor: each sign-in would bring new guesses"
            )
            answer = thief.post(ASKED, {"code": f"{number:06}"})
        assert answer.status_code == 429, "a thousand addresses have a thousand times the guesses"
        signs_in(owner)
        assert owner.post(ASKED, {"code": code(steps=1)})["Location"] == "/company/"

    def test_the_owner_is_mailed_that_somebody_knows_the_password(self, client: StrictClient, hr: Employee) -> None:
        people.enrol(hr, SECRET)
        send_security_mails()
        mail.outbox.clear()
        signs_in(client)
        for number in range(MAX_FACTOR_FAILURES):
            client.post(ASKED, {"code": f"{number:06}"})
        send_security_mails()
        assert ["A sign-in attempt used your password" in str(one.body) for one in mail.outbox] == [True]

    def test_many_guesses_at_once_get_no_further(self, alice: Employee, rf: Any) -> None:
        """Counted before they are looked at: what is counted after would let all of them in."""
        request = rf.post("/login/", REMOTE_ADDR=OFFICE)
        waiting = [login_throttling.guess_password(request, "A001") for _guess in range(MAX_ACCOUNT_FAILURES)]
        with pytest.raises(login_throttling.TooManyGuesses):
            login_throttling.guess_password(request, "A001")
        waiting[0].succeed()
        login_throttling.guess_password(request, "A001")

    @pytest.mark.parametrize("address", ["/login/", "/password/forgotten/", "/contacts/import/", "/nowhere/"])
    def test_a_strangers_large_body_is_not_read(self, client: Client, address: str) -> None:
        length = MOST_ANONYMOUS_BYTES + 1
        body = io.BytesIO(b"x" * length)
        answer = Client().generic("POST", address, b"", **{"wsgi.input": body, "CONTENT_LENGTH": str(length)})
        assert answer.status_code == 413
        assert body.tell() == 0


class TestTheAdmin:
    """It reads, for operators with their factor; a superuser is nobody there."""

    def test_a_superuser_sees_nothing(self) -> None:
        client, root = Client(), Account.objects.create_superuser("root", "x")
        client.force_login(root, backend="apps.accounts.backends.EmployeeBackend")
        assert client.get("/admin/", follow=True).status_code == 404

    def test_an_operator_needs_the_factor(self, operator: Employee) -> None:
        people.enrol(operator, SECRET)
        account = account_for(operator)
        client = people.sign_in(Client(), operator)
        assert client.get("/admin/", follow=True).redirect_chain[-1][0] == OWN
        session = client.session
        session["second_factor"] = True
        session.save()
        assert client.get("/admin/").status_code == 200
        for kind in ("accounts/role", "accounts/account", "employees/employee"):
            assert client.get(f"/admin/{kind}/").status_code == 200
            assert client.get(f"/admin/{kind}/add/").status_code == 403
        change = f"/admin/accounts/account/{account.pk}/change/"
        assert client.post(change, {"email": "mine@corp.example.com", "is_superuser": "on"}).status_code == 403
        assert client.get("/admin/auth/group/").status_code == 404
        assert client.get("/admin/password_change/")["Location"] == "/password/"

    def test_an_operator_reads_no_entry_about_contacts_or_leave(
        self, operator: Employee, alice: Employee, campaign: Campaign
    ) -> None:
        """Otherwise an operator with a token for the feed learns whose contact a person is, and who is on leave."""
        people.record(alice)
        people.adjust(campaign=campaign, employee=alice, exempt=True)
        client = people.sign_in(Client(), operator)
        session = client.session
        session["second_factor"] = True
        session.save()
        shown = client.get("/admin/core/auditentry/").content.decode()
        assert "role.granted" in shown
        for action in AuditEntry.objects.values_list("action", flat=True).distinct():
            assert (action in shown) == action.startswith(("account.", "role.")), action
        private = AuditEntry.objects.filter(action__startswith="standing.").latest("at")
        assert client.get(f"/admin/core/auditentry/{private.pk}/change/").status_code == 302
        assert client.get("/admin/results/resultcorrection/").status_code == 404

    @pytest.mark.parametrize("reader", ["hr", "auditor", "alice"])
    def test_nobody_else_does(self, reader: str, request: Any) -> None:
        client = people.sign_in(Client(), request.getfixturevalue(reader))
        session = client.session
        session["second_factor"] = True
        session.save()
        assert client.get("/admin/", follow=True).status_code == 404


class TestTheOwnerIsMailed:
    def test_of_each_change_once(self, client: StrictClient, alice: Employee) -> None:
        """Of the password, a factor, codes, a token and a role, whoever did it."""
        signs_in(client, "A001", "/")
        sent = {"old_password": people.PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        client.post("/password/", sent)
        people.enrol(alice, SECRET)
        token_of(alice)
        say("revoke_token", "A001")
        say("reset_second_factor", "A001")
        say("grant_role", "A001", "auditor")
        assert send_security_mails() == 6
        assert {tuple(one.to) for one in mail.outbox} == {("alice@corp.example.com",)}
        assert not any("http" in str(one.body) for one in mail.outbox)


@pytest.mark.django_db(transaction=True)
def test_without_the_trigger_an_undone_load_would_revive_a_leavers_token(alice: Employee) -> None:
    """The mutant of `test_nothing_of_a_leavers_is_revived`."""
    secret, trigger = token_of(alice), "TRIGGER employees_employment_moved"
    plugin.run_as_owner(f"ALTER TABLE employees_employment DISABLE {trigger}")
    try:
        people.load(LEFT)
        assert opens(secret) == 401
        undo_load(load_id=_last_load(), by=people.TESTER)
        assert opens(secret) == 200
    finally:
        plugin.run_as_owner(f"ALTER TABLE employees_employment ENABLE {trigger}")


def test_without_counting_first_many_guesses_at_once_get_past(alice: Employee, rf: Any, monkeypatch: Any) -> None:
    """The mutant of `test_many_guesses_at_once_get_no_further`: counted only when they have failed."""
    monkeypatch.setattr(login_throttling, "_increment", lambda key: 1)
    request = rf.post("/login/", REMOTE_ADDR=OFFICE)
    for _guess in range(MAX_ACCOUNT_FAILURES + 5):
        login_throttling.guess_password(request, "A001")


def _last_load() -> Any:
    from apps.roster.models import RosterImport

    return RosterImport.objects.latest("done_at").pk


def test_codes_have_enough_bits() -> None:
    assert len(enrolment.ALPHABET) ** (enrolment.GROUPS * enrolment.GROUP_CHARS) > 2**78
    assert timedelta(days=1) <= enrolment.CODE_LIFETIME <= timedelta(days=7)
