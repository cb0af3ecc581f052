"""Forged, expired and mixed-up answers of a provider sign in no user; each case has a name."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.accounts.models import ProviderSubject
from apps.accounts.services import account_for
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.accounts.sso.conftest import back, sent, signed_in_as
from tests.accounts.sso.forger import CLIENT, KEY, OTHER_KEY, Forger, jwk, new_key, sign
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db

ALICE = {"sub": "s1", "staff_no": "A001"}
ELSEWHERE = "https://elsewhere.example.org"
Bend = Callable[[Forger], object]


def claims(**changed: Any) -> Bend:
    """A correctly signed token with wrong claims; None removes a claim."""
    return lambda forger: setattr(forger, "claims", {**ALICE, **changed})


def at(**shifted: int) -> Bend:
    """Claims with instants, in seconds from now."""
    return lambda forger: setattr(
        forger, "claims", {**ALICE, **{name: int(time.time()) + by for name, by in shifted.items()}}
    )


def signed(how: Callable[[dict[str, Any]], Any]) -> Bend:
    return lambda forger: setattr(forger, "sign", how)


def says(status: int, body: Any) -> Bend:
    """Replace the token endpoint's whole answer."""
    return lambda forger: setattr(
        forger, "token_answer", lambda answer: (status, body(answer) if callable(body) else body)
    )


def keys(*found: Any) -> Bend:
    return lambda forger: setattr(forger, "keys", {"keys": list(found)})


def discovery(**changed: Any) -> Bend:
    """Change the discovery document after the browser has left for the provider."""
    return lambda forger: forger.discovery.update(changed)


def unsigned(found: dict[str, Any]) -> str:
    return jwt.encode(found, None, algorithm="none", headers={"kid": "one"})


def with_the_public_key_as_a_secret(found: dict[str, Any]) -> str:
    """HMAC with the public key: accepted by a verifier that lets the token choose its algorithm."""
    secret = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "one", "typ": "JWT"}, found)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text, secret)
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def with_other_claims_than_were_signed(found: dict[str, Any]) -> str:
    head, _body, mac = sign({**found, "sub": "s7"}).split(".")
    body = base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{mac}"


def told_of_somebody_else(forger: Forger) -> None:
    """The token has no staff number, and the user info is about another subject."""
    forger.claims, forger.who = {"sub": "s1"}, {"sub": "s2", "staff_no": "A001"}


FORGED: dict[str, Bend] = {
    "signed with another key": signed(lambda found: sign(found, OTHER_KEY)),
    "signed with an unknown kid": signed(lambda found: sign(found, kid="two")),
    "signed with a key that stands in the token": signed(
        lambda found: sign(found, OTHER_KEY, jwk=jwk(OTHER_KEY, kid="one"), kid="two")
    ),
    "signed by an address that stands in the token": signed(lambda found: sign(found, OTHER_KEY, jku=f"{ELSEWHERE}/k")),
    "not signed: alg none": signed(unsigned),
    "HS256 with the public key": signed(with_the_public_key_as_a_secret),
    "HS256 with the client's secret": signed(lambda found: sign(found, "not so secret" * 4, algorithm="HS256")),
    "signed with a symmetric key of the set": lambda forger: (
        keys({"kty": "oct", "kid": "one", "k": "c2VjcmV0" * 6, "alg": "HS256"})(forger),
        signed(lambda found: sign(found, base64.urlsafe_b64decode("c2VjcmV0" * 6), algorithm="HS256"))(forger),
    ),
    "another algorithm than the key's": signed(lambda found: sign(found, algorithm="PS256")),
    "a key that is for encryption": keys(jwk(KEY, use="enc")),
    "two keys of one name": keys(jwk(OTHER_KEY), jwk(KEY)),
    "no keys": keys(),
    "keys that are none": keys("x", None, {"kty": "RSA", "kid": "one"}),
    "other claims than were signed": signed(with_other_claims_than_were_signed),
    "cut off": signed(lambda found: sign(found)[:-20]),
    "encrypted, or what looks so": signed(lambda found: "a.b.c.d.e"),
    "no token at all": signed(lambda found: None),
    "an object for a token": signed(lambda found: {"sub": "s1"}),
    "of another issuer": claims(iss=ELSEWHERE),
    "of an issuer with a slash more": lambda forger: claims(iss=f"{forger.issuer}/")(forger),
    "of no issuer": claims(iss=None),
    "for another program": claims(aud="payroll"),
    "for no program": claims(aud=None),
    "for us and another, and authorised for neither": claims(aud=[CLIENT, "payroll"]),
    "for us and another, authorised for the other": claims(aud=[CLIENT, "payroll"], azp="payroll"),
    "for us, authorised for another": claims(azp="payroll"),
    "for the nonce of another browser": claims(nonce="x" * 43),
    "for no nonce": claims(nonce=None),
    "for an empty nonce": claims(nonce=""),
    "for a nonce that is no text": claims(nonce=["x"]),
    "over": at(exp=-120, iat=-300),
    "without an end": claims(exp=None),
    "with an end that is no number": claims(exp="soon"),
    "made in the future": at(iat=300, exp=600),
    "made an hour ago": at(iat=-3600),
    "without a beginning": claims(iat=None),
    "not valid yet": at(nbf=300),
    "without a subject": claims(sub=None),
    "with an empty subject": claims(sub=""),
    "with a blank subject": claims(sub="  "),
    "with a subject that is a number": claims(sub=1),
    "with a subject without an end": claims(sub="s" * 256),
    "told of somebody else beside the token": told_of_somebody_else,
    "an error of the token endpoint": says(400, {"error": "invalid_grant"}),
    "an error that comes as a success": says(200, {"error": "invalid_grant"}),
    "a token endpoint that fails": says(500, {}),
    "an answer that is a list": says(200, []),
    "an answer that is no JSON": says(200, b"<html>"),
    "an answer without an access token": says(200, lambda answer: {"id_token": answer["id_token"]}),
    "an answer with an access token alone": says(200, {"access_token": "at"}),
    "a provider that took another name meanwhile": discovery(issuer=ELSEWHERE),
    "a provider whose keys come by another protocol": discovery(jwks_uri="ftp://elsewhere.example.org/keys"),
    "a provider without keys": discovery(jwks_uri=None),
    "a provider that promised to name itself, and did not": discovery(
        authorization_response_iss_parameter_supported=True
    ),
}


@pytest.fixture
def bound(forger: Forger, alice: Employee, bob: Employee) -> Forger:
    """Alice has signed in before, so the subject alone identifies her."""
    ProviderSubject.objects.create(account=account_for(alice), issuer=forger.issuer, subject="s1")
    forger.claims = dict(ALICE)
    return forger


def refused(client: StrictClient, answer: Any) -> None:
    assert answer.status_code in (403, 503), words(answer)
    assert "You are not signed in" in words(answer)
    assert signed_in_as(client) == ""
    assert AuditEntry.objects.filter(action__startswith="account.not_signed_on_").count() == 1
    assert not AuditEntry.objects.filter(action__in=["account.signed_on", "account.bound"]).exists()


@pytest.mark.parametrize("name", FORGED)
def test_no_forged_answer_signs_anybody_in(bound: Forger, client: StrictClient, name: str) -> None:
    query = sent(client)
    FORGED[name](bound)
    refused(client, back(client, code=bound.code_for(query["nonce"]), state=query["state"]))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/who"])
def test_nothing_is_fetched_from_where_the_provider_sends_one_on(
    bound: Forger, client: StrictClient, caplog: pytest.LogCaptureFixture, settings: Any, path: str, status: int
) -> None:
    """Following an open redirect at the provider would leak the client secret or the code, or allow false claims."""
    # These settings make the client request the user info as well.
    settings.OIDC_GROUPS_CLAIM, settings.OIDC_HR_GROUP = "groups", "hr"
    bound.claims, bound.who = ALICE, {**ALICE, "groups": []}
    query = sent(client)
    bound.moved[path] = status
    answer = back(client, code=bound.code_for(query["nonce"]), state=query["state"])
    assert (answer.status_code, signed_in_as(client)) == (503, "")
    assert bound.followed == []
    assert "TooManyRedirects" in caplog.text
    bound.moved.clear()
    query = sent(client)
    assert back(client, code=bound.code_for(query["nonce"]), state=query["state"]).status_code == 302
    assert signed_in_as(client) == "A001"


def test_whoever_goes_off_is_not_sent_by_a_description_from_elsewhere(forger: Forger, client: StrictClient) -> None:
    forger.moved["/.well-known/openid-configuration"] = 302
    assert client.get("/login/company/").status_code == 503
    assert forger.followed == []


def test_the_same_answer_unforged_does(bound: Forger, client: StrictClient) -> None:
    """Control case: without it, the tests above would prove nothing."""
    query = sent(client)
    back(client, code=bound.code_for(query["nonce"]), state=query["state"], iss=bound.issuer)
    assert signed_in_as(client) == "A001"


@pytest.mark.parametrize("algorithm", ["RS384", "PS256"])
def test_other_signatures_of_a_private_key_hold_where_the_key_says_so(
    bound: Forger, client: StrictClient, algorithm: str
) -> None:
    bound.keys = {"keys": [jwk(new_key(), kid="old"), jwk(KEY, alg=algorithm)]}
    bound.sign = lambda found: sign(found, algorithm=algorithm)
    query = sent(client)
    back(client, code=bound.code_for(query["nonce"]), state=query["state"])
    assert signed_in_as(client) == "A001"


class TestTheBrowser:
    """Query parameters of the browser's return, which an attacker can set."""

    def test_a_code_that_was_used(self, bound: Forger, client: StrictClient) -> None:
        query = sent(client)
        code = bound.code_for(query["nonce"])
        back(client, code=code, state=query["state"])
        thief = StrictClient()
        refused_there = back(thief, code=code, state=sent(thief)["state"])
        assert refused_there.status_code == 403
        assert signed_in_as(thief) == ""

    def test_a_state_that_was_used(self, bound: Forger, client: StrictClient) -> None:
        query = sent(client)
        back(client, code=bound.code_for(query["nonce"]), state=query["state"])
        client.post("/logout/")
        assert back(client, code=bound.code_for(query["nonce"]), state=query["state"]).status_code == 403
        assert signed_in_as(client) == ""

    def test_a_state_of_another_session(self, bound: Forger, client: StrictClient) -> None:
        """Otherwise a link could sign a victim in to the attacker's account."""
        attacker = StrictClient()
        query = sent(attacker)
        sent(client)
        refused(client, back(client, code=bound.code_for(query["nonce"]), state=query["state"]))

    def test_a_state_that_is_too_old(
        self, bound: Forger, client: StrictClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = sent(client)
        monkeypatch.setattr("allauth.socialaccount.internal.statekit.STATE_TTL", -1)
        refused(client, back(client, code=bound.code_for(query["nonce"]), state=query["state"]))

    def test_the_code_of_another_browser_put_into_this_one(self, bound: Forger, client: StrictClient) -> None:
        """The token holds the nonce of the browser it was made for."""
        other, mine = sent(StrictClient()), sent(client)
        refused(client, back(client, code=bound.code_for(other["nonce"]), state=mine["state"]))

    @pytest.mark.parametrize("query", [{}, {"code": "c"}, {"state": "s"}, {"code": "c", "state": ""}, {"error": "x"}])
    def test_what_is_missing(self, bound: Forger, client: StrictClient, query: dict[str, str]) -> None:
        sent(client)
        refused(client, back(client, **query))

    def test_no_code(self, bound: Forger, client: StrictClient) -> None:
        refused(client, back(client, state=sent(client)["state"]))

    def test_an_error_with_a_code_beside_it(self, bound: Forger, client: StrictClient) -> None:
        query = sent(client)
        code = bound.code_for(query["nonce"])
        refused(client, back(client, code=code, state=query["state"], error="server_error"))

    def test_a_no_at_the_provider(self, bound: Forger, client: StrictClient) -> None:
        answer = back(client, state=sent(client)["state"], error="access_denied")
        refused(client, answer)
        assert "You cancelled the sign-in at Acme" in words(answer)

    def test_the_answer_of_another_provider(self, bound: Forger, client: StrictClient) -> None:
        """Mix-up attack: the client would send one provider's code to another (RFC 9207)."""
        query = sent(client)
        code = bound.code_for(query["nonce"])
        refused(client, back(client, code=code, state=query["state"], iss=ELSEWHERE))
        assert bound.asked == []

    def test_a_provider_that_goes_away_in_between(self, bound: Forger, client: StrictClient) -> None:
        query = sent(client)
        bound.discovery["token_endpoint"] = "http://127.0.0.1:9/token"
        answer = back(client, code=bound.code_for(query["nonce"]), state=query["state"])
        refused(client, answer)
        assert answer.status_code == 503

    @pytest.mark.parametrize("method", ["post", "put", "head"])
    def test_another_method(self, bound: Forger, client: StrictClient, method: str) -> None:
        query = sent(client)
        send = getattr(client, method)
        code = bound.code_for(query["nonce"])
        assert send(f"/login/company/back/?code={code}&state={query['state']}").status_code == 405
        assert signed_in_as(client) == ""


class TestThePerson:
    """Correctly signed tokens about people who may not sign in."""

    @staticmethod
    def _comes(forger: Forger, client: StrictClient, **found: Any) -> Any:
        query = sent(client)
        forger.claims = found
        return back(client, code=forger.code_for(query["nonce"]), state=query["state"])

    def test_somebody_who_left(self, bound: Forger, client: StrictClient) -> None:
        people.load("".join(line for line in people.ROSTER.splitlines(True) if "A001" not in line), complete=True)
        answer = self._comes(bound, client, **ALICE)
        refused(client, answer)
        assert "you are not employed today" in words(answer)

    def test_somebody_who_left_before_the_first_sign_in(
        self, bound: Forger, client: StrictClient, alan: Employee
    ) -> None:
        people.load("".join(line for line in people.ROSTER.splitlines(True) if "A002" not in line), complete=True)
        refused(client, self._comes(bound, client, sub="s5", staff_no="A002"))

    def test_somebody_who_begins_later(self, bound: Forger, client: StrictClient) -> None:
        header, *rows = people.ROSTER.splitlines()
        late = [f"{header},started_on", *(f"{row}," for row in rows), "N001,Nina,nina@corp.example.com,,,,2027-01-01"]
        people.load("\n".join(late) + "\n")
        refused(client, self._comes(bound, client, sub="s5", staff_no="N001"))

    def test_an_account_that_was_switched_off(self, bound: Forger, client: StrictClient, alice: Employee) -> None:
        account = account_for(alice)
        account.is_active = False
        account.save(update_fields=["is_active"])
        refused(client, self._comes(bound, client, **ALICE))

    @pytest.mark.parametrize("verified", [False, None, "true", 1, "false"])
    def test_an_address_that_was_not_verified(
        self, forger: Forger, client: StrictClient, alice: Employee, settings: Any, verified: object
    ) -> None:
        settings.OIDC_STAFF_NO_CLAIM = ""
        refused(client, self._comes(forger, client, sub="s5", email="alice@corp.example.com", email_verified=verified))

    def test_the_address_of_somebody_who_has_signed_in_before(
        self, bound: Forger, client: StrictClient, settings: Any
    ) -> None:
        settings.OIDC_STAFF_NO_CLAIM = ""
        refused(client, self._comes(bound, client, sub="s5", email="alice@corp.example.com", email_verified=True))

    def test_an_address_of_nobody(self, forger: Forger, client: StrictClient, alice: Employee, settings: Any) -> None:
        settings.OIDC_STAFF_NO_CLAIM = ""
        refused(client, self._comes(forger, client, sub="s5", email="eve@corp.example.com", email_verified=True))

    def test_an_address_does_not_do_where_a_number_is_asked_for(
        self, forger: Forger, client: StrictClient, alice: Employee
    ) -> None:
        refused(client, self._comes(forger, client, sub="s5", email="alice@corp.example.com", email_verified=True))

    def test_another_claim_called_like_a_staff_number(self, bound: Forger, client: StrictClient, settings: Any) -> None:
        settings.OIDC_STAFF_NO_CLAIM = "employee_id"
        refused(client, self._comes(bound, client, sub="s5", staff_no="A001"))
