"""`/company/`: HR gets from every number to its employees; an auditor reads sums that reveal no employee."""

import re
from datetime import date

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.standings import build_summaries
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db

# Besides the nine people of every test: five more in Sales, and one without a department.
MORE = [f"X00{n},Xaver {n},x{n}@corp.example.com,,{'Sales' if n else ''},B001" for n in range(6)]


@pytest.fixture
def recorded(campaign: Campaign, alice: Employee, alan: Employee) -> Campaign:
    """Eight in Sales, one of them at 100, one at 30; the other departments have one or two each."""
    people.load(people.ROSTER + "\n".join(MORE) + "\n")
    people.record(alice, 100)
    people.record(alan, 30)
    people.mark()
    return campaign


def shown(client: StrictClient, address: str) -> set[str]:
    """Staff numbers in the list behind an address."""
    return {one.row.staff_no for one in client.get(address.replace("#list", "")).context["people"]}


def table(client: StrictClient, key: str) -> dict[str, list[tuple[str, str]]]:
    """The table of a chart: by the first cell, (text, address) of the others."""
    [picture] = [one for one in client.get("/company/").context["charts"] if one.key == key]
    return {row[0].text: [(cell.text, cell.url) for cell in row[1:]] for row in picture.rows}


def test_hr_gets_from_how_many_are_under_the_target_to_who_they_are(
    as_: SignIn, hr: Employee, recorded: Campaign
) -> None:
    """ "14 of 15 are still below target": the page must link to these 14, over the whole company."""
    client = as_(hr)
    page = client.get("/company/")
    assert "14 of 15 are still below target" in words(page)
    assert "/company/?status=red#list" in links(page)
    found = shown(client, "/company/?status=red")
    assert len(found) == 14
    assert "A001" not in found
    assert shown(client, "/company/?status=done") == {"A001"}
    assert len(shown(client, "/company/?status=all")) == 15


def test_a_campaign_that_has_not_opened_is_not_said_to_have_no_employees(
    as_: SignIn, hr: Employee, bob: Employee, noon: object
) -> None:
    people.november(opens_on=date(2026, 11, 26), deadline=date(2026, 12, 31))
    people.mark()
    for reader, address in ((hr, "/company/"), (bob, "/team/")):
        said = words(as_(reader).get(address, follow=True))
        assert "Opens Thu 26 Nov, 00:00 The numbers appear here when the campaign opens." in said


def test_a_day_of_the_way_there_leads_to_who_was_under_the_target_at_its_end(
    as_: SignIn, hr: Employee, recorded: Campaign, clock: Clock
) -> None:
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    rows = list(table(as_(hr), "under").values())
    assert [cell for [cell] in rows[:3]] == [
        ("14", "/company/?status=red#list"),
        ("14", "/company/?status=red&as_of=2026-11-24#list"),
        ("14", "/company/?status=red&as_of=2026-11-23#list"),
    ]
    assert rows[3][0] == ("15", "/company/?status=red&as_of=2026-11-22#list")
    found = as_(hr).get("/company/?as_of=2026-11-23&status=red").context
    assert found["totals_of_list"].people == 14
    assert found["scope"].day == date(2026, 11, 23)


def test_every_number_of_a_department_leads_to_its_people(as_: SignIn, hr: Employee, recorded: Campaign) -> None:
    """Also for people without a department, who are in no other list."""
    client = as_(hr)
    rows = table(client, "departments")
    assert set(rows) == {"Sales", "Support", "Board", "People", "Audit", "IT", "without a department"}
    for name, cells in rows.items():
        sizes = [int(re.match(r"\d+", text).group()) for text, _url in cells[:3]]  # type: ignore[union-attr]
        assert sizes == [len(shown(client, url)) for _text, url in cells[:3]], name
    assert shown(client, rows["Sales"][1][1]) == {"A001"}
    assert shown(client, rows["without a department"][0][1]) == {"X000"}
    page = client.get("/company/?department=+")
    assert '<option value=" " selected>without a department</option>' in page.content.decode()
    assert "department=+" in page.context["csv"]
    form = client.get(page.context["export"])
    assert form.context["form"]["department"].initial == " ", "a file of everybody would be somebody else's list"


def test_the_total_of_contacts_stands_beside_how_it_came_about(
    as_: SignIn, hr: Employee, bob: Employee, alan: Employee, recorded: Campaign
) -> None:
    """Each indicator has a base, an instant and a meaning, and links to its employees."""
    people.record_one(alan, ("handle", "again"))
    people.record_one(alan, ("handle", "again"))
    people.mark()
    for reader, path, everybody, zero in ((hr, "/company/", 15, 13), (bob, "/team/B001/", 8, 6)):
        client = as_(reader)
        page = client.get(path)
        said = words(page)
        assert "131 counted contacts: data quality" in said
        assert "100 % 131 of the counted contacts were recorded today or yesterday · as of today 12:00" in said
        assert "0 % 0 contacts ended within 7 days of being recorded" in said
        assert "1 of 132 submitted by employees was a duplicate and was not recorded" in said
        assert f"{zero} of {everybody} people are at 0: no counted contacts" in said
        assert f"{path}?status=at_zero#list" in links(page)
        assert len(shown(client, f"{path}?status=at_zero")) == zero
        assert shown(client, f"{path}?status=handed_in_twice") == {"A002"}
        assert shown(client, f"{path}?status=ended_soon") == set()
        assert any(address.startswith("/exports/new/days/") for address in links(page))


def test_a_past_day_says_what_was_fresh_then(as_: SignIn, hr: Employee, recorded: Campaign, clock: Clock) -> None:
    clock.set("2026-11-26T12:00:00+08:00", ticks=True)
    client = as_(hr)
    assert "0 of the counted contacts were recorded today or yesterday" in words(client.get("/company/"))
    then = words(client.get("/company/?as_of=2026-11-23"))
    assert "130 of the counted contacts were recorded on the two days before · as of the end of Mon 23 Nov" in then
    before = words(client.get("/company/?as_of=2026-11-22"))
    assert "0 counted contacts: data quality" in before


def test_totals_of_a_large_company_show_their_own_instant(
    as_: SignIn, hr: Employee, alan: Employee, recorded: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader must not take a total of some minutes ago for the current one; the list is current."""
    monkeypatch.setattr(build_summaries, "MIN_SUMMARY_PEOPLE", 1)
    build_summaries.update_summaries()
    clock.set("2026-11-23T12:10:00+08:00", ticks=True)
    people.record(alan, 1)
    page = as_(hr).get("/company/")
    said = words(page)
    assert "as of 12:00" in said
    assert "12:10" not in said
    assert "130 contacts count" in said
    assert {row.row.counted for row in page.context["people"]} == {0, 31, 100}
    people.mark()
    build_summaries.update_summaries()
    said = words(as_(hr).get("/company/"))
    assert "as of 12:10" in said
    assert "131 contacts count" in said


# -- the auditor ---------------------------------------------------------------------------------------------------


def test_an_auditor_reads_sums_without_links_to_employees(as_: SignIn, auditor: Employee, recorded: Campaign) -> None:
    client = as_(auditor)
    page = client.get("/company/")
    said = words(page)
    assert "14 red" in said
    assert "130 counted contacts: data quality" in said
    assert "departments of fewer than 5 people are combined as “others”" in said
    for name in ("Alice", "Alan", "Bob", "A001", "B001", "X001", "alan@"):
        assert name not in page.content.decode(), name
    own = {"/", "/contacts/", "/company/", "/company/audit/", "/exports/"}
    inside = {address.partition("?")[0].partition("#")[0] for address in links(page)}
    assert {one for one in inside if one.startswith(("/team", "/company", "/exports"))} <= own
    assert client.get("/company/standings.csv").status_code == 404
    assert client.get("/exports/new/days/").status_code == 404


def test_an_auditor_sees_no_department_of_a_few(as_: SignIn, auditor: Employee, recorded: Campaign) -> None:
    """Uwe is the only employee in Audit: a line of its own would be his standing."""
    client = as_(auditor)
    rows = table(client, "departments")
    assert {name: cells[0] for name, cells in rows.items()} == {"Sales": ("8", ""), "others": ("7", "")}
    drawn = client.get("/charts/company/departments.json").content.decode()
    for name in ("Support", "Board", "People ·", "Audit", "IT", "/company/?"):
        assert name not in drawn, name


@pytest.mark.parametrize("query", ["department=Audit", "q=Uwe", "status=done", "status=red&department=IT", "sort=name"])
def test_an_auditor_cannot_narrow_the_sums_down_to_one(
    as_: SignIn, auditor: Employee, recorded: Campaign, query: str
) -> None:
    """A filter would be a group of one."""
    found = as_(auditor).get(f"/company/?{query}").context
    assert (found["totals"].people, found["data_quality"].indicators[3].whole) == (15, 15)
    assert "people" not in found


def test_an_auditor_of_four_people_sees_no_sum(as_: SignIn, auditor: Employee, campaign: Campaign) -> None:
    lines = people.ROSTER.splitlines(keepends=True)
    people.load("".join([lines[0], lines[1], lines[3].replace(",B001", ",D001"), *lines[8:]]), complete=True)
    people.mark()
    client = as_(auditor)
    page = client.get("/company/")
    assert "Too few people for a total" in words(page)
    assert "charts" not in page.context
    for key in ("under", "departments", "histogram", "sources"):
        assert client.get(f"/charts/company/{key}.json").status_code == 404


def test_an_auditor_who_is_of_hr_has_hrs_page(as_: SignIn, auditor: Employee, recorded: Campaign) -> None:
    people.with_account(auditor, "hr")
    assert len(as_(auditor).get("/company/").context["people"]) == 15


def test_a_managers_own_sub_teams_are_shown_however_small(as_: SignIn, dana: Employee, recorded: Campaign) -> None:
    """A reader who may see single employees sees small groups too."""
    found = as_(dana).get("/team/D001/").context["groups"]
    assert {group.label: group.people for group in found} == {"Bob 白": 8, "Carol": 1}
