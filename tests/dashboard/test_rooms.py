"""`/chat-rooms/`: HR's room of the company and its switch, a manager's room of the team; no address is shown again."""

import pytest

from apps.accounts.services import account_for
from apps.employees.models import Employee
from apps.notifications.models import Room
from apps.notifications.rooms import apprise_client, services
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words

pytestmark = pytest.mark.django_db
PAGE = "/chat-rooms/"
ROOM = {"action": "save", "address": "dingtalk://thesecrettoken/", "every": "week", "language": "en"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the optional package."""

    def check(address: str) -> None:
        if not address.startswith("dingtalk://"):
            raise apprise_client.InvalidRoomAddress("product")

    monkeypatch.setattr(apprise_client, "is_installed", lambda: True)
    monkeypatch.setattr(apprise_client, "check_address", check)


def test_without_the_package_the_page_says_so(as_: SignIn, hr: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise_client, "is_installed", lambda: False)
    page = as_(hr).get(PAGE)
    assert "has not installed the package" in words(page)
    assert 'name="address"' not in page.content.decode()


def test_hr_sets_up_replaces_and_removes_the_room_of_the_company(as_: SignIn, hr: Employee, installed: None) -> None:
    client = as_(hr)
    answer = client.post(PAGE, ROOM | {"place": "company"}, follow=True)
    assert "The group chat is set up." in words(answer)
    assert "It gets a message every week." in words(answer)
    assert "thesecrettoken" not in answer.content.decode()
    refused = client.post(PAGE, ROOM | {"place": "company", "address": "mailto://a:b@example.com"})
    assert refused.status_code == 422
    assert "This is not the address of a group chat" in words(refused)
    assert client.post(PAGE, {"action": "save", "place": "company"}).status_code == 422
    client.post(PAGE, {"action": "remove", "place": "company"})
    assert not Room.objects.exists()


def test_a_manager_has_the_page_after_hr_s_switch(
    as_: SignIn, hr: Employee, bob: Employee, alice: Employee, installed: None
) -> None:
    manager = as_(bob)
    assert manager.get(PAGE).status_code == 404
    assert "Group chat of your team" not in words(manager.get("/notifications/settings/"))
    assert "Managers can set up a group chat now." in words(as_(hr).post(PAGE, {"action": "allow"}, follow=True))
    assert "Group chat of your team" in words(manager.get("/notifications/settings/"))
    assert "/notifications/settings/" in links(manager.get(PAGE)), "the way back"
    assert "/company/notifications/" in links(as_(hr).get(PAGE)), "the way back"
    manager.post(PAGE, ROOM | {"place": "team"})
    assert Room.objects.get().manager_id == bob.pk
    for wrong in ({"place": "company"}, {"place": "other"}, {}):
        assert manager.post(PAGE, ROOM | wrong).status_code == 404
    for action in ("allow", "stop", "erase"):
        assert manager.post(PAGE, {"action": action, "place": "team"}).status_code == 404
    assert as_(alice).get(PAGE).status_code == 404
    as_(hr).post(PAGE, {"action": "stop"})
    assert manager.get(PAGE).status_code == 404
    assert not services.team_rooms_allowed()


def test_the_page_asks_for_the_address_again_after_a_refusal(as_: SignIn, hr: Employee, installed: None) -> None:
    services.save_room(manager=None, address=ROOM["address"], every="day", language="en", by=account_for(hr))
    client = as_(hr)
    assert "Enter the address again." not in words(client.get(PAGE))
    Room.objects.update(last_error="refused")
    assert "Enter the address again." in words(client.get(PAGE))
