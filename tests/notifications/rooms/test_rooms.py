"""Group rooms: sums alone, only where HR and the manager want them, and no address that a page shows again."""

from datetime import date, timedelta
from typing import Any

import pytest

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.notifications.models import Room
from apps.notifications.processing import process_notifications
from apps.notifications.rooms import apprise_client, digests, services
from apps.notifications.rooms.digests import post_room_digests, room_text, shows_people
from apps.reports.totals import Totals
from tests import people
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
ADDRESS = "dingtalk://thesecrettoken/"


class Apprise:
    """Keeps what is posted, as (address, text); `accepts`: what the product answers."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.accepts = True

    def post(self, address: str, title: str, text: str) -> bool:
        self.posted.append((address, text))
        return self.accepts


@pytest.fixture(autouse=True)
def product(monkeypatch: pytest.MonkeyPatch) -> Apprise:
    """In the place of the optional package, which test_apprise_client tries."""
    fake = Apprise()
    monkeypatch.setattr(apprise_client, "is_installed", lambda: True)
    monkeypatch.setattr(apprise_client, "check_address", lambda address: None)
    monkeypatch.setattr(apprise_client, "post", fake.post)
    return fake


def set_up(manager: Employee | None, by: Employee, **values: str) -> Room:
    """A room from last Friday."""
    room = save(manager, by, **values)
    room.posted_on = date(2026, 11, 20)
    room.save()
    return room


def save(manager: Employee | None, by: Employee, **values: str) -> Room:
    options = {"address": ADDRESS, "every": "day", "language": "en"} | values
    services.save_room(manager=manager, by=account_for(by), **options)
    return Room.objects.get(manager=manager)


def allow(hr: Employee, *, allowed: bool = True) -> None:
    services.allow_team_rooms(allowed=allowed, by=account_for(hr))


# -- Who -----------------------------------------------------------------------------------------------------------


def test_only_hr_sets_up_the_room_of_the_company(hr: Employee, bob: Employee, alice: Employee) -> None:
    for other in (bob, alice):
        with pytest.raises(Refused):
            set_up(None, other)
    set_up(None, hr)
    assert AuditEntry.objects.filter(action="room.set", subject_id="company").count() == 1


def test_a_manager_sets_up_the_room_of_the_own_team_after_hr_s_switch(
    hr: Employee, bob: Employee, carol: Employee, alice: Employee
) -> None:
    with pytest.raises(Refused):
        set_up(bob, bob)
    with pytest.raises(Refused):
        allow(bob)
    allow(hr)
    set_up(bob, bob)
    for manager, other in ((bob, carol), (bob, hr), (alice, alice)):
        with pytest.raises(Refused):
            set_up(manager, other)
    with pytest.raises(Refused):
        services.remove_room(manager=people.person("B001"), by=account_for(carol))
    services.remove_room(manager=people.person("B001"), by=account_for(bob))
    assert not Room.objects.exists()


def test_the_address_is_encrypted_and_in_no_entry(hr: Employee) -> None:
    room = set_up(None, hr)
    assert "thesecrettoken" not in room.address
    assert services.address_of(room) == ADDRESS
    assert not [entry for entry in AuditEntry.objects.all() if "thesecret" in f"{entry.detail}{entry.subject_label}"]


def test_an_address_survives_a_change_of_the_key_and_its_loss_is_reported(
    hr: Employee, campaign: Campaign, clock: Clock, product: Apprise, settings: Any
) -> None:
    room = set_up(None, hr)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
    post_room_digests(clock.now)
    settings.SECRET_KEY_FALLBACKS = []
    room.refresh_from_db()
    assert services.address_of(room) == ADDRESS
    settings.SECRET_KEY = "m" * 50
    clock.set(clock.now() + timedelta(days=1))
    post_room_digests(clock.now)
    room.refresh_from_db()
    assert (room.last_error, len(product.posted)) == ("key_lost", 1)
    assert not services.has_key(room)


# -- What ----------------------------------------------------------------------------------------------------------


def test_a_room_gets_sums_without_a_name(
    hr: Employee, campaign: Campaign, alice: Employee, clock: Clock, product: Apprise
) -> None:
    people.record_one(alice, ("email", "canary@outside.example.org"), name="CANARY")
    people.record(alice, 6)
    people.mark()
    set_up(None, hr)
    post_room_digests(clock.now)
    [(address, text)] = product.posted
    assert address == ADDRESS
    assert "7 contacts count." in text
    assert "http://testserver/" in text
    for name in ("CANARY", "canary@", *Employee.objects.values_list("name", flat=True)):
        assert name not in text


def test_a_small_team_has_no_digest(
    hr: Employee, bob: Employee, campaign: Campaign, clock: Clock, product: Apprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(hr)
    room = set_up(bob, bob)
    monkeypatch.setattr(digests, "MIN_GROUP_SIZE", 100)
    assert room_text(room, clock.now()) == ""
    post_room_digests(clock.now)
    assert product.posted == []
    room.refresh_from_db()
    assert (room.last_error, str(room.posted_on)) == ("too_small", "2026-11-23")
    monkeypatch.setattr(digests, "room_text", lambda *_: pytest.fail("the room was looked at again"))
    post_room_digests(clock.now)
    monkeypatch.setattr(digests, "MIN_GROUP_SIZE", 1)
    assert "contacts count" in (room_text(room, clock.now()) or "")
    monkeypatch.undo()


def test_a_room_without_a_campaign_waits_for_one(hr: Employee, clock: Clock, product: Apprise) -> None:
    """A campaign that begins at noon is posted on the same day."""
    set_up(None, hr)
    post_room_digests(clock.now)
    assert Room.objects.get().posted_on == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("done", "red", "exempt", "shown"),
    [(20, 30, 0, True), (20, 0, 0, True), (20, 30, 5, True), (20, 4, 0, False), (4, 30, 0, False),
     (0, 30, 0, False), (20, 30, 1, False), (0, 0, 0, False)],
)  # fmt: skip
def test_people_are_shown_in_groups_that_hide_each_of_them(done: int, red: int, exempt: int, shown: bool) -> None:
    """Members of a room know each other: "one below the target" would name that person, "all below" each of them."""
    numbers = dict.fromkeys(Totals.__dataclass_fields__, 0)
    totals = Totals(**numbers | {"at_target": done, "red": red, "exempt_below": exempt})
    assert shows_people(totals) is shown


# -- When ----------------------------------------------------------------------------------------------------------


def test_a_digest_comes_once_a_day_or_week_in_the_morning(
    hr: Employee, campaign: Campaign, clock: Clock, product: Apprise
) -> None:
    """It is noon on Monday, 23 November in Shanghai."""
    set_up(None, hr, every="week")
    for _time in range(3):
        process_notifications(clock.now)
    assert len(product.posted) == 1
    clock.set(clock.now() + timedelta(days=1), ticks=True)
    post_room_digests(clock.now)
    assert len(product.posted) == 1
    save(None, hr)
    for hours in (0, 9, 12, 3):
        clock.set(clock.now() + timedelta(hours=hours), ticks=True)
        post_room_digests(clock.now)
    assert len(product.posted) == 3, "at noon on Tuesday, and from nine on Wednesday"


def test_saving_a_room_again_and_again_posts_nothing(
    hr: Employee, campaign: Campaign, clock: Clock, product: Apprise
) -> None:
    """A new room begins on the next day, a replaced one keeps its day."""
    for _time in range(3):
        save(None, hr)
        post_room_digests(clock.now)
    assert product.posted == []
    clock.set(clock.now() + timedelta(days=1), ticks=True)
    for _time in range(3):
        post_room_digests(clock.now)
        save(None, hr)
    assert len(product.posted) == 1


def test_a_return_revives_no_room(
    hr: Employee, bob: Employee, campaign: Campaign, clock: Clock, product: Apprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MIN_GROUP_SIZE", 1)
    allow(hr)
    set_up(bob, bob)
    people.load("staff_no,name,email,left_on\nB001,Bob 白,bob@corp.example.com,2026-11-22\n")
    clock.set(clock.now() + timedelta(days=1), ticks=True)
    people.load(people.ROSTER)
    post_room_digests(clock.now)
    assert product.posted == []
    assert not Room.objects.exists()
    removed = AuditEntry.objects.get(action="room.removed")
    assert (removed.actor_label, removed.subject_id) == ("system", "B001")
    set_up(people.person("B001"), people.person("B001"))
    post_room_digests(clock.now)
    assert len(product.posted) == 1


def test_a_refused_digest_is_not_repeated_on_the_same_day_and_is_reported(
    hr: Employee, campaign: Campaign, clock: Clock, product: Apprise
) -> None:
    product.accepts = False
    room = set_up(None, hr)
    for _time in range(2):
        post_room_digests(clock.now)
    room.refresh_from_db()
    assert (len(product.posted), room.last_error) == (1, "refused")


def test_a_room_ends_with_the_switch_and_with_the_team(
    hr: Employee, bob: Employee, campaign: Campaign, clock: Clock, product: Apprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MIN_GROUP_SIZE", 1)
    allow(hr)
    set_up(bob, bob)
    allow(hr, allowed=False)
    post_room_digests(clock.now)
    assert product.posted == []
    allow(hr)
    people.load("staff_no,name,email,left_on\nB001,Bob 白,bob@corp.example.com,2026-11-22\n")
    post_room_digests(clock.now)
    assert product.posted == []


def test_without_the_package_nothing_is_posted_and_nothing_fails(
    hr: Employee, campaign: Campaign, clock: Clock, product: Apprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(None, hr)
    monkeypatch.setattr(apprise_client, "is_installed", lambda: False)
    assert post_room_digests(clock.now)
    assert product.posted == []
    with pytest.raises(Refused):
        set_up(None, hr)
