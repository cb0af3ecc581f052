"""`/team/` and `/company/`: numbers of the employees below, never contacts, and nothing of other employees."""

from datetime import datetime

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.dashboard.templatetags.dashboard import cell
from apps.employees.models import Employee
from apps.reports.standings_columns import ON_PAGE
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, rows, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded(alice: Employee, alan: Employee, campaign: Campaign) -> Campaign:
    """Alice at 100, Alan at 30."""
    people.record(alice, 100)
    people.record(alan, 30)
    people.mark()
    return campaign


def test_a_manager_lands_on_the_own_team(as_: SignIn, bob: Employee, campaign: Campaign) -> None:
    assert as_(bob).get("/team/")["Location"] == "/team/B001/"


def test_a_team_counts_everyone_below_and_not_its_leader(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    said = words(as_(bob).get("/team/B001/"))
    assert "Team of Bob 白 2 people" in said
    assert "1 red" in said
    assert "1 at target" in said


def test_between_the_deadline_and_the_result_no_team_member_is_red(
    as_: SignIn, bob: Employee, recorded: Campaign, clock: Clock
) -> None:
    clock.set("2026-12-01T00:00:05+08:00", ticks=True)
    client = as_(bob)
    said = words(client.get("/team/B001/"))
    assert "No employee is red until the result is final." in said
    assert "1 below target so far" in said
    assert "being counted" in said
    assert 'class="badge red"' not in client.get("/team/B001/").content.decode()
    assert "Being counted: 70 missing so far" in words(client.get("/team/A002/"))


def test_a_manager_never_sees_a_contact(as_: SignIn, bob: Employee, alice: Employee, recorded: Campaign) -> None:
    people.record_one(alice, ("email", "secret@outside.example.org"), name="Sealed Secret")
    people.mark()
    client = as_(bob)
    for address in ("/team/B001/", "/team/A001/", "/charts/member/A001.json", "/charts/team/B001/curve.json"):
        assert "secret" not in client.get(address).content.decode().lower()


def test_another_managers_team_answers_like_one_that_does_not_exist(
    as_: SignIn, carol: Employee, recorded: Campaign
) -> None:
    client = as_(carol)
    theirs, nobody = client.get("/team/B001/"), client.get("/team/X999/")
    assert (theirs.status_code, nobody.status_code) == (404, 404)
    assert words(theirs) == words(nobody)


def test_a_colleague_never_sees_a_colleague(as_: SignIn, alan: Employee, recorded: Campaign) -> None:
    assert as_(alan).get("/team/A001/").status_code == 404


def test_every_total_is_a_link_to_the_list_it_counts(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    assert "/team/B001/?status=red#list" in links(client.get("/team/B001/"))
    said = client.get("/team/B001/?status=red")
    assert [person.row.staff_no for person in said.context["people"]] == ["A002"]


def test_the_totals_are_red_on_pace_done_and_standing_still(
    as_: SignIn, bob: Employee, alan: Employee, recorded: Campaign, clock: Clock
) -> None:
    """A manager's Monday begins with four numbers, each linked to its people."""
    people.record(alan, 50)
    clock.set("2026-11-28T12:00:00+08:00", ticks=True)
    people.mark()
    client = as_(bob)
    said = words(client.get("/team/B001/"))
    assert "1 red" in said
    assert "0 on pace or ahead" in said
    assert "0 nothing new for a week" in said
    clock.set("2026-11-30T12:00:00+08:00", ticks=True)
    page = client.get("/team/B001/")
    assert "1 nothing new for a week" in words(page)
    assert "behind nothing new for 7 days" in words(page)
    for status in ("red", "keeping_pace", "done", "still"):
        assert f"/team/B001/?status={status}#list" in links(page)
    found = client.get("/team/B001/?status=still").context["people"]
    assert [one.row.staff_no for one in found] == ["A002"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "alan"}, ["A002"]),
        ({"q": "A001"}, ["A001"]),
        ({"q": "nobody"}, []),
        ({"sort": "-counted"}, ["A001", "A002"]),
        ({"sort": "counted"}, ["A002", "A001"]),
        ({"status": "done"}, ["A001"]),
        ({"status": "nonsense"}, ["A002", "A001"]),
    ],
)
def test_the_list_is_searched_sorted_and_filtered(
    as_: SignIn, bob: Employee, recorded: Campaign, query: dict[str, str], expected: list[str]
) -> None:
    found = as_(bob).get("/team/B001/", query).context["people"]
    assert [person.row.staff_no for person in found] == expected


def test_the_list_has_every_column_with_a_heading(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    page = as_(bob).get("/team/B001/")
    text = page.content.decode()
    for column in ON_PAGE:
        assert f">{column.heading}</th>" in text
        for person in page.context["people"]:
            assert f'data-label="{column.heading}">{cell(person.row, column)}</td>' in text


def test_the_csv_is_what_the_filters_show(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    response = as_(bob).get("/team/B001/standings.csv?status=red")
    assert [line["staff_no"] for line in rows(response)] == ["A002"]
    assert response["Content-Disposition"] == 'attachment; filename="standings-november-b001-red-2026-11-23.csv"'


def test_the_csv_beside_a_list_is_that_list(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    """The same people in the same order as of the same day; an address without an order sorts by staff number."""
    client = as_(bob)
    for query in ("sort=-counted", "sort=counted&as_of=2026-11-22", "q=a&sort=name", "status=red"):
        page = client.get(f"/team/B001/?{query}")
        again = client.get(f"/team/B001/?{query}", headers={"HX-Request": "true", "HX-Target": "list"})
        shown = [(one.row.staff_no, str(one.row.counted)) for one in page.context["people"]]
        assert shown
        for answer in (page, again):
            [file] = [link for link in links(answer) if "standings.csv" in link]
            assert [(line["staff_no"], line["counted"]) for line in rows(client.get(file))] == shown, (query, file)
    assert [line["staff_no"] for line in rows(client.get("/team/B001/standings.csv"))] == ["A001", "A002"]


def test_another_day_keeps_the_filters(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    page = as_(bob).get("/team/B001/?q=a&sort=name&as_of=2026-11-22")
    form = page.content.decode().partition('<form method="get" action="/team/B001/" class="fields">')[2]
    form = form.partition("</form>")[0]
    assert '<input type="hidden" name="q" value="a">' in form
    assert '<input type="hidden" name="sort" value="name">' in form
    assert "/team/B001/?q=a&sort=name" in links(page), "and back to now"


def test_a_team_without_sub_teams_shows_no_empty_chart_of_them(
    as_: SignIn, bob: Employee, dana: Employee, campaign: Campaign
) -> None:
    shown = [
        [picture.key for picture in as_(who).get(f"/team/{who.staff_no}/").context["charts"]] for who in (bob, dana)
    ]
    assert shown == [["histogram", "bands", "curve"], ["histogram", "teams", "bands", "curve"]]


def test_the_picture_and_its_table_hold_the_same_numbers(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    pictures = {picture.key: picture for picture in client.get("/team/B001/").context["charts"]}
    table = [row[1].text for row in pictures["histogram"].rows]
    figure = client.get("/charts/team/B001/histogram.json").json()["figure"]
    assert [str(people) for people in figure["data"][0]["y"]] == table


def test_an_employee_without_a_team_has_a_standing_a_curve_and_flips(
    as_: SignIn, bob: Employee, recorded: Campaign
) -> None:
    said = words(as_(bob).get("/team/A001/"))
    assert "100 of 100 counted" in said
    assert "Reached target" in said
    assert "Show as table" in said


def test_a_members_page_says_what_the_target_was_and_not_why(
    as_: SignIn, bob: Employee, alice: Employee, recorded: Campaign, clock: Clock
) -> None:
    tenth = datetime.fromisoformat("2026-11-10T00:00:00+08:00")
    people.adjust(campaign=recorded, employee=alice, target=50, reason="secret illness", starts_at=tenth)
    people.mark()
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    said = words(as_(bob).get("/team/A001/"))
    assert "50 adjusted for this person from Tue 10 Nov" in said
    assert "100 campaign target from Sun 1 Nov" in said
    assert "illness" not in said
    assert "Reached target" not in words(as_(bob).get("/team/A001/?as_of=2026-11-22")), "that was a day later"


def test_as_of_a_day_shows_that_days_end(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    said = words(as_(bob).get("/team/B001/?as_of=2026-11-22"))
    assert "as of the end of Sun 22 Nov" in said
    assert "2 red" in said


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "0000-00-00"])
def test_a_day_that_is_none_is_said_to_be_none(as_: SignIn, bob: Employee, recorded: Campaign, day: str) -> None:
    assert as_(bob).get(f"/team/B001/?as_of={day}").status_code == 400


def test_a_day_that_has_not_ended_is_now(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    assert "1 red" in words(as_(bob).get("/team/B001/?as_of=2026-11-23"))


def test_htmx_gets_the_list_alone(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    answer = as_(bob).get("/team/B001/?status=red", headers={"HX-Request": "true", "HX-Target": "list"})
    assert b"<!doctype" not in answer.content
    assert "1 person in this selection" in words(answer)


def test_hr_sees_the_company_by_department(as_: SignIn, hr: Employee, recorded: Campaign) -> None:
    said = words(as_(hr).get("/company/"))
    assert "9 people" in said
    assert "Sales" in said


def test_hr_filters_by_department(as_: SignIn, hr: Employee, recorded: Campaign) -> None:
    found = as_(hr).get("/company/?department=Sales").context["people"]
    assert {person.row.staff_no for person in found} == {"A001", "A002", "B001"}


def test_a_manager_of_the_whole_company_is_not_hr(as_: SignIn, dana: Employee, recorded: Campaign) -> None:
    assert as_(dana).get("/company/").status_code == 404


def test_exports_offer_what_the_reader_may_take(
    as_: SignIn, hr: Employee, bob: Employee, alice: Employee, recorded: Campaign
) -> None:
    def offered(employee: Employee) -> list[str]:
        return [link for link in links(as_(employee).get("/exports/")) if link.endswith(".csv")]

    assert offered(alice) == ["/exports/my-standing.csv", "/contacts/export.csv"]
    assert offered(bob) == ["/team/B001/standings.csv", "/exports/my-standing.csv", "/contacts/export.csv"]
    assert "/company/standings.csv" in offered(hr)


def test_the_own_csv_has_one_line(as_: SignIn, alice: Employee, recorded: Campaign) -> None:
    (line,) = rows(as_(alice).get("/exports/my-standing.csv"))
    assert (line["staff_no"], line["counted"], line["red"]) == ("A001", "100", "no")


def test_a_chart_answers_304_to_who_has_it(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    for key in ("histogram", "teams", "bands", "curve"):
        first = client.get(f"/charts/team/B001/{key}.json")
        again = client.get(f"/charts/team/B001/{key}.json", headers={"If-None-Match": first["ETag"]})
        assert (first.status_code, again.status_code) == (200, 304), key
        assert "no-store" in first["Cache-Control"]


def test_a_chart_that_is_none_is_404(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    assert as_(bob).get("/charts/team/B001/pie.json").status_code == 404


def test_a_person_outside_the_campaign_is_said_to_be(as_: SignIn, bob: Employee, noon: object) -> None:
    campaign = people.november(scope=["Board"])
    people.mark()
    said = words(as_(bob).get(f"/team/A001/?campaign={campaign.slug}"))
    assert "Not part of November" in said
    assert "No member of this team is in the campaign" in words(as_(bob).get(f"/team/B001/?campaign={campaign.slug}"))


def test_without_a_campaign_the_pages_say_so(as_: SignIn, bob: Employee, hr: Employee) -> None:
    assert "There is no campaign yet" in words(as_(bob).get("/team/B001/"))
    assert "There is no campaign yet" in words(as_(hr).get("/company/"))
    assert "There is no campaign yet" in words(as_(hr).get("/exports/"))


def test_no_contact_changes_when_a_page_is_read(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    before = Contact.objects.count()
    as_(bob).get("/team/B001/")
    assert Contact.objects.count() == before
