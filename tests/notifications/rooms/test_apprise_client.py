"""Apprise itself: which addresses it may have, and what it sends."""

import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from apps.notifications.rooms import apprise_client
from apps.notifications.rooms.apprise_client import InvalidRoomAddress, check_address, post
from tests.notifications.chat_services import Call, Reply, Service, serve

# Apprise imports a module of Python that ends with 3.13.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
TOKEN = "abcdef0123456789"
KEY = "abcdef01-2345-6789-abcd-0123456789ab"


class Robot(Service):
    def act(self, call: Call) -> dict[str, Any]:
        return {"errcode": 0, "errmsg": "ok"}


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Robot]:
    """A DingTalk robot on this machine."""
    plugin = import_module("apprise.plugins.dingtalk").NotifyDingTalk
    service = Robot()
    with serve(service):
        monkeypatch.setattr(plugin, "notify_url", service.url + "/robot/send?access_token={token}")
        monkeypatch.setattr(plugin, "request_rate_per_sec", 0)
        yield service


@pytest.mark.parametrize(
    "address",
    [
        f"dingtalk://{TOKEN}/", f"dingtalk://SECabc@{TOKEN}", f"feishu://{KEY}", f"lark://{KEY}", f"wecombot://{KEY}",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "workflows://prod-1.uksouth.logic.azure.com:443/abcdef/sigsig",
    ],
)  # fmt: skip
def test_the_rooms_of_six_products_can_be_addressed(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("mailto://user:password@mail.example.com", "product"),
        ("json://localhost/", "product"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "product"),
        ("slack://token", "product"),
        ("workflows://10.0.0.1/abc/sig", "host"),
        ("workflows://evil.example/abc/sig", "host"),
        ("workflows://prod-1.logic.azure.com@evil.example/abc/sig", "host"),
        ("workflows://x.logic.azure.com.evil.example/abc/sig", "host"),
        ("workflows://x.logic.azure.com:8443/abc/sig", "host"),
        # Apprise would read that file, not check the certificate, or follow a redirect.
        ("workflows://x.logic.azure.com/abc/sig?template=file:///etc/passwd", "form"),
        (f"dingtalk://{TOKEN}/?verify=no", "form"),
        (f"dingtalk://{TOKEN}/%3Fredirect=yes", "form"),
        (f"dingtalk://{TOKEN}/ json://localhost", "form"),
        (f"dingtalk://{TOKEN}\\@localhost", "form"),
        (f"dingtalk://{TOKEN}\njson://localhost", "form"),
        (f"dingtalk://{TOKEN},json://localhost", "form"),
        ("dingtalk://" + "a" * 500, "form"),
        ("", "form"),
    ],
)
def test_no_address_leads_elsewhere_or_has_an_option(address: str, code: str) -> None:
    with pytest.raises(InvalidRoomAddress) as raised:
        check_address(address)
    assert raised.value.code == code


def test_a_post_arrives_as_text(robot: Robot) -> None:
    assert post(f"dingtalk://{TOKEN}/", "Hundred", "November\n400 contacts count.") is True
    [call] = robot.calls
    assert call.query == {"access_token": TOKEN}
    assert "400 contacts count." in call.body["text"]["content"]


def test_a_refusal_and_a_redirect_are_no_post(robot: Robot) -> None:
    robot.fail("/robot/send", Reply({}, 403), Reply({}, 302, {"Location": f"{robot.url}/elsewhere"}))
    assert [post(f"dingtalk://{TOKEN}/", "Hundred", "text") for _time in range(2)] == [False, False]
    assert {call.path for call in robot.calls} == {"/robot/send"}


def test_no_log_holds_the_address(robot: Robot, caplog: pytest.LogCaptureFixture) -> None:
    robot.fail("/robot/send", Reply({}, 500), Reply(hang_up=True))
    with caplog.at_level(logging.DEBUG):
        for _time in range(3):
            post(f"dingtalk://{TOKEN}/", "Hundred", "text")
        with pytest.raises(InvalidRoomAddress):
            check_address("slack://token")
    assert TOKEN not in caplog.text
    assert apprise_client.is_installed()
