"""Signing in and out, setting a password, choosing a language; and the error pages."""

import uuid

import pytest

from apps.accounts.models import BrowserSession
from apps.accounts.services import account_for, set_password_link
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["A001", "a001", "alice@corp.example.com", "Alice@Corp.Example.com"])
def test_staff_number_or_email_signs_in(client: StrictClient, alice: Employee, name: str) -> None:
    answer = client.post("/login/", {"username": name, "password": people.PASSWORD})
    assert answer["Location"] == "/"


def test_a_wrong_password_keeps_the_name_and_says_no_more_than_it_must(client: StrictClient, alice: Employee) -> None:
    wrong = client.post("/login/", {"username": "A001", "password": "nonsense"})
    nobody = client.post("/login/", {"username": "A001x", "password": "nonsense"})
    assert 'value="A001"' in wrong.content.decode()
    assert words(wrong) == words(nobody)
    assert "Staff number, e-mail or password is wrong" in words(wrong)


def test_signing_in_goes_on_to_where_one_wanted_to_be(client: StrictClient, alice: Employee) -> None:
    assert client.get("/contacts/")["Location"] == "/login/?next=/contacts/"
    signed_in = {"username": "A001", "password": people.PASSWORD}
    assert client.post("/login/", {**signed_in, "next": "/contacts/"})["Location"] == "/contacts/"
    outside = StrictClient().post("/login/", {**signed_in, "next": "https://elsewhere.example.org/"})
    assert outside["Location"] == "/"


def test_signing_out_wants_a_form(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_a_message_that_no_page_has_shown_is_not_for_the_browsers_next_reader(
    as_: SignIn, alice: Employee, bob: Employee, campaign: Campaign
) -> None:
    """A lost connection after ending a contact leaves its name in a cookie."""
    client = as_(alice)
    client.post("/contacts/add/", {"name": "Grace", "reach": "grace@outside.example.org", "key": str(uuid.uuid4())})
    assert client.cookies["messages"].value
    client.post("/logout/")
    assert not client.cookies["messages"].value


def test_a_message_of_a_session_that_has_reached_its_end_is_not_for_the_next_reader(
    as_: SignIn, alice: Employee, bob: Employee, campaign: Campaign
) -> None:
    """No request ends such a session, so nothing could drop its messages before."""
    client = as_(alice)
    form = {"name": "Grace", "reach": "grace@outside.example.org", "key": str(uuid.uuid4())}
    client.post("/contacts/add/", form)
    BrowserSession.objects.all().delete()
    page = client.get("/login/")
    assert "Grace" not in page.content.decode()
    assert not client.cookies["messages"].value, "the text of the cookie can be read"
    people.sign_in(client, alice).post(
        "/contacts/add/", form | {"reach": "b@outside.example.org", "key": str(uuid.uuid4())}
    )
    assert client.cookies["messages"].value
    assert "Grace" not in people.sign_in(client, bob).get("/").content.decode()


def test_a_message_reaches_its_own_reader(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    client.post("/contacts/add/", {"name": "Grace", "reach": "g@outside.example.org", "key": str(uuid.uuid4())})
    assert any("Grace" in str(message) for message in client.get("/").context["messages"])


def test_a_link_sets_the_password_once(client: StrictClient, alice: Employee) -> None:
    link = set_password_link(account_for(alice)).removeprefix("http://testserver")
    page = client.get(link, follow=True)
    address = page.redirect_chain[-1][0]
    fresh = "a longer new password"
    said = client.post(address, {"new_password1": fresh, "new_password2": fresh}, follow=True)
    assert "Your password is set." in words(said)
    assert client.post("/login/", {"username": "A001", "password": fresh})["Location"] == "/"
    assert "has been used or has expired" in words(StrictClient().get(link, follow=True))


def test_two_different_passwords_are_refused_at_the_field(client: StrictClient, alice: Employee) -> None:
    link = set_password_link(account_for(alice)).removeprefix("http://testserver")
    address = client.get(link)["Location"]
    answer = client.post(address, {"new_password1": "one long password", "new_password2": "another long one"})
    assert "error" in answer.content.decode()


def test_a_password_is_changed_with_the_old_one(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    fresh = "a longer new password"
    sent = {"old_password": people.PASSWORD, "new_password1": fresh, "new_password2": fresh}
    assert "Your password is changed." in words(as_(alice).post("/password/", sent, follow=True))


def test_the_language_is_chosen_by_a_form_and_kept(client: StrictClient, db: None) -> None:
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/login/"})
    page = client.get("/login/")
    assert 'lang="zh-hans"' in page.content.decode()
    assert "登录" in words(page)


@pytest.mark.parametrize(("address", "status"), [("/nothing/", 404), ("/?as_of=x", 400), ("/?as_of=0001-01-01", 400)])
def test_errors_have_the_applications_own_page(
    as_: SignIn, alice: Employee, campaign: Campaign, address: str, status: int
) -> None:
    answer = as_(alice).get(address)
    assert answer.status_code == status
    assert "Go to the home page" in words(answer)
