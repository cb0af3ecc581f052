"""`/deputies/` and its effect: a deputy sees the manager's pages, charts and files of the team, and no more."""

import csv
import io
import uuid
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts import deputies
from apps.accounts.deputies import end_deputyship
from apps.accounts.models import Deputyship
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.exports.models import Export
from tests import files, people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words
from tests.dashboard.test_authorisation import answer, declared
from tests.fixtures import Clock
from tests.people import stands_in

pytestmark = pytest.mark.django_db
KEY = "8d4f0f62-6a1f-4a5e-9a55-0d35a8c8f002"
FRIDAY = "2026-11-27"


@pytest.fixture
def recorded(alice: Employee, alan: Employee, bob: Employee, campaign: Campaign) -> Campaign:
    """Alice at 100, Alan at 30, Bob himself at 7."""
    for employee, count in ((alice, 100), (alan, 30), (bob, 7)):
        people.record(employee, count)
    people.mark()
    return campaign


@pytest.fixture
def deputy(recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn) -> StrictClient:
    """Sam, of Carol's team, who stands in for Bob until Friday."""
    stands_in(bob, stranger)
    return as_(stranger)


def body(response: Any) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode("utf-8-sig")


# -- access
# --------------------------------------------------------------------------------------------------------------


def test_the_team_page_is_the_managers_without_the_manager(
    deputy: StrictClient, bob: Employee, as_: SignIn, clock: Clock
) -> None:
    """Bob's own 7 contacts stay private: Dana sees them above his team, his deputy does not."""
    for query in ("", "?status=red", "?sort=-counted", "?as_of=2026-11-22"):
        mine, theirs = deputy.get(f"/team/B001/{query}"), as_(bob).get(f"/team/B001/{query}")
        assert mine.context["totals"] == theirs.context["totals"]
        assert [one.row for one in mine.context["people"]] == [one.row for one in theirs.context["people"]]
    said = words(deputy.get("/team/B001/"))
    assert "You are the deputy of Bob 白 until Fri 27 Nov 2026" in said
    assert "has 7 of 100" not in said
    assert "has 7 of 100" in words(as_(people.with_account(people.person("D001"))).get("/team/B001/"))


@pytest.mark.parametrize("address", ["/charts/member/B001.json", "/charts/member/D001.json", "/team/D001/"])
def test_the_managers_own_standing_and_all_above_stay_closed(deputy: StrictClient, address: str) -> None:
    assert deputy.get(address).status_code == 404


def test_charts_and_files_of_the_team_are_the_managers_to_the_byte(
    deputy: StrictClient, bob: Employee, as_: SignIn, noon: Clock
) -> None:
    manager = as_(bob)
    noon.set("2026-11-23T13:00:00+08:00")  # the clock is fixed: every line shows its time
    for key in ("histogram", "bands", "curve"):
        address = f"/charts/team/B001/{key}.json"
        assert deputy.get(address).content == manager.get(address).content
    assert deputy.get("/charts/member/A001.json").content == manager.get("/charts/member/A001.json").content
    assert body(deputy.get("/team/B001/standings.csv")) == body(manager.get("/team/B001/standings.csv"))


def test_a_member_is_reached_from_the_team_that_is_stood_in_for(deputy: StrictClient) -> None:
    assert "/team/B001/" in links(deputy.get("/team/A001/"))
    assert "/team/S001/" not in links(deputy.get("/team/A001/"))


def test_navigation_and_landing_know_a_deputy(deputy: StrictClient) -> None:
    assert "/team/" in links(deputy.get("/"))
    assert deputy.get("/team/").headers["Location"] == "/team/B001/"
    assert "/team/B001/standings.csv" in links(deputy.get("/exports/"))


def test_of_two_teams_the_page_of_deputies_offers_both(
    deputy: StrictClient, stranger: Employee, carol: Employee
) -> None:
    stands_in(carol, stranger)
    assert deputy.get("/team/").headers["Location"] == "/deputies/"
    assert {"/team/B001/", "/team/C001/"} <= set(links(deputy.get("/deputies/")))


def test_a_deputy_loses_team_files_with_the_deputyship(
    deputy: StrictClient, stranger: Employee, bob: Employee, recorded: Campaign
) -> None:
    """Access is checked at each download: the deputy must not download the file again after the deputyship."""
    form = deputy.get("/exports/new/standings/").context["form"]
    assert form.initial["team"] == "B001"
    fields = {"key": KEY, "form": "csv", "sort": "staff_no", "team": "B001", "columns": ["staff_no", "counted"]}
    asked = deputy.post("/exports/new/standings/", fields)
    assert asked.status_code == 302
    made = Export.objects.get()
    theirs = files.export(recorded, bob, root=people.person("B001"), columns=["staff_no", "counted"])
    found = list(csv.reader(io.StringIO(body(deputy.get(f"/exports/{made.pk}/file/")))))
    assert found == [["staff_no", "counted"], ["A001", "100"], ["A002", "30"]]
    assert theirs.rows == made.rows
    end_deputyship(deputyship_id=Deputyship.objects.get().pk, by=account_for(bob))
    for address in (f"/exports/{made.pk}/", f"/exports/{made.pk}/file/", f"/exports/{made.pk}/manifest.json"):
        assert deputy.get(address).status_code == 404


def test_a_file_about_the_manager_alone_is_not_a_team_file(
    deputy: StrictClient, stranger: Employee, recorded: Campaign
) -> None:
    about_bob = files.export(recorded, stranger, root=people.person("B001"), single_person=True)
    assert deputy.get(f"/exports/{about_bob.pk}/").status_code == 404


def test_employees_of_another_team_cannot_be_requested(deputy: StrictClient) -> None:
    for number in ("C001", "D001", "X999"):
        fields = {"key": KEY, "form": "csv", "sort": "staff_no", "team": number}
        assert deputy.post("/exports/new/standings/", fields).status_code == 422


def test_before_its_first_day_and_after_its_last_everything_is_as_for_a_stranger(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn, clock: Clock
) -> None:
    stands_in(bob, stranger, starts_on=date(2026, 11, 25))
    addresses = ("/team/B001/", "/team/A001/", "/team/B001/standings.csv", "/charts/team/B001/curve.json")
    for at, status in (("24T12:00", 404), ("26T12:00", 200), ("29T12:00", 404)):
        clock.set(f"2026-11-{at}:00+08:00", ticks=True)
        client = as_(stranger)
        for address in addresses:
            response = client.get(address)
            assert response.status_code == status, (at, address)
            if response.streaming:
                body(response)
            if status == 404:
                nothing = client.get(address.replace("B001", "X999").replace("A001", "X999"))
                assert words(response) == words(nothing)
        assert ("/team/" in links(client.get("/"))) == (status == 200)
        assert client.get("/team/").status_code == (302 if status == 200 else 404)


def test_before_any_campaign_the_team_waits_for_a_deputy_too(
    company: dict[str, Employee], bob: Employee, stranger: Employee, as_: SignIn
) -> None:
    stands_in(bob, stranger)
    assert "You are the deputy of Bob 白" in words(as_(stranger).get("/team/B001/"))
    assert as_(stranger).get("/deputies/").status_code == 200


LENT = (
    "/people/",
    "/team/B001/",
    "/team/A001/",
    "/charts/team/",
    "/charts/member/",
    "/exports/new/",
    "/exports/schedules/",
    "/api/v1/standings/A001/",
)
MANAGERS_ALONE = ("/team/B001/remind/", "/team/A001/help/")  # they carry the manager's own name


@pytest.mark.everywhere
def test_every_other_address_answers_a_deputy_as_a_colleague(
    deputy: StrictClient, alan: Employee, bob: Employee, campaign: Campaign
) -> None:
    """Of all addresses, a deputy gets the manager's responses for the team, and no other of the manager's."""
    bobs = str(files.export(campaign, bob, root=bob).pk)
    seen, wrong = 0, []
    for line in declared():
        address = line["address"].replace("{export}", bobs)
        if "{" in address or address.endswith("*") or address.startswith("/deputies/"):
            continue
        lent = (address.startswith(LENT) or address == "/team/") and address not in MANAGERS_ALONE
        expected = int(line["manager" if lent else "colleague"])
        client = Client(raise_request_exception=False)
        client.cookies.update(deputy.cookies)
        got = answer(client, line["method"], address)
        seen += lent
        if got != expected:
            wrong.append(f"{line['method']} {address}: {got}, not {expected}")
    assert not wrong
    assert seen >= 16


# -- the pages ---------------------------------------------------------------------------------------------------------


def test_a_manager_names_a_deputy_from_the_team_page(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn
) -> None:
    client = as_(bob)
    assert "/deputies/" in links(client.get("/team/B001/"))
    assert "You have no deputy" in words(client.get("/deputies/"))
    sent = client.post("/deputies/", {"key": KEY, "deputy": "sam@corp.example.com", "until": FRIDAY})
    assert (sent.status_code, sent.headers["Location"]) == (302, "/deputies/")
    said = words(client.get("/deputies/"))
    assert "Sam is now the deputy of Bob 白, until Fri 27 Nov 2026." in said
    assert "S001 until Fri 27 Nov 2026" in said
    assert "Sam is your deputy until Fri 27 Nov 2026" in words(client.get("/team/B001/"))
    assert "/team/B001/" in links(as_(stranger).get("/deputies/"))


def test_sent_twice_it_names_once(recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn) -> None:
    client = as_(bob)
    for _ in range(2):
        assert client.post("/deputies/", {"key": KEY, "deputy": "S001", "until": FRIDAY}).status_code == 302
    assert Deputyship.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"deputy": ""}, "deputy"),
        ({"deputy": "X999"}, "deputy"),
        ({"deputy": "Sam"}, "deputy"),
        ({"deputy": "S00"}, "deputy"),
        ({"deputy": "B001"}, "deputy"),
        ({"until": ""}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"until": "2026-11-22"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"starts_on": "2026-11-22"}, "starts_on"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn, fields: dict[str, str], field: str
) -> None:
    """A part of a number, or a name, finds no one: the page is no directory."""
    sent = as_(bob).post("/deputies/", {"key": KEY, "deputy": "S001", "until": FRIDAY, **fields})
    assert sent.status_code == 422
    assert f'_{field}_error">' in sent.content.decode()
    assert "Sam" not in words(sent)
    assert not Deputyship.objects.exists()


@pytest.mark.parametrize("name", ["S001", "sam@corp.example.com", "X999"])
def test_days_that_are_refused_do_not_say_who_is_on_the_roster(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn, name: str
) -> None:
    sent = as_(bob).post("/deputies/", {"key": KEY, "deputy": name, "until": "2026-11-22"})
    assert "This date has passed" in words(sent)
    assert "No employee on the roster" not in words(sent)


@pytest.mark.parametrize("name", ["A001", "X999", "nobody@corp.example.com"])
def test_a_form_that_was_sent_before_does_not_say_who_is_on_the_roster(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn, name: str
) -> None:
    """Its key names no second deputy, so no trail would tell HR of the question."""
    client = as_(bob)
    for deputy in ("S001", name):
        sent = client.post("/deputies/", {"key": KEY, "deputy": deputy, "until": FRIDAY})
        assert (sent.status_code, sent.headers["Location"]) == (302, "/deputies/")
    assert Deputyship.objects.get().deputy == stranger


def test_a_leaver_of_another_team_is_nobody_to_a_manager_and_a_leaver_to_hr(
    recorded: Campaign, bob: Employee, stranger: Employee, hr: Employee, as_: SignIn, clock: Clock
) -> None:
    people.load("staff_no,name,email,left_on\nS001,Sam,sam@corp.example.com,2026-11-23")
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    form = {"key": KEY, "deputy": "S001", "until": FRIDAY}
    answers = [words(as_(bob).post("/deputies/", form | {"deputy": number})) for number in ("S001", "X999")]
    assert all("No employee on the roster has this" in answer for answer in answers)
    assert "not employed at that time" in words(as_(hr).post("/company/deputies/", form | {"manager": "B001"}))


def test_a_planned_leaving_is_not_told_by_the_form(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn
) -> None:
    people.load("staff_no,name,email,left_on\nS001,Sam,sam@corp.example.com,2026-11-24")
    form = {"key": KEY, "deputy": "S001", "starts_on": "2026-11-26", "until": FRIDAY}
    assert as_(bob).post("/deputies/", form).status_code == 302


def test_naming_and_ending_in_a_loop_does_not_fill_the_queue_of_mails(
    recorded: Campaign, bob: Employee, stranger: Employee, hr: Employee, as_: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deputies, "MAX_NAMED_FOR_TEAM", 2)
    client = as_(bob)
    for _time in range(2):
        form = {"key": str(uuid.uuid4()), "deputy": "S001", "until": FRIDAY}
        assert client.post("/deputies/", form).status_code == 302
        client.post(f"/deputies/{Deputyship.objects.latest('pk').pk}/end/")
    for name in ("S001", "X999"):
        refused = client.post("/deputies/", {"key": str(uuid.uuid4()), "deputy": name, "until": FRIDAY})
        assert refused.status_code == 422
        assert "At most 2 deputies can be named in 24 hours" in words(refused), f"for {name}"
    form = {"key": str(uuid.uuid4()), "manager": "B001", "deputy": "S001", "until": FRIDAY}
    assert as_(hr).post("/company/deputies/", form).status_code == 302, "the limit of one user concerns no other"


def test_one_deputy_is_not_named_again_and_again(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn
) -> None:
    """Otherwise each manager fills a colleague's mailbox with mails that cannot be switched off."""
    client = as_(bob)
    for _time in range(deputies.MAX_NAMED_AGAIN):
        form = {"key": str(uuid.uuid4()), "deputy": "S001", "until": FRIDAY}
        assert client.post("/deputies/", form).status_code == 302
        client.post(f"/deputies/{Deputyship.objects.latest('pk').pk}/end/")
    refused = client.post("/deputies/", {"key": str(uuid.uuid4()), "deputy": "S001", "until": FRIDAY})
    assert refused.status_code == 422
    assert "This deputy has been named 5 times in 24 hours" in words(refused)
    form = {"key": str(uuid.uuid4()), "deputy": "C001", "until": FRIDAY}
    assert client.post("/deputies/", form).status_code == 302, "another deputy"


def test_either_ends_it_and_it_ends_on_the_next_request(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn
) -> None:
    for who in (bob, stranger):
        made, client = stands_in(bob, stranger), as_(stranger)
        assert client.get("/team/B001/").status_code == 200
        for _ in range(2):
            assert as_(who).post(f"/deputies/{made.pk}/end/").status_code == 302
        assert client.get("/team/B001/").status_code == 404
        assert client.get("/deputies/").status_code == 404


def test_a_deputy_cannot_name_deputies(deputy: StrictClient) -> None:
    assert 'name="deputy"' not in deputy.get("/deputies/").content.decode()
    assert deputy.post("/deputies/", {"key": KEY, "deputy": "A001", "until": FRIDAY}).status_code == 404


def test_hr_names_lists_and_ends_for_any_manager(
    recorded: Campaign, bob: Employee, carol: Employee, stranger: Employee, hr: Employee, as_: SignIn
) -> None:
    client = as_(hr)
    assert "/company/deputies/" in links(client.get("/company/"))
    assert "No deputies" in words(client.get("/company/deputies/"))
    fields = {"key": KEY, "manager": "B001", "deputy": "S001", "until": FRIDAY}
    assert client.post("/company/deputies/", fields).status_code == 302
    assert as_(stranger).get("/team/B001/").status_code == 200
    stands_in(carol, people.person("A001"))
    page = client.get("/company/deputies/")
    assert {"/team/B001/", "/team/S001/", "/team/C001/", "/team/A001/"} <= set(links(page))
    made = Deputyship.objects.get(manager=bob)
    assert client.post(f"/company/deputies/{made.pk}/end/").status_code == 302
    assert as_(stranger).get("/team/B001/").status_code == 404
    trail = words(client.get("/company/audit/?about=deputy"))
    assert "Named a deputy" in trail
    assert "Ended a deputyship" in trail


def test_hr_reads_who_was_a_deputy_and_how_it_ended(
    recorded: Campaign, bob: Employee, carol: Employee, stranger: Employee, hr: Employee, as_: SignIn, clock: Clock
) -> None:
    ended = stands_in(bob, stranger)
    end_deputyship(deputyship_id=ended.pk, by=account_for(bob))
    stands_in(carol, bob)
    stands_in(bob, carol, until=date(2026, 12, 31))
    page = words(as_(hr).get("/company/deputies/?show=past"))
    assert "Sam S001 Bob 白 B001 from Mon 23 Nov 2026 until Fri 27 Nov 2026" in page
    assert "Carol" not in page, "those of today and later are on the other list"
    clock.set("2026-11-30T12:00:00+08:00", ticks=True)
    people.load(people.ROSTER.replace("C001,Carol,carol@corp.example.com,,Support,D001\n", "").replace(
        "Support,C001", "Support,D001"), complete=True)  # fmt: skip
    client = as_(hr)
    page = words(client.get("/company/deputies/?show=past"))
    assert "after its last day" in page
    assert "because one of them left the company" in page
    assert "No deputies" in words(client.get("/company/deputies/"))


MANY = """Manager;Deputy;Last day
B001; s001; 2026-11-27
C001\ta001\t27.11.2026\t2026-11-25
A001, S001, 2026-11-27
X999; S001; 2026-11-27
B001; A002; soon
"""


def test_hr_names_several_deputies_after_a_preview_and_keeps_the_lines_that_failed(
    recorded: Campaign, bob: Employee, carol: Employee, hr: Employee, as_: SignIn
) -> None:
    client, address = as_(hr), "/company/deputies/many/"
    assert address in links(client.get("/company/deputies/"))
    page = client.post(address, {"key": KEY, "lines": MANY})
    assert not Deputyship.objects.exists(), "a preview names no one"
    assert not AuditEntry.objects.filter(action="deputy.named").exists()
    said = words(page)
    assert "Sam S001 Bob 白 B001 from Mon 23 Nov 2026 until Fri 27 Nov 2026" in said
    assert "Alice 艾 A001 Carol C001 from Wed 25 Nov 2026 until Fri 27 Nov 2026" in said
    assert "This person has no team today" in said
    assert "“X999” is not the staff number or e-mail address of an employee." in said
    assert "A day is missing or cannot be read." in said
    assert "Name 2 deputies" in said
    for _ in range(2):
        page = client.post(address, {"key": KEY, "lines": MANY, "confirmed": "yes"})
        assert page.status_code == 422
        assert "2 deputies are named." in words(page)
        assert Deputyship.objects.count() == 2, "sent twice it has one effect"
    left = page.context["form"]["lines"].value().splitlines()
    assert [line.partition(";")[0].partition(",")[0] for line in left] == ["A001", "X999", "B001"]
    good = client.post(address, {"key": KEY.replace("002", "003"), "lines": "B001;U001;2026-11-27", "confirmed": "y"})
    assert (good.status_code, good.headers["Location"]) == (302, "/company/deputies/")


@pytest.mark.parametrize("lines", ["", " \n", "Manager;Deputy\n", "B001;S001;2026-11-27\n" * 101])
def test_a_list_without_a_line_or_with_too_many_is_refused(hr: Employee, as_: SignIn, lines: str) -> None:
    answer = as_(hr).post("/company/deputies/many/", {"key": KEY, "lines": lines})
    assert answer.status_code == 422
    assert "id_lines_error" in answer.content.decode()


@pytest.mark.parametrize(("manager", "field"), [("X999", "manager"), ("A001", "manager"), ("", "manager")])
def test_hr_reads_that_the_person_is_no_manager(
    recorded: Campaign, stranger: Employee, hr: Employee, as_: SignIn, manager: str, field: str
) -> None:
    sent = as_(hr).post("/company/deputies/", {"key": KEY, "manager": manager, "deputy": "S001", "until": FRIDAY})
    assert sent.status_code == 422
    assert f'_{field}_error">' in sent.content.decode()


def test_the_list_of_all_goes_on_behind_its_page(
    recorded: Campaign, bob: Employee, hr: Employee, as_: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.dashboard.views.team.deputies.PAGE", 2)
    for number in ("S001", "C001", "A001"):
        stands_in(bob, people.person(number))
    client = as_(hr)
    found, address = [], "/company/deputies/"
    while address:
        page = client.get(address)
        found += [one.deputy.staff_no for one in page.context["page"].rows]
        address = page.context["page"].next
    assert found == ["A001", "C001", "S001"]


def test_thirty_deputyships_cost_as_many_queries_as_three(
    recorded: Campaign, bob: Employee, stranger: Employee, as_: SignIn
) -> None:
    """The list of deputies makes as many queries for thirty as for three: each row comes with its people."""

    def count() -> int:
        client = as_(bob)
        with CaptureQueriesContext(connection) as asked:
            client.get("/deputies/")
            client.get("/team/B001/")
        return len(asked)

    stands_in(bob, stranger)
    few = count()
    for number in ("A001", "A002", "C001", "D001", "H001", "U001", "O001"):
        stands_in(bob, people.person(number))
    assert count() == few
