"""`/sign-ins/`: an employee who left a browser open, or whose password leaked, ends the other sessions."""

import pytest
from django.core.management.base import CommandError

from apps.accounts.models import BrowserSession, SecurityEvent
from apps.accounts.services import account_for
from apps.accounts.sessions import public_session_name
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.commands import say
from tests.dashboard.strict import StrictClient, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("campaign")]
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
NOBODY_KNOWS = "<script>alert(1)</script>\x7f" + "x" * 2_000


def browser(agent: str = LINUX, name: str = "A001") -> StrictClient:
    client = StrictClient(headers={"user-agent": agent})
    assert client.post("/login/", {"username": name, "password": people.PASSWORD})["Location"] == "/"
    return client


def name(client: StrictClient) -> str:
    return public_session_name(client.session.session_key or "")


def is_in(client: StrictClient) -> bool:
    return client.get("/").status_code == 200


def test_every_browser_is_listed_by_name_this_one_first(alice: Employee) -> None:
    phone, odd, here = browser(PHONE), browser(NOBODY_KNOWS), browser()
    told = [(row["browser"], row["session"].here) for row in here.get("/sign-ins/").context["rows"]]
    assert told[0] == ("Firefox, Linux", True)
    assert sorted(told[1:]) == [("Mobile Safari, iOS", False), ("Unknown browser", False)]
    text = words(here.get("/sign-ins/"))
    assert "this browser" in text
    assert all(is_in(one) for one in (phone, odd, here))


def test_no_key_of_a_session_is_on_the_page(alice: Employee) -> None:
    other, here = browser(PHONE), browser()
    page = here.get("/sign-ins/").content.decode()
    assert name(other) in page
    for one in (other, here):
        assert one.session.session_key not in page


def test_one_is_signed_out_from_the_next_request_on(alice: Employee) -> None:
    lost, other, here = browser(PHONE), browser(), browser()
    assert here.post(f"/sign-ins/{name(lost)}/end/").status_code == 302
    assert [is_in(one) for one in (lost, other, here)] == [False, True, True]
    assert AuditEntry.objects.filter(action="account.session_ended").count() == 1


def test_twice_or_for_this_one_there_is_nothing_to_end(alice: Employee) -> None:
    lost, here = browser(PHONE), browser()
    address = f"/sign-ins/{name(lost)}/end/"
    here.post(address)
    assert here.post(address).status_code == 404
    assert here.post(f"/sign-ins/{name(here)}/end/").status_code == 404
    assert is_in(here)


def test_all_others_go_at_once(alice: Employee) -> None:
    others, here = [browser(PHONE), browser()], browser()
    assert "2 other browsers are signed out." in words(here.post("/sign-ins/end-others/", follow=True))
    assert [is_in(one) for one in (*others, here)] == [False, False, True]
    assert "0 other browsers are signed out." in words(here.post("/sign-ins/end-others/", follow=True))


def test_colleagues_tokens_are_invisible(alice: Employee, alan: Employee) -> None:
    hers, his = browser(), browser(name="A002")
    assert name(hers) not in his.get("/sign-ins/").content.decode()
    assert his.post(f"/sign-ins/{name(hers)}/end/").status_code == 404
    his.post("/sign-ins/end-others/")
    assert is_in(hers)


def test_what_another_password_has_ended_is_not_listed(alice: Employee) -> None:
    browser(PHONE)
    account = account_for(alice)
    account.set_password("something else entirely")
    account.save()
    here = StrictClient()
    here.post("/login/", {"username": "A001", "password": "something else entirely"})
    assert len(here.get("/sign-ins/").context["rows"]) == 1


def test_an_operator_signs_an_account_out_everywhere(alice: Employee, alan: Employee) -> None:
    hers, on_her_phone, his = browser(), browser(PHONE), browser(name="A002")
    assert "2 sessions ended" in say("end_sessions", "A001")[0]
    assert [is_in(one) for one in (hers, on_her_phone, his)] == [False, False, True]
    entry = AuditEntry.objects.get(action="account.sessions_ended")
    assert "command line" in entry.actor_label
    assert entry.detail == {"sessions": 2}
    assert "0 sessions ended" in say("end_sessions", "A001")[0]


def test_an_unknown_staff_number_is_reported(alice: Employee) -> None:
    with pytest.raises(CommandError, match="no employee has the number X999"):
        say("end_sessions", "X999")


def test_another_password_takes_the_rows_of_the_others_along(alice: Employee) -> None:
    browser(PHONE)
    here = browser()
    new = "something else entirely"
    here.post("/password/", {"old_password": people.PASSWORD, "new_password1": new, "new_password2": new})
    assert BrowserSession.objects.of(account_for(alice)).count() == 1
    assert is_in(here)


# -- A browser that the account had not used -----------------------------------------------------------------------


def notices(employee: Employee) -> list[str]:
    return list(SecurityEvent.objects.filter(account=account_for(employee)).values_list("kind", flat=True))


def test_the_owner_is_mailed_about_a_sign_in_from_another_browser(alice: Employee) -> None:
    """Otherwise a stranger with the password is noticed by chance alone."""
    usual = browser()
    assert notices(alice) == [], "the first sign-in is the owner's own"
    usual.post("/logout/")
    usual.post("/login/", {"username": "A001", "password": people.PASSWORD})
    assert notices(alice) == [], "a browser that is known"
    browser(PHONE)
    assert notices(alice) == ["new_browser"]


def test_a_wrong_password_in_another_browser_is_no_sign_in(alice: Employee) -> None:
    browser()
    StrictClient().post("/login/", {"username": "A001", "password": "wrong"})
    assert notices(alice) == []
