"""Only a monitor with the token, or at the port of monitoring, reads figures of the company."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.test import Client

from apps.employees.models import Employee
from apps.monitoring.checks import check_metrics_settings, check_metrics_token_length
from apps.monitoring.middleware import MetricsMiddleware
from tests import people
from tests.monitoring import scraping
from tests.monitoring.scraping import TOKEN, get

pytestmark = pytest.mark.django_db

WRONG = ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer ä€", TOKEN]


def test_without_a_setting_there_is_no_such_address(client: Client) -> None:
    assert get(client).status_code == 404
    assert client.post("/metrics").status_code == 404
    with pytest.raises(MiddlewareNotUsed):
        MetricsMiddleware(lambda request: None)


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer ä€", TOKEN]
)
def test_a_wrong_token_is_refused_without_a_figure(monitored: Client, given: str) -> None:
    response = monitored.get("/metrics", headers={"authorization": given} if given else {})
    assert (response.status_code, response.content) == (401, b"")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_session_of_an_operator_is_no_token(monitored: Client, operator: Employee) -> None:
    assert people.sign_in(monitored, operator).get("/metrics").status_code == 401


def test_the_right_token_reads_and_writes_nothing(monitored: Client) -> None:
    response = get(monitored)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert monitored.post("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 405


def arriving_at(port: int) -> dict[str, object]:
    return {"gunicorn.socket": SimpleNamespace(getsockname=lambda: ("127.0.0.1", port))}


def test_at_the_port_of_monitoring_there_are_the_metrics_and_nothing_else(settings: Any, client: Client) -> None:
    settings.METRICS_PORT = 9200
    scraping.forget()
    # A monitor asks by address, which is no host of the site.
    answers = [
        client.get(path, headers={"host": "10.0.0.5:9200"}, **arriving_at(9200)) for path in ("/metrics", "/login/")
    ]
    assert [answer.status_code for answer in answers] == [200, 404]
    assert client.get("/metrics", **arriving_at(8000)).status_code == 404


def test_a_client_cannot_claim_to_have_come_to_the_port(settings: Any, client: Client) -> None:
    """Behind a Unix socket gunicorn takes SERVER_PORT from the Host header."""
    settings.METRICS_PORT = 9200
    at_unix_socket = {"gunicorn.socket": SimpleNamespace(getsockname=lambda: "/run/hundred.sock")}
    for environ in (at_unix_socket, {}):
        response = client.get("/metrics", SERVER_PORT="9200", headers={"host": "testserver:9200"}, **environ)
        assert response.status_code == 404


def test_with_both_settings_both_are_needed(settings: Any, monitored: Client) -> None:
    settings.METRICS_PORT = 9200
    assert get(monitored).status_code == 404
    assert monitored.get("/metrics", **arriving_at(9200)).status_code == 401


@pytest.mark.parametrize(
    ("token", "port", "found"),
    [
        ("", 0, []),
        (TOKEN, 9200, []),
        ("short", 0, ["hundred.W032"]),
        ("with a space and more than thirty-two characters", 0, ["hundred.E030"]),
        ("é" * 40, 0, ["hundred.E030"]),
        ("", 70000, ["hundred.E031"]),
    ],
)
def test_unusable_settings_are_reported(settings: Any, token: str, port: int, found: list[str]) -> None:
    settings.METRICS_TOKEN, settings.METRICS_PORT = token, port
    messages = [*check_metrics_settings(None), *check_metrics_token_length(None)]
    assert [message.id for message in messages] == found
