"""Sessions end by their owner, by a new password and by time; a stolen session ends the same way."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import BrowserSession
from apps.accounts.services import grant_role
from apps.accounts.sessions import SessionStore
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people

pytestmark = pytest.mark.django_db
SIGN_IN = {"username": "A001", "password": people.PASSWORD}


def browser() -> Client:
    client = Client()
    assert client.post("/login/", SIGN_IN)["Location"] == "/"
    return client


def test_who_signs_out_leaves_a_session_that_opens_nothing(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    stolen = client.cookies["sessionid"].value
    answer = client.post("/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/").status_code == 302
    assert not BrowserSession.objects.filter(session_key=stolen).exists()


def test_another_password_ends_every_other_session(alice: Employee, campaign: Campaign) -> None:
    mine, elsewhere = browser(), browser()
    new = "something else entirely"
    form = {"old_password": people.PASSWORD, "new_password1": new, "new_password2": new}
    assert mine.post("/password/", form).status_code == 302
    assert mine.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


def test_no_page_and_no_form_makes_a_session_live_longer(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    stored = BrowserSession.objects.get(session_key=client.cookies["sessionid"].value)
    was = stored.expire_date - timedelta(days=3)
    BrowserSession.objects.filter(pk=stored.pk).update(expire_date=was)
    for address in ("/", "/contacts/", "/exports/", "/tokens/"):
        assert client.get(address).status_code == 200
    added = client.post("/contacts/add/", {"reach": "grace@outside.example.org", "name": "Grace", "key": str(uuid4())})
    assert added.status_code in (200, 302)
    stored.refresh_from_db()
    assert stored.expire_date == was


def used(client: Client, ago: timedelta) -> None:
    """Set this browser's last use to `ago`."""
    BrowserSession.objects.filter(pk=client.session.session_key).update(seen_at=timezone.now() - ago)


def seen_at(client: Client) -> datetime:
    return BrowserSession.objects.get(pk=client.session.session_key).seen_at


def test_a_session_that_nobody_uses_ends_and_says_so(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    used(client, timedelta(hours=71))
    assert client.get("/").status_code == 200
    used(client, timedelta(hours=73))
    key = client.session.session_key
    answer = client.get("/")
    assert answer["Location"] == "/login/?next=/"
    assert "You were signed out" in client.get(answer["Location"]).content.decode()
    assert not BrowserSession.objects.filter(pk=key).exists()


def test_whoever_sees_more_is_signed_out_sooner(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    used(client, timedelta(minutes=61))
    assert client.get("/").status_code == 200, "as an employee"
    grant_role(employee=alice, role="auditor", by=people.TESTER)
    client = browser()
    assert client.get("/").status_code == 200
    used(client, timedelta(minutes=61))
    assert client.get("/").status_code == 302, "as an auditor"


def test_a_program_of_the_page_is_told_too(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    used(client, timedelta(hours=73))
    assert client.get("/api/v1/me/standing/", headers={"sec-fetch-mode": "cors"}).status_code == 401


def test_a_page_left_open_keeps_nobody_signed_in(alice: Employee, campaign: Campaign) -> None:
    """The page's meter polls every few seconds, with or without a user."""
    client = browser()
    used(client, timedelta(hours=2))
    before = seen_at(client)
    assert client.get("/standing/", headers={"sec-fetch-mode": "cors"}).status_code == 200
    assert seen_at(client) == before
    assert client.get("/", headers={"sec-fetch-mode": "navigate"}).status_code == 200
    assert seen_at(client) > before


def test_looking_writes_only_now_and_then(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    used(client, timedelta(minutes=4))
    before = seen_at(client)
    client.get("/")
    assert seen_at(client) == before


def test_sessions_that_are_over_are_deleted(alice: Employee, campaign: Campaign) -> None:
    gone, stays = browser(), browser()
    BrowserSession.objects.filter(pk=gone.session.session_key).update(expire_date=timezone.now() - timedelta(minutes=1))
    SessionStore.clear_expired()
    assert list(BrowserSession.objects.values_list("pk", flat=True)) == [stays.session.session_key]
