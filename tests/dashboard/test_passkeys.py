"""A passkey opens a session only to its holder, on this very site, for the latest challenge."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Stored
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.enrolment import has_factor
from apps.accounts.passkeys import MAX_PASSKEYS, passkeys
from apps.accounts.second_factors import add_app, unused_recovery_codes
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.authenticators import PRESENT, VERIFIED, Authenticator
from tests.commands import say
from tests.dashboard.strict import StrictClient, words
from tests.dashboard.test_second_factor import ASKED, OWN, REMOVE, SECRET, actions, code, signs_in

pytestmark = pytest.mark.django_db

OPTIONS, ADD, NEW, PROOF = (
    "/login/second-factor/passkey/", "/second-factor/passkeys/add/", "/second-factor/passkeys/new/",
    "/second-factor/passkeys/proof/",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _for_hr(settings: Any, campaign: Campaign) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]


def asked(client: StrictClient, address: str = OPTIONS) -> dict[str, Any]:
    """The options that the page's script fetches."""
    found: dict[str, Any] = client.post(address).json()
    return found


def adds(client: StrictClient, one: Authenticator, name: str = "Phone", **more: Any) -> Any:
    """Add the passkey as its page does; HR uses the operator's code for the first one."""
    code = people.enrolment_code(people.person("H001"))
    sent = {"new-name": name, "new-passkey": one.makes(asked(client, NEW)), "new-enrolment": code}
    return client.post(ADD, {**sent, **more})


def comes_in(client: StrictClient, answer: str) -> bool:
    """Whether this passkey answer opens a session."""
    client.post(ASKED, {"passkey": answer})
    return bool(client.get("/company/").status_code == 200)


@pytest.fixture
def phone(client: StrictClient, hr: Employee) -> Authenticator:
    """HR's passkey; `client` is signed out again."""
    signs_in(client)
    one = Authenticator()
    assert adds(client, one).status_code == 200
    client.logout()
    return one


class TestAdding:
    def test_it_satisfies_the_role_and_brings_codes_on_paper_once(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        done = adds(client, Authenticator())
        assert all(one in words(done) for one in unused_recovery_codes(account_for(hr)))
        assert client.get("/company/").status_code == 200
        assert not any(one in words(client.get(OWN)) for one in unused_recovery_codes(account_for(hr)))
        assert "Phone" in words(client.get(OWN))
        assert AuditEntry.objects.get(action="account.factor_added").detail == {"factor": "passkey"}

    @pytest.mark.parametrize(
        "forged",
        [
            {"origin": "http://testserver.example.org"},
            {"origin": "https://testserver"},
            {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
            {"type": "webauthn.get"},
            {"crossOrigin": True},
        ],
    )
    def test_what_another_page_got_is_not_taken(
        self, client: StrictClient, hr: Employee, forged: dict[str, Any]
    ) -> None:
        signs_in(client)
        answer = Authenticator().makes(asked(client, NEW), **forged)
        assert client.post(ADD, {"new-name": "Phone", "new-passkey": answer}).status_code == 422
        assert not has_factor(account_for(hr))

    @pytest.mark.parametrize(
        "made", [{"host": "testserver.example.org"}, {"flags": 0}, {"algorithm": -65535}, {"algorithm": -36}]
    )
    def test_what_another_authenticator_made_is_not_taken(
        self, client: StrictClient, hr: Employee, made: dict[str, Any]
    ) -> None:
        signs_in(client)
        assert adds(client, Authenticator(**made)).status_code == 422
        assert not has_factor(account_for(hr))

    @pytest.mark.parametrize(
        "sent", ["", "{}", "[]", "1", "null", "x", '{"response": 1}', "[" * 9000, "名", "x" * 20_001]
    )
    def test_anything_else_is_a_sentence(self, client: StrictClient, hr: Employee, sent: str) -> None:
        signs_in(client)
        asked(client, NEW)
        assert client.post(ADD, {"new-name": "Phone", "new-passkey": sent}).status_code == 422
        assert not has_factor(account_for(hr))

    def test_every_byte_of_an_answer_may_be_wrong(self, client: StrictClient, hr: Employee) -> None:
        """The page reports the error; it is never a server error."""
        signs_in(client)
        for part in ("attestationObject", "clientDataJSON"):
            for cut in range(0, 180, 9):
                sent = json.loads(Authenticator().makes(asked(client, NEW)))
                sent["response"][part] = sent["response"][part][:cut]
                answer = client.post(ADD, {"new-name": "Phone", "new-passkey": json.dumps(sent)})
                assert answer.status_code == 422, (part, cut)

    def test_a_question_is_answered_once(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        options = asked(client, NEW)
        about = {"new-name": "Phone", "new-enrolment": people.enrolment_code(hr)}
        sent = [{**about, "new-passkey": Authenticator().makes(options)} for _ in range(2)]
        assert [client.post(ADD, one).status_code for one in sent] == [200, 422]
        assert len(passkeys(account_for(hr))) == 1

    def test_a_session_that_is_not_fresh_shows_the_password_again(
        self, client: StrictClient, hr: Employee, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signs_in(client)
        monkeypatch.setattr("apps.dashboard.views.account.second_factor.RECENT_SIGN_IN_SECONDS", -1)
        for wrong in ({}, {"new-password": "wrong"}):
            assert adds(client, Authenticator(), **wrong).status_code == 422
        assert adds(client, Authenticator(), **{"new-password": people.PASSWORD}).status_code == 200

    def test_a_session_that_has_not_shown_the_other_factor_adds_none(self, client: StrictClient, hr: Employee) -> None:
        """Otherwise a stolen password could add its own factor."""
        signs_in(client)
        people.enrol(hr, SECRET)
        assert client.post(NEW).status_code == 404
        client.post(ADD, {"new-name": "Mine", "new-passkey": "{}"})
        assert "Sign out, sign in again" in words(client.get(OWN))
        assert passkeys(account_for(hr)) == []

    def test_the_same_authenticator_is_not_added_twice(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        one = Authenticator()
        adds(client, one)
        options = asked(client, NEW)
        assert [known["id"] for known in options["publicKey"]["excludeCredentials"]] != []
        again = client.post(ADD, {"new-name": "Again", "new-passkey": one.makes(options)})
        assert (again.status_code, len(passkeys(account_for(hr)))) == (422, 1)

    def test_there_is_an_end_to_how_many(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        for number in range(MAX_PASSKEYS):
            adds(client, Authenticator(), name=f"Key {number}")
        assert "Remove one first" in words(adds(client, Authenticator()))
        assert len(passkeys(account_for(hr))) == MAX_PASSKEYS

    def test_a_name_is_shown_as_it_was_typed(self, client: StrictClient, hr: Employee) -> None:
        signs_in(client)
        adds(client, Authenticator(), name="<b>键</b> & co")
        assert "<b>键</b> & co" in words(client.get(OWN))

    def test_an_app_is_added_beside_it(self, client: StrictClient, phone: Authenticator, hr: Employee) -> None:
        signs_in(client)
        comes_in(client, phone.signs(asked(client)))
        before = unused_recovery_codes(account_for(hr))
        page = client.get("/second-factor/app/")
        secret = next(word for word in words(page).split() if len(word) == 32 and word.isupper())
        assert client.post("/second-factor/app/", {"code": code(secret)})["Location"] == OWN
        assert unused_recovery_codes(account_for(hr)) == before, "the sheet that was printed stays good"
        assert client.get("/second-factor/app/")["Location"] == OWN


class TestSigningIn:
    def test_it_opens_the_session_and_goes_on(self, client: StrictClient, phone: Authenticator, hr: Employee) -> None:
        assert signs_in(client)["Location"] == ASKED
        assert client.get("/company/").status_code == 302
        done = client.post(ASKED, {"passkey": phone.signs(asked(client))})
        assert done["Location"] == "/company/"
        assert client.get("/company/").status_code == 200
        assert actions()[-1] == "account.signed_in"
        assert passkeys(account_for(hr))[0].last_used_at is not None

    @pytest.mark.parametrize(
        "forged",
        [
            {"origin": "http://testserver.example.org"},
            {"origin": "http://testserver:8001"},
            {"origin": "https://testserver"},
            {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
            {"type": "webauthn.create"},
            {"crossOrigin": True},
        ],
    )
    def test_what_another_page_got_opens_nothing(
        self, client: StrictClient, phone: Authenticator, forged: dict[str, Any]
    ) -> None:
        signs_in(client)
        assert not comes_in(client, phone.signs(asked(client), **forged))
        assert actions()[-1] == "account.factor_refused"

    @pytest.mark.parametrize(
        "changed",
        [
            {"host": "testserver.example.org"},
            {"flags": PRESENT},
            {"flags": VERIFIED},
            {"step": 0},
            {"step": -1, "counter": 1},
            {"id": b"another passkey"},
        ],
        ids=["another host", "nobody asked who", "nobody there", "a copy", "counter back", "unknown"],
    )
    def test_what_another_authenticator_says_opens_nothing(
        self, client: StrictClient, phone: Authenticator, changed: dict[str, Any]
    ) -> None:
        signs_in(client)
        phone.signs(asked(client))
        assert comes_in(client, phone.signs(asked(client)))
        client.logout()
        signs_in(client)
        for name, value in changed.items():
            setattr(phone, name, value)
        assert not comes_in(client, phone.signs(asked(client)))

    def test_another_key_opens_nothing(self, client: StrictClient, phone: Authenticator) -> None:
        signs_in(client)
        phone.key = Authenticator().key
        assert not comes_in(client, phone.signs(asked(client)))

    def test_a_signature_over_something_else_opens_nothing(self, client: StrictClient, phone: Authenticator) -> None:
        signs_in(client)
        sent = json.loads(phone.signs(asked(client)))
        other = json.loads(phone.signs(asked(client)))
        other["response"]["signature"] = sent["response"]["signature"]
        assert not comes_in(client, json.dumps(other))

    def test_a_colleagues_passkey_opens_nothing(
        self, client: StrictClient, phone: Authenticator, bob: Employee
    ) -> None:
        """Not with a challenge for either account."""
        theirs, behind = Authenticator(), StrictClient()
        signs_in(behind, "B001", "/")
        adds(behind, theirs)
        behind.logout()
        signs_in(client)
        assert not comes_in(client, theirs.signs(asked(client)))
        signs_in(behind, "B001", "/")
        signs_in(client)
        asked(client)
        assert not comes_in(client, theirs.signs(asked(behind)))

    def test_an_answer_is_good_once(self, client: StrictClient, phone: Authenticator) -> None:
        signs_in(client)
        answer = phone.signs(asked(client))
        assert comes_in(client, answer)
        client.logout()
        signs_in(client)
        assert not comes_in(client, answer)
        asked(client)
        assert not comes_in(client, answer), "not for another question either"

    def test_a_wrong_answer_uses_the_question_up(self, client: StrictClient, phone: Authenticator) -> None:
        signs_in(client)
        right = phone.signs(asked(client))
        assert not comes_in(client, "{}")
        assert not comes_in(client, right)

    def test_a_question_does_not_wait_for_ever(
        self, client: StrictClient, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signs_in(client)
        answer = phone.signs(asked(client))
        monkeypatch.setattr("apps.accounts.passkey_challenges.LIFETIME_SECONDS", -1)
        assert not comes_in(client, answer)

    def test_an_answer_for_a_removal_is_no_sign_in(self, client: StrictClient, phone: Authenticator) -> None:
        signs_in(client)
        assert comes_in(client, phone.signs(asked(client)))
        assert client.post(ASKED, {"passkey": phone.signs(asked(client, PROOF))})["Location"] == "/login/"
        options = asked(client, PROOF)
        signs_in(client)
        assert not StrictClient().post(ASKED, {"passkey": phone.signs(options)}).cookies

    def test_no_second_factor_is_requested_without_a_password(self, client: StrictClient, phone: Authenticator) -> None:
        assert client.post(OPTIONS).status_code == 404
        assert client.post(PROOF).status_code == 302

    def test_a_passkey_without_user_verification_counts_as_a_second_factor(
        self, client: StrictClient, hr: Employee
    ) -> None:
        """A key with a button alone is a second factor: possession, beside the password."""
        signs_in(client)
        key = Authenticator(flags=PRESENT, step=0)
        adds(client, key)
        client.logout()
        signs_in(client)
        options = asked(client)
        assert options["publicKey"]["userVerification"] == "preferred"
        assert comes_in(client, key.signs(options))

    def test_one_that_asks_is_asked_to(self, client: StrictClient, phone: Authenticator) -> None:
        signs_in(client)
        assert asked(client)["publicKey"]["userVerification"] == "required"

    def test_a_host_of_its_own_has_passkeys_of_its_own(
        self, client: StrictClient, phone: Authenticator, settings: Any
    ) -> None:
        settings.ALLOWED_HOSTS = ["testserver", "other.example.org"]
        elsewhere = StrictClient(headers={"host": "other.example.org"})
        signs_in(elsewhere)
        assert "Use a passkey" not in words(elsewhere.get(ASKED))
        assert elsewhere.post(OPTIONS).status_code == 404

    def test_an_origin_that_forms_are_taken_from_is_one(
        self, client: StrictClient, phone: Authenticator, settings: Any
    ) -> None:
        """As behind a proxy that uses another port."""
        settings.CSRF_TRUSTED_ORIGINS = ["https://testserver:8443", "https://other.example.org"]
        signs_in(client)
        assert not comes_in(client, phone.signs(asked(client), origin="https://other.example.org"))
        assert comes_in(client, phone.signs(asked(client), origin="https://testserver:8443"))

    def test_codes_on_paper_stand_in_for_it(self, client: StrictClient, phone: Authenticator, hr: Employee) -> None:
        signs_in(client)
        page = words(client.get(ASKED))
        assert "or a recovery code" in page
        assert client.post(ASKED, {"code": unused_recovery_codes(account_for(hr))[0]})["Location"] == "/company/"

    def test_the_log_does_not_reveal_which(
        self, client: StrictClient, phone: Authenticator, caplog: pytest.LogCaptureFixture
    ) -> None:
        signs_in(client)
        assert comes_in(client, phone.signs(asked(client)))
        assert phone.id.hex() not in caplog.text


class TestRemoving:
    @pytest.fixture
    def inside(self, client: StrictClient, phone: Authenticator) -> StrictClient:
        signs_in(client)
        assert comes_in(client, phone.signs(asked(client)))
        return client

    def test_an_open_browser_is_not_enough(self, inside: StrictClient, hr: Employee) -> None:
        for wrong in ({}, {"passkey": "{}"}, {"code": "000000"}):
            assert inside.post(REMOVE, wrong).status_code == 422
        assert has_factor(account_for(hr))

    def test_the_last_one_takes_the_paper_along(self, inside: StrictClient, phone: Authenticator, hr: Employee) -> None:
        one = passkeys(account_for(hr))[0].pk
        done = inside.post(REMOVE, {"factor": one, "passkey": phone.signs(asked(inside, PROOF))})
        assert done["Location"] == "/"
        assert not Stored.objects.exists()
        assert inside.get("/company/")["Location"] == OWN
        assert actions()[-1] == "account.factor_removed"

    def test_one_of_two_leaves_the_other(self, inside: StrictClient, phone: Authenticator, hr: Employee) -> None:
        adds(inside, Authenticator(), name="Key")
        lost = next(one for one in passkeys(account_for(hr)) if one.name == "Key")
        paper = unused_recovery_codes(account_for(hr))[0]
        assert inside.post(REMOVE, {"factor": lost.pk, "code": paper})["Location"] == OWN
        assert [one.name for one in passkeys(account_for(hr))] == ["Phone"]
        assert inside.get("/company/").status_code == 200

    def test_a_colleagues_factor_cannot_be_removed(
        self, inside: StrictClient, phone: Authenticator, bob: Employee
    ) -> None:
        behind = StrictClient()
        signs_in(behind, "B001", "/")
        adds(behind, Authenticator())
        theirs = passkeys(account_for(bob))[0].pk
        sent = {"factor": theirs, "passkey": phone.signs(asked(inside, PROOF))}
        assert inside.post(REMOVE, sent).status_code == 422
        assert len(passkeys(account_for(bob))) == 1

    def test_an_operator_resets_it(self, inside: StrictClient, hr: Employee) -> None:
        say("reset_second_factor", "H001")
        assert not Stored.objects.exists()


def test_two_browsers_at_once_add_one_app(client: StrictClient, hr: Employee) -> None:
    account = account_for(hr)
    enrolment_code = people.enrolment_code(hr)
    added = [add_app(account=account, secret=SECRET, enrolment_code=enrolment_code) for _ in range(2)]
    assert added == [True, False]


def test_a_page_with_many_rows_makes_no_more_queries(client: StrictClient, hr: Employee) -> None:
    counts = []
    signs_in(client)
    for many in (1, 4):
        while len(passkeys(account_for(hr))) < many:
            adds(client, Authenticator())
        with CaptureQueriesContext(connection) as asked_for:
            client.get(OWN)
        counts.append(len(asked_for))
    assert counts[0] == counts[1]
