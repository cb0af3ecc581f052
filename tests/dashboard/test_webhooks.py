"""Operators, and no others, decide which servers are informed; a secret is shown once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.second_factors import SESSION_FACTOR_KEY
from apps.core.clock import db_now
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.notifications.webhooks import services
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.people import TESTER

pytestmark = pytest.mark.django_db
PAGE = "/operator/webhooks/"
FORM = {
    "url": "https://hooks.example.com/a?token=geheim", "description": "Payroll", "event_types": ["campaign.frozen"],
    "scheme": "hmac",
}  # fmt: skip


@pytest.fixture
def browser(as_: SignIn, operator: Employee) -> Any:
    return as_(operator)


def added(**more: Any) -> WebhookEndpoint:
    form = FORM | more
    return services.add_endpoint(**form, by=TESTER)[0]


def delivered(endpoint: WebhookEndpoint, state: str = "delivered", **more: Any) -> WebhookDelivery:
    services.send_test_event(endpoint=endpoint, by=TESTER, now=db_now())
    rows = WebhookDelivery.objects.filter(endpoint=endpoint, state="due")
    row = rows.latest("pk")
    rows.update(state=state, ended_at=None if state == "due" else db_now(), attempts=1, **more)
    return row


def secret_on(response: Any) -> str:
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]+", response.content.decode())
    return str(secret)


def test_an_operator_adds_an_endpoint_and_sees_its_secret_once(browser: Any) -> None:
    assert "There are no endpoints" in words(browser.get(PAGE))
    response = browser.post(PAGE, FORM)
    secret = secret_on(response)
    endpoint = WebhookEndpoint.objects.get()
    assert "no-store" in response["Cache-Control"]
    for page in (PAGE, f"{PAGE}{endpoint.pk}/"):
        assert "whsec_" not in browser.get(page).content.decode()
    assert secret not in str(list(AuditEntry.objects.values()))
    text = words(browser.get(PAGE))
    assert "hooks.example.com Payroll Nothing sent yet The result of a campaign is final" in text


def test_the_trail_names_the_host_and_not_the_rest_of_the_address(browser: Any, operator: Employee) -> None:
    """A path often holds a secret of the receiver, and HR and auditors read the trail."""
    browser.post(PAGE, FORM)
    endpoint = WebhookEndpoint.objects.get()
    for action in ("test", "disable", "enable", "rotate", "delete"):
        browser.post(f"{PAGE}{endpoint.pk}/{action}/")
    entries = AuditEntry.objects.filter(action__startswith="webhook.").order_by("pk")
    assert [entry.action.partition(".")[2] for entry in entries] == [
        "added", "tested", "disabled", "enabled", "secret_rotated", "deleted",
    ]  # fmt: skip
    assert {(entry.actor_label, entry.subject_label) for entry in entries} == {("Olga", "hooks.example.com")}
    assert "geheim" not in str(list(entries.values()))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"url": "http://hooks.example.com/"}, "must begin with https://"),
        ({"url": "https://user:password@hooks.example.com/"}, "This is not a valid address"),
        ({"event_types": []}, "Choose at least one."),
        ({"event_types": ["contact.recorded"]}, "Select a valid choice"),
        ({"scheme": "none"}, "Select a valid choice"),
    ],
)
def test_a_form_that_is_refused_comes_back_filled(changed: dict[str, Any], error: str, browser: Any) -> None:
    response = browser.post(PAGE, FORM | changed)
    assert response.status_code == 422
    assert error in words(response)
    assert "Payroll" in response.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_double_click_adds_one_endpoint(browser: Any) -> None:
    browser.post(PAGE, FORM)
    assert "An endpoint with this address already exists." in words(browser.post(PAGE, FORM))
    assert WebhookEndpoint.objects.count() == 1


def test_there_is_a_limit_of_endpoints(browser: Any, noon: Any) -> None:
    for number in range(services.MAX_ENDPOINTS):
        added(url=f"https://hooks.example.com/{number}")
    assert "There can be 20 endpoints at most." in words(browser.post(PAGE, FORM))


def test_a_replaced_secret_is_shown_once_and_five_times_a_day_at_most(browser: Any, noon: Any) -> None:
    address = f"{PAGE}{added().pk}/"
    secrets = {secret_on(browser.post(f"{address}rotate/")) for _time in range(services.MAX_PREVIOUS_SECRETS)}
    assert len(secrets) == services.MAX_PREVIOUS_SECRETS
    text = words(browser.post(f"{address}rotate/", follow=True))
    assert "The secret was replaced too often today." in text
    assert "The replaced secret is still valid" in text


def test_a_key_pair_shows_its_public_key_alone(browser: Any) -> None:
    response = browser.post(PAGE, FORM | {"scheme": "ed25519"})
    endpoint = WebhookEndpoint.objects.get()
    for page in (response, browser.get(f"{PAGE}{endpoint.pk}/"), browser.post(f"{PAGE}{endpoint.pk}/rotate/")):
        text = page.content.decode()
        assert re.search(r"whpk_[A-Za-z0-9+/=]+", text)
        assert "whsk_" not in text
        assert "whsec_" not in text


def test_a_page_of_a_secret_of_another_key_opens(browser: Any, noon: Any, settings: Any) -> None:
    """There the operator replaces the secret."""
    endpoint = added(scheme="ed25519")
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another " * 10
    settings.SECRET_KEY_FALLBACKS = [before]
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secret="unreadable")
    assert browser.get(f"{PAGE}{endpoint.pk}/").status_code == 200
    assert "whpk_" in browser.post(f"{PAGE}{endpoint.pk}/rotate/").content.decode()


def test_deliveries_say_what_the_server_answered_and_when_the_next_attempt_is(browser: Any, noon: Any) -> None:
    endpoint = added()
    delivered(endpoint, status=200, milliseconds=1234)
    delivered(endpoint, state="failed", status=500, error="status", milliseconds=7)
    delivered(endpoint, state="due", error="tls", milliseconds=9)
    text = words(browser.get(f"{PAGE}{endpoint.pk}/"))
    assert "Delivered HTTP 200 · 1,234 ms" in text
    assert "Failed HTTP 500 · 7 ms refused by the server" in text
    assert "Tried again next attempt" in text
    assert " 9 ms no valid certificate, or no TLS" in text
    assert "– · " not in text, "without a status the time stands alone"


def test_a_second_test_event_is_an_attempt_of_the_one_that_waits(browser: Any, noon: Any) -> None:
    """Otherwise a button sends a flood to another server; and after a repair no operator wants to wait for hours."""
    endpoint = added()
    address = f"{PAGE}{endpoint.pk}/test/"
    assert "A test event is on its way." in words(browser.post(address, follow=True))
    tomorrow = db_now() + timedelta(days=1)
    WebhookDelivery.objects.update(due_at=tomorrow, attempts=3, error="connect")
    WebhookEndpoint.objects.update(paused_until=tomorrow)
    assert "A test event is on its way." in words(browser.post(address, follow=True))
    assert WebhookDelivery.objects.get().due_at < db_now()
    endpoint.refresh_from_db()
    assert endpoint.paused_until is None


def test_a_delivery_is_sent_again_once_it_has_ended(browser: Any, noon: Any) -> None:
    endpoint = added()
    row = delivered(endpoint, state="failed", error="status", status=500)
    address = f"{PAGE}{endpoint.pk}/replay/{row.pk}/"
    assert "The event is sent again" in words(browser.post(address, follow=True))
    row.refresh_from_db()
    assert (row.state, row.attempts, row.ended_at) == ("due", 0, None)
    WebhookDelivery.objects.update(claimed_at=db_now())
    assert "This event is being sent now" in words(browser.post(address, follow=True))


def test_a_disabled_endpoint_offers_to_be_enabled_and_nothing_else(browser: Any, noon: Any) -> None:
    endpoint = added()
    row = delivered(endpoint)
    address = f"{PAGE}{endpoint.pk}/"
    text = words(browser.post(f"{address}disable/", follow=True))
    assert "Enable endpoint" in text
    assert "Send again" not in text.partition("Attempts Send again")[2]
    assert "The endpoint is disabled." in words(browser.post(f"{address}test/", follow=True))
    assert "or its endpoint is disabled" in words(browser.post(f"{address}replay/{row.pk}/", follow=True))
    assert "Send test event" in words(browser.post(f"{address}enable/", follow=True))


def test_a_deleted_endpoint_is_gone_with_its_deliveries(browser: Any, noon: Any) -> None:
    endpoint = added()
    delivered(endpoint)
    assert "is deleted" in words(browser.post(f"{PAGE}{endpoint.pk}/delete/", follow=True))
    assert not WebhookDelivery.objects.exists()
    assert browser.get(f"{PAGE}{endpoint.pk}/").status_code == 404
    assert browser.post(f"{PAGE}{endpoint.pk}/delete/").status_code == 404


def test_a_delivery_of_another_endpoint_is_not_found(browser: Any, noon: Any) -> None:
    row = delivered(added())
    other = added(url="https://other.example.com/")
    assert browser.post(f"{PAGE}{other.pk}/replay/{row.pk}/").status_code == 404


def test_an_operator_shows_a_second_factor_first_where_roles_need_one(
    client: Client, operator: Employee, noon: Any, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]
    address = f"{PAGE}{added().pk}/"
    people.sign_in(client, operator)
    for response in (client.get(PAGE), client.get(address), client.post(f"{address}delete/")):
        assert (response.status_code, response.headers["Location"]) == (302, "/second-factor/")
    session = client.session
    session[SESSION_FACTOR_KEY] = True
    session.save()
    assert client.get(PAGE).status_code == 200


def test_a_lost_role_ends_the_access_at_once(browser: Any, operator: Employee) -> None:
    browser.get(PAGE)
    operator.account.role_set.all().delete()
    assert browser.get(PAGE).status_code in (302, 404)


def test_the_page_is_in_chinese_too(browser: Any, noon: Any) -> None:
    endpoint = added(description="薪资", url="https://hooks.example.com/")
    delivered(endpoint, state="failed", status=500, error="status")
    for address in (PAGE, f"{PAGE}{endpoint.pk}/"):
        text = words(browser.get(address, headers={"Accept-Language": "zh-hans"}))
        assert "事件推送" in text
        for english in ("Endpoint", "Deliver", "Failed", "Secret", "Events"):
            assert english not in text
