"""Employees sign in through the company's provider, each to their own account, while they are employed."""

from typing import Any

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, transaction

from apps.accounts.models import Account, ProviderSubject, Role
from apps.accounts.services import account_for, grant_role
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.accounts.sso.conftest import Trip, back, sent, signed_in_as
from tests.accounts.sso.forger import Forger
from tests.commands import run, say
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db


def actions() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "actor_label"))


def test_the_first_sign_in_finds_the_person_and_binds(trip: Trip, client: StrictClient, alice: Employee) -> None:
    answer = trip(sub="s1", staff_no="A001")
    assert answer["Location"] == "/"
    assert signed_in_as(client) == "A001"
    bound = ProviderSubject.objects.get()
    assert (bound.account.employee, bound.subject) == (alice, "s1")
    assert actions()[-2:] == [
        ("account.bound", f"OpenID provider {bound.issuer}"),
        ("account.signed_on", str(alice.name)),
    ]


def test_an_account_is_made_when_there_was_none(trip: Trip, client: StrictClient, alice: Employee) -> None:
    people.load(people.ROSTER + "N001,Nina,nina@corp.example.com,,,\n")
    trip(sub="s9", staff_no="N001")
    assert signed_in_as(client) == "N001"
    assert not Account.objects.get(employee__staff_no="N001").has_usable_password()


def test_the_browser_is_sent_with_everything_that_ties_the_answer_to_it(
    forger: Forger, client: StrictClient, db: None
) -> None:
    query = sent(client)
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert len(query["nonce"]) >= 43
    assert len(query["state"]) >= 16
    assert query["redirect_uri"] == "http://testserver/login/company/back/"
    assert "openid" in query["scope"].split()
    assert sent(client)["nonce"] != query["nonce"]


def test_the_code_is_fetched_with_the_secret_of_pkce(trip: Trip, forger: Forger, alice: Employee) -> None:
    trip(sub="s1", staff_no="A001")
    (asked,) = forger.asked
    assert len(asked["code_verifier"]) >= 43
    assert asked["grant_type"] == "authorization_code"


def test_afterwards_the_subject_alone_counts(trip: Trip, client: StrictClient, alice: Employee, bob: Employee) -> None:
    """A wrong or reassigned staff number at the provider does not move the account."""
    trip(sub="s1", staff_no="A001")
    again = StrictClient()
    trip(browser=again, sub="s1", staff_no="B001")
    assert signed_in_as(again) == "A001"


def test_a_second_subject_of_a_bound_account_is_refused_and_said(
    trip: Trip, alice: Employee, client: StrictClient
) -> None:
    trip(sub="s1", staff_no="A001")
    thief = StrictClient()
    answer = trip(browser=thief, sub="s2", staff_no="A001")
    assert answer.status_code == 403
    assert "linked to another account at Acme" in words(answer)
    assert signed_in_as(thief) == ""
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.subject_label) == (
        "account.not_signed_on_other_subject",
        account_for(alice).display_name,
    )


def test_an_operator_unties_and_the_next_sign_in_binds_anew(trip: Trip, alice: Employee) -> None:
    trip(sub="s1", staff_no="A001")
    assert "is linked to no account" in say("unbind_sign_on", "A001")[0]
    assert AuditEntry.objects.latest("pk").action == "account.unbound"
    fresh, old = StrictClient(), StrictClient()
    trip(browser=fresh, sub="s2", staff_no="A001")
    assert signed_in_as(fresh) == "A001"
    assert trip(browser=old, sub="s1", staff_no="A001").status_code == 403


def test_the_database_knows_one_subject_for_an_account_and_one_account_for_a_subject(
    alice: Employee, bob: Employee
) -> None:
    mine, his = account_for(alice), account_for(bob)
    ProviderSubject.objects.create(account=mine, issuer="https://a", subject="s1")
    for account, subject in [(mine, "s2"), (his, "s1")]:
        with pytest.raises(IntegrityError), transaction.atomic():
            ProviderSubject.objects.create(account=account, issuer="https://a", subject=subject)


def test_the_same_subject_at_another_provider_is_somebody_else(
    trip: Trip, forger: Forger, alice: Employee, bob: Employee
) -> None:
    """Subjects are unique only per issuer: without it, two companies' first users share an account."""
    ProviderSubject.objects.create(account=account_for(alice), issuer="https://elsewhere.example.org", subject="s1")
    client = StrictClient()
    trip(browser=client, sub="s1", staff_no="B001")
    assert signed_in_as(client) == "B001"


@pytest.mark.parametrize("number", ["", "X999", "a001", "A001\0", None, 1, ["A001"]])
def test_who_is_not_on_the_roster_does_not_come_in(
    trip: Trip, client: StrictClient, alice: Employee, number: object
) -> None:
    answer = trip(sub="s1", staff_no=number)
    assert answer.status_code == 403
    assert "matches no employee on the roster" in words(answer)
    assert signed_in_as(client) == ""
    assert not ProviderSubject.objects.exists()


def test_where_no_claim_is_configured_a_verified_address_finds_the_person(
    trip: Trip, client: StrictClient, alice: Employee, settings: Any
) -> None:
    settings.OIDC_STAFF_NO_CLAIM = ""
    trip(sub="s1", email="Alice@Corp.example.com", email_verified=True)
    assert signed_in_as(client) == "A001"


def test_an_address_that_went_to_somebody_else_opens_nothing(
    trip: Trip, client: StrictClient, alice: Employee, bob: Employee, settings: Any
) -> None:
    settings.OIDC_STAFF_NO_CLAIM = ""
    trip(sub="s1", email="alice@corp.example.com", email_verified=True)
    heir = StrictClient()
    assert trip(browser=heir, sub="s2", email="alice@corp.example.com", email_verified=True).status_code == 403
    assert signed_in_as(heir) == ""
    renamed = StrictClient()
    trip(browser=renamed, sub="s1", email="bob@corp.example.com", email_verified=True)
    assert signed_in_as(renamed) == "A001"


def test_claims_beside_the_token_are_asked_for(
    trip: Trip, forger: Forger, client: StrictClient, alice: Employee
) -> None:
    forger.who = {"sub": "s1", "staff_no": "A001"}
    trip(sub="s1")
    assert signed_in_as(client) == "A001"


def test_one_goes_on_to_where_one_wanted_to_be_within_this_house(trip: Trip, alice: Employee) -> None:
    assert trip("/contacts/", browser=StrictClient(), sub="s1", staff_no="A001")["Location"] == "/contacts/"
    for elsewhere in ("https://elsewhere.example.org/", "//elsewhere.example.org/", "javascript:alert(1)"):
        assert trip(elsewhere, browser=StrictClient(), sub="s1", staff_no="A001")["Location"] == "/"


def test_the_session_is_another_one_after_the_sign_in(
    trip: Trip, forger: Forger, client: StrictClient, alice: Employee
) -> None:
    query = sent(client)
    before = client.session.session_key
    forger.claims = {"sub": "s1", "staff_no": "A001"}
    back(client, code=forger.code_for(query["nonce"]), state=query["state"])
    assert signed_in_as(client) == "A001"
    assert client.session.session_key != before
    assert client.session.get_expiry_age() <= 12 * 3600


def test_the_page_offers_the_provider_first(forger: Forger, client: StrictClient, db: None) -> None:
    page = client.get("/login/?next=/contacts/").content.decode()
    assert page.index("Sign in with Acme") < page.index('name="password"')
    assert 'href="/login/company/?next=/contacts/"' in page


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_link_elsewhere_leads_to_the_button_and_begins_no_session(
    forger: Forger, client: StrictClient, alice: Employee, site: str
) -> None:
    """Otherwise a foreign page with an image of this address could sign its visitors in."""
    clicked = {"headers": {"sec-fetch-site": site}}
    answer = client.get("/login/company/?next=/contacts/", **clicked)
    assert answer["Location"] == "/login/?next=/contacts/"
    assert 'href="/login/company/?next=/contacts/"' in client.get(answer["Location"]).content.decode()
    outside = client.get("/login/company/?next=https://elsewhere.example.org/", **clicked)
    assert outside["Location"] == "/login/?next=/"


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_button_and_a_bookmark_lead_to_the_provider(forger: Forger, client: StrictClient, site: str) -> None:
    answer = client.get("/login/company/", headers={"sec-fetch-site": site})
    assert answer["Location"].startswith(f"{forger.issuer}/authorize?")


def test_passwords_can_be_switched_off(forger: Forger, client: StrictClient, alice: Employee, settings: Any) -> None:
    settings.PASSWORD_SIGN_IN = False
    assert 'name="password"' not in client.get("/login/").content.decode()
    answer = client.post("/login/", {"username": "A001", "password": people.PASSWORD})
    assert answer.status_code == 404
    assert signed_in_as(client) == ""


def test_without_a_provider_none_of_it_is_there(client: StrictClient, alice: Employee) -> None:
    assert "company" not in client.get("/login/").content.decode()
    assert [client.get(f"/login/company/{end}").status_code for end in ("", "back/?code=x&state=y")] == [404, 404]


def test_a_provider_that_is_away_is_no_error_of_ours(
    forger: Forger, client: StrictClient, settings: Any, db: None
) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    answer = client.get("/login/company/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "Acme is not responding" in words(answer)


def test_an_unknown_number_cannot_be_untied(alice: Employee) -> None:
    with pytest.raises(CommandError, match="no employee has the number X1"):
        run("unbind_sign_on", "X1")


class TestGroups:
    """The provider's HR group grants HR at each sign-in and removes it; a role granted in Hundred stays."""

    @pytest.fixture(autouse=True)
    def _configured(self, settings: Any, forger: Forger) -> None:
        settings.OIDC_GROUPS_CLAIM, settings.OIDC_HR_GROUP = "groups", "hundred-hr"

    def test_the_group_grants_and_its_absence_revokes(self, trip: Trip, alice: Employee, forger: Forger) -> None:
        trip(sub="s1", staff_no="A001", groups=["staff", "hundred-hr"])
        assert [*Role.objects.values_list("role", "account__employee__staff_no", "issuer")] == [
            ("hr", "A001", forger.issuer)
        ]
        trip(browser=StrictClient(), sub="s1", staff_no="A001", groups=["staff"])
        assert not Role.objects.exists()
        told = [entry for entry in actions() if entry[0].startswith("role.")]
        assert told == [(f"role.{done}", f"OpenID provider {forger.issuer}") for done in ("granted", "revoked")]

    @pytest.mark.parametrize("groups", [None, "hundred-hr2", {"hundred-hr": 1}, ["HUNDRED-HR"], [["hundred-hr"]]])
    def test_nothing_else_is_the_group(self, trip: Trip, alice: Employee, groups: object) -> None:
        trip(sub="s1", staff_no="A001", groups=groups)
        assert not Role.objects.exists()

    def test_a_role_that_was_granted_here_stays(self, trip: Trip, alice: Employee) -> None:
        grant_role(employee=alice, role="hr", by=people.TESTER)
        trip(sub="s1", staff_no="A001", groups=[])
        assert Role.objects.count() == 1

    def test_a_role_granted_here_too_stays_from_then_on(self, trip: Trip, alice: Employee) -> None:
        trip(sub="s1", staff_no="A001", groups="hundred-hr")
        assert grant_role(employee=alice, role="hr", by=people.TESTER)
        assert not grant_role(employee=alice, role="hr", by=people.TESTER)
        trip(browser=StrictClient(), sub="s1", staff_no="A001", groups=[])
        assert Role.objects.count() == 1

    def test_the_role_opens_what_it_opens(
        self, trip: Trip, client: StrictClient, alice: Employee, campaign: Campaign
    ) -> None:
        trip(sub="s1", staff_no="A001", groups=["hundred-hr"])
        assert client.get("/company/").status_code == 200
