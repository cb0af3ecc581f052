"""Reads of a person's record outside the reader's team are logged, so HR can find out who read it."""

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.accounts.access_log import log_record_access
from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.reviews.models import Review
from tests import people, reminding, reviewing
from tests.fixtures import Clock
from tests.people import PASSWORD, sign_in


def looks() -> list[tuple[str, str, str]]:
    """(reader, action, person) of every logged read, in order."""
    found = AuditEntry.objects.filter(action__startswith="person.").order_by("pk")
    return [(one.actor_label, one.action.partition(".")[2], one.subject_id) for one in found]


@pytest.mark.parametrize(
    "address", ["/team/A001/", "/charts/member/A001.json", "/api/v1/standings/A001/", "/api/v1/standings/?root=A001"]
)
def test_hr_who_opens_a_standing_leaves_an_entry(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee, address: str
) -> None:
    assert sign_in(client, hr).get(address).status_code == 200
    assert looks() == [("Hedda", "standing_read", "A001")]


def test_a_leaders_page_shows_their_own_number_too(client: Client, campaign: Campaign, hr: Employee) -> None:
    sign_in(client, hr).get("/team/B001/")
    assert looks() == [("Hedda", "standing_read", "B001")]


@pytest.mark.parametrize("address", ["/company/", "/api/v1/standings/", "/company/reviews/", "/company/adjustments/"])
def test_a_list_is_no_look(client: Client, campaign: Campaign, hr: Employee, address: str) -> None:
    assert sign_in(client, hr).get(address).status_code == 200
    assert looks() == []


SEARCHES = (
    "/company/?q=alice", "/company/?q=A001", "/company/standings.csv?q=alice", "/team/D001/?q=alice",
    "/api/v1/standings/?q=A001", "/company/?department=Sales&q=alic", "/company/reviews/?q=alice",
)  # fmt: skip


@pytest.mark.parametrize("address", SEARCHES)
def test_a_search_that_ends_in_one_person_is_a_look(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee, address: str
) -> None:
    """Otherwise a search for a name would read a person's number without a log entry."""
    reviewing.ask(campaign, alice)
    response: Any = sign_in(client, hr).get(address)
    assert response.status_code == 200
    if response.streaming:
        list(response.streaming_content)
    assert ("Hedda", "standing_read", "A001") in looks()


@pytest.mark.parametrize(
    "address",
    [
        "/charts/company/histogram.json?department=One",
        "/charts/team/A001/histogram.json",
        "/api/v1/standings/?root=A001",
        "/team/A001/",
        "/team/A001/remind/",
    ],
)
def test_a_chart_or_team_of_one_person_is_a_look(
    client: Client, campaign: Campaign, hr: Employee, address: str
) -> None:
    """Otherwise a department or team of one person tells HR that person's number without a log entry."""
    people.load("staff_no,name,email,department,manager_staff_no\nA003,Ann,ann@corp.example.com,One,A001\n")
    people.mark()
    assert sign_in(client, hr).get(address).status_code == 200
    assert ("Hedda", "standing_read", "A003") in looks()


def test_a_sent_reminder_to_one_person_is_a_look(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    text, shown = reminding.text(), reminding.preview(campaign, hr, q="A001").seen
    fields = {"text": text.pk, "seen": shown, "key": str(uuid.uuid4())}
    assert sign_in(client, hr).post("/company/remind/?q=A001", fields).status_code == 302
    assert looks() == [("Hedda", "standing_read", "A001")]


def test_the_length_of_an_unsent_file_is_a_look_too(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    """Otherwise HEAD requests with one status after the other read a person's standing without a log entry."""
    response: Any = sign_in(client, hr).head("/company/standings.csv?q=alice&status=red")
    list(response.streaming_content)  # closes its file
    assert response.status_code == 200
    assert looks() == [("Hedda", "standing_read", "A001")]


@pytest.mark.parametrize(
    "address", ["/company/?q=nobody-typed@secret.example", "/company/?q=al", "/company/?status=red"]
)
def test_a_search_that_ends_in_nobody_or_several_is_none_and_what_was_typed_is_not_kept(
    client: Client, campaign: Campaign, hr: Employee, address: str
) -> None:
    before = AuditEntry.objects.count()
    assert sign_in(client, hr).get(address).status_code == 200
    assert looks() == []
    assert AuditEntry.objects.count() == before


def test_a_page_key_hides_no_search_that_ends_in_one_person(
    client: Client, campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    """A page key fits no other list: pages show the first page of the search, and the API refuses the key."""
    for person in (alice, alan):
        reviewing.ask(campaign, person)
        people.ask(campaign=campaign, employee=person, exempt=True)
    sign_in(client, hr)
    first = client.get("/api/v1/standings/?sort=name&limit=1").json()["next"]
    key = parse_qs(urlsplit(first).query)["after"][0]
    review = Review.objects.get(employee=alice)
    for address in (
        "/company/?sort=-counted&q=A001&after=Wy0xMDAwMDAwLCAiIl0",
        f"/company/reviews/?q=alan&after={review.pk}",
        f"/company/adjustments/?show=all&q=alice&after={10**17}",
    ):
        assert client.get(address).status_code == 200
    assert client.get(f"/api/v1/standings/?sort=name&q=S001&after={key}").status_code == 400
    standings = [("standing_read", whom) for whom in ("A001", "A002")]
    assert [(what, whom) for _who, what, whom in looks()] == [*standings, ("adjustment_read", "A001")]


def test_a_leaders_search_in_the_own_team_is_none(client: Client, campaign: Campaign, bob: Employee) -> None:
    assert sign_in(client, bob).get("/team/B001/?q=alice").status_code == 200
    assert looks() == []


def test_a_search_among_adjustments_that_ends_in_one_person_is_a_look(
    client: Client, campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    for person in (alice, alan):
        people.ask(campaign=campaign, employee=person, exempt=True)
    sign_in(client, hr).get("/company/adjustments/?show=all&q=alice")
    assert looks() == [("Hedda", "adjustment_read", "A001")]


def test_nobody_is_told_of_for_looking_at_themself_or_down_their_own_tree(
    client: Client, campaign: Campaign, alice: Employee, bob: Employee, dana: Employee
) -> None:
    for reader, address in (
        (alice, "/team/A001/"), (bob, "/team/A001/"), (bob, "/team/B001/"), (dana, "/team/A001/"),
        (bob, "/api/v1/standings/A001/"), (alice, "/api/v1/me/standing/"),
    ):  # fmt: skip
        assert sign_in(client, reader).get(address).status_code == 200
    people.with_account(bob, "hr")
    sign_in(client, bob).get("/team/A001/")
    assert looks() == []
    sign_in(client, bob).get("/team/S001/")
    sign_in(client, bob).get("/team/D001/")
    assert looks() == [("Bob 白", "standing_read", "S001"), ("Bob 白", "standing_read", "D001")]


def test_a_page_that_is_loaded_again_is_one_look_in_an_hour(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    sign_in(client, hr)
    for at, address in (("12:00", "/team/A001/"), ("12:01", "/charts/member/A001.json"), ("12:59", "/team/A001/")):
        clock.set(f"2026-11-23T{at}:00+08:00", ticks=True)
        client.get(address)
    assert len(looks()) == 1
    clock.set("2026-11-23T13:01:00+08:00", ticks=True)
    client.get("/team/A001/")
    client.get("/team/A002/")
    assert [whom for _who, _what, whom in looks()] == ["A001", "A001", "A002"]


def test_what_is_not_there_for_a_reader_is_no_look(client: Client, campaign: Campaign, alice: Employee) -> None:
    assert sign_in(client, alice).get("/team/B001/").status_code == 404
    assert looks() == []


def test_hr_who_opens_a_persons_adjustment_leaves_an_entry(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    asked = people.ask(campaign=campaign, employee=alice, exempt=True)
    assert sign_in(client, hr).get(f"/company/adjustments/{asked.pk}/?campaign={campaign.slug}").status_code == 200
    assert looks() == [("Hedda", "adjustment_read", "A001")]


@pytest.mark.parametrize("kind", ["employees/employee", "accounts/account", "accounts/role"])
def test_operators_who_open_a_person_in_the_admin_leave_an_entry(client: Client, campaign: Campaign, kind: str) -> None:
    alice = people.with_account(people.person("A001"), "auditor")
    account = account_for(alice)
    ids = {"employee": alice.pk, "account": account.pk, "role": account.role_set.get().pk}
    what = {"employee": "roster"}.get(kind.split("/")[1], "account")
    sign_in(client, people.with_account(people.person("O001"), "operator"))
    assert client.get(f"/admin/{kind}/").status_code == 200
    assert looks() == []
    assert client.get(f"/admin/{kind}/{ids[kind.split('/')[1]]}/change/").status_code == 200
    assert looks() == [("Olga", f"{what}_read", "A001")]


def test_a_look_down_the_own_tree_asks_nothing(
    client: Client, campaign: Campaign, alice: Employee, dana: Employee, hr: Employee, django_assert_num_queries: Any
) -> None:
    """A manager's reads are not logged, so they must not cost a query."""
    reader, person = account_for(people.person("D001")), people.person("A001")
    reader = Account.objects.select_related("employee__node").get(pk=reader.pk)
    with django_assert_num_queries(0):
        log_record_access(reader, person, "standing")


# -- sign-ins --------------------------------------------------------------------------------------------------------


def events() -> list[tuple[str, str, str]]:
    """(actor, action, account) of every sign-in event, in order."""
    found = AuditEntry.objects.filter(action__startswith="account.").order_by("pk")
    names = [(one.actor_label, one.action.partition(".")[2], one.subject_label) for one in found]
    return [one for one in names if one[1] != "created"]


def test_coming_going_and_being_refused_are_told(client: Client, alice: Employee) -> None:
    client.post("/login/", {"username": "A001", "password": "guessed"})
    client.post("/login/", {"username": "A001", "password": PASSWORD})
    client.post("/logout/")
    client.post("/logout/")
    assert events() == [("?", "sign_in_refused", "Alice 艾"), ("Alice 艾", "signed_in", "Alice 艾"),
                        ("Alice 艾", "signed_out", "Alice 艾")]  # fmt: skip


def test_what_was_typed_for_a_name_is_not_kept(client: Client, alice: Employee) -> None:
    """Users sometimes type their password into the name field."""
    for typed in ("my-secret-password", "nul\0", ""):
        client.post("/login/", {"username": typed, "password": "x"})
    assert events() == [("?", "sign_in_refused", "")]
    assert "secret" not in str(list(AuditEntry.objects.values()))


def test_a_thousand_guesses_are_an_entry_a_minute_and_each_place_has_its_own(
    client: Client, alice: Employee, clock: Clock
) -> None:
    for at, address in (("12:00:00", "10.0.0.1"), ("12:00:30", "10.0.0.1"), ("12:00:40", "10.0.0.2"),
                        ("12:01:10", "10.0.0.1")):  # fmt: skip
        clock.set(f"2026-11-23T{at}+08:00", ticks=True)
        client.post("/login/", {"username": "A001", "password": "guessed"}, REMOTE_ADDR=address)
    origins = (
        AuditEntry.objects.filter(action="account.sign_in_refused").order_by("pk").values_list("origin", flat=True)
    )
    assert list(origins) == ["page 10.0.0.1", "page 10.0.0.2", "page 10.0.0.1"]


def test_a_hash_that_is_renewed_at_a_sign_in_is_the_houses(client: Client, alice: Employee, settings: Any) -> None:
    """Otherwise every sign-in after an upgrade looks like a manually written password."""
    settings.PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("PBKDF2SHA1", "MD5")]
    client.post("/login/", {"username": "A001", "password": PASSWORD})
    assert [what for _who, what, _whom in events()] == ["password_hashed_anew", "signed_in"]
