"""How a browser's session ends: by its owner, by another password, by time. A stolen one is worth no more."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from apps.employees.models import Employee
from apps.quotas.models import Campaign
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
    assert not Session.objects.filter(session_key=stolen).exists()


def test_another_password_ends_every_other_session(alice: Employee, campaign: Campaign) -> None:
    mine, elsewhere = browser(), browser()
    new = "something else entirely"
    form = {"old_password": people.PASSWORD, "new_password1": new, "new_password2": new}
    assert mine.post("/password/", form).status_code == 302
    assert mine.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


def test_no_page_and_no_form_makes_a_session_live_longer(alice: Employee, campaign: Campaign) -> None:
    client = browser()
    stored = Session.objects.get(session_key=client.cookies["sessionid"].value)
    was = stored.expire_date - timedelta(days=3)
    Session.objects.filter(pk=stored.pk).update(expire_date=was)
    for address in ("/", "/contacts/", "/exports/", "/tokens/"):
        assert client.get(address).status_code == 200
    added = client.post("/contacts/add/", {"reach": "grace@outside.example.org", "name": "Grace", "key": str(uuid4())})
    assert added.status_code in (200, 302)
    stored.refresh_from_db()
    assert stored.expire_date == was
