"""Standings over the API: the own one, a team's, the company's; now and in the past; page by page."""

from datetime import UTC, date, datetime

import pytest

from apps.api.serializers.standings import AsOfQuery
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.reports.standings_columns import COLUMNS
from apps.reports.standings_report import Standings
from apps.standings import effective_dates
from apps.standings.report_people import WholeCompany
from tests import people
from tests.api.conftest import Signed, code_of, fields_of
from tests.fixtures import Clock
from tests.published import STANDINGS_FILE

pytestmark = pytest.mark.django_db


def numbers(answer: dict) -> list[str]:
    return [row["staff_no"] for row in answer["results"]]


def test_ninety_nine_is_red_and_one_hundred_is_not(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 99)
    people.mark()
    before = as_(alice).read("me/standing/")
    assert before["campaign"] == "november"
    assert before["days_left"] == 8
    standing = before["standing"]
    assert (standing["counted"], standing["remaining"], standing["red"]) == (99, 1, True)
    assert (standing["pace"], standing["needed_per_day"], standing["reached_at"]) == ("ahead", 1, None)
    assert standing["quiet_days"] == 0
    people.record(alice)
    people.mark()
    after = as_(alice).read("me/standing/")["standing"]
    assert (after["counted"], after["remaining"], after["red"], after["pace"]) == (100, 0, False, "done")
    assert after["reached_at"].endswith("Z")
    assert after["since"] > standing["since"]


# Not in files: what another program can compute from a file, or does not need there.
# A program looks the manager up by the number.
ONLY_IN_FILES = {"as_of", "manager_name", "compared_with"}
ONLY_IN_THE_API = {"needed_per_day", "since", "computed_at", "stale", "has_team", "adjustments"}


def test_a_standing_has_the_columns_of_the_file_with_the_values_of_the_page(
    as_: Signed, hr: Employee, alice: Employee, campaign: Campaign
) -> None:
    people.record(alice, 100)
    people.mark()
    answer = as_(hr).read("standings/")
    page = {row.staff_no: row for row in Standings(campaign, WholeCompany(), show_reviews=True).page(limit=100).rows}
    for standing in answer["results"]:
        assert set(standing) == {*STANDINGS_FILE} - ONLY_IN_FILES | ONLY_IN_THE_API
        row = page[standing["staff_no"]]
        for name in standing.keys() & COLUMNS.keys():
            value = getattr(row, COLUMNS[name].source)
            text = value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else value
            assert standing[name] == text, name


def test_a_standing_that_is_not_marked_yet_is_right_all_the_same(
    as_: Signed, alice: Employee, campaign: Campaign
) -> None:
    people.record(alice, 100)
    stale = as_(alice).read("me/standing/")["standing"]
    assert (stale["counted"], stale["red"], stale["stale"]) == (100, False, True)


def test_my_standing_says_why_contacts_do_not_count(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 2)
    people.record_one(alice, ("email", "bob@corp.example.com"))
    people.mark()
    answer = as_(alice).read("me/standing/")
    assert answer["standing"]["counted"] == 2
    assert answer["not_counting"] == {
        "ended": 0,
        "outside_period": 0,
        "not_external": 1,
        "unconfirmed": 0,
        "claimed": 0,
    }


def test_without_a_campaign_there_is_no_standing(as_: Signed, alice: Employee) -> None:
    assert code_of(as_(alice).read("me/standing/", 404)) == "no_campaign"


def test_an_employee_outside_the_population_has_no_standing(as_: Signed, alice: Employee) -> None:
    people.november(scope=["Support"])
    people.mark()
    assert code_of(as_(alice).read("me/standing/", 404)) == "not_in_campaign"


def test_an_unknown_campaign_is_not_found(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    for address in ("me/standing/", "standings/", "contacts/", "standings/A001/"):
        assert code_of(as_(alice).read(f"{address}?campaign=nope", 404)) == "not_found"


def test_a_manager_reads_the_own_team(as_: Signed, bob: Employee, campaign: Campaign) -> None:
    answer = as_(bob).read("standings/?sort=staff_no")
    assert numbers(answer) == ["A001", "A002"]
    assert answer["next"] is None
    assert answer["results"][0]["manager_staff_no"] == "B001"


def test_an_employee_without_a_team_reads_the_own_standing(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    assert numbers(as_(alice).read("standings/")) == ["A001"]


def test_hr_reads_the_company(as_: Signed, hr: Employee, campaign: Campaign) -> None:
    assert len(numbers(as_(hr).read("standings/"))) == 9
    assert numbers(as_(hr).read("standings/?root=C001")) == ["S001"]


def test_another_team_is_like_one_that_does_not_exist(as_: Signed, carol: Employee, campaign: Campaign) -> None:
    client = as_(carol)
    for address in ("standings/?root={}", "standings/{}/"):
        theirs, nobody = (client.read(address.format(number), 404) for number in ("B001", "X999"))
        assert theirs | {"instance": ""} == nobody | {"instance": ""}


def test_a_root_narrows_to_a_team_or_to_a_person(as_: Signed, dana: Employee, campaign: Campaign) -> None:
    client = as_(dana)
    assert numbers(client.read("standings/?root=B001&sort=staff_no")) == ["A001", "A002"]
    assert numbers(client.read("standings/?root=A001")) == ["A001"]
    assert client.read("standings/B001/")["standing"]["has_team"] is True


def test_filters_and_orders(as_: Signed, hr: Employee, alice: Employee, alan: Employee, campaign: Campaign) -> None:
    people.record(alice, 100)
    people.record(alan, 3)
    people.mark()
    client = as_(hr)
    assert numbers(client.read("standings/?status=not_red")) == ["A001"]
    assert numbers(client.read("standings/?q=ALICE")) == ["A001"]
    assert numbers(client.read("standings/?q=%E8%89%BE")) == ["A001"]
    assert numbers(client.read("standings/?q=100%25")) == []
    assert numbers(client.read("standings/?department=Sales&sort=-counted"))[0] == "A001"
    assert len(numbers(client.read("standings/?department=Sales"))) == 3
    assert numbers(client.read("standings/?sort=counted"))[-2:] == ["A002", "A001"]


def test_pages_follow_each_other_without_a_gap(as_: Signed, hr: Employee, campaign: Campaign) -> None:
    client, address, seen = as_(hr), "standings/?sort=name&limit=2&status=red", []
    for _page in range(6):
        answer = client.read(address)
        seen += numbers(answer)
        if answer["next"] is None:
            break
        assert answer["next"].startswith("http://testserver/api/v1/standings/?")
        assert "status=red" in answer["next"]
        address = answer["next"].removeprefix("http://testserver")
    assert len(seen) == len(set(seen)) == 9


def test_a_cursor_of_another_list_or_an_invalid_one_is_refused(as_: Signed, hr: Employee, campaign: Campaign) -> None:
    client = as_(hr)
    token = client.read("standings/?sort=name&limit=2")["next"].partition("after=")[2].partition("&")[0]
    for after in (token, "x", "WzEsMiwzXQ", "%00"):
        problem = client.read(f"standings/?sort=counted&after={after}", 400)
        assert list(fields_of(problem)) == ["after"]


UNUSABLE = [
    ("status=blue", "status", "invalid_choice"),
    ("sort=luck", "sort", "invalid_choice"),
    ("limit=501", "limit", "max_value"),
    ("limit=0", "limit", "min_value"),
    ("limit=many", "limit", "invalid"),
    ("departmnt=Sales", "departmnt", "unknown_field"),
    ("q=a&q=b", "q", "repeated"),
    ("q=a%00b", "q", "unstorable_text"),
    ("campaign=%00", "campaign", "unstorable_text"),
    ("root=%00", "root", "unstorable_text"),
    (f"q={'x' * 201}", "q", "max_length"),
    ("as_of=yesterday", "as_of", "unreadable"),
    ("as_of=2026-11-03T10:00:00", "as_of", "no_zone"),
    ("as_of=2026-11-24", "as_of", "future"),
    ("as_of=2026-11-23T12:30:00%2B08:00", "as_of", "future"),
    ("as_of=0001-01-01T00:00:00%2B08:00", "as_of", "unreadable"),
    ("as_of=9999-12-31", "as_of", "unreadable"),
    ("as_of=2026-02-30", "as_of", "unreadable"),
]


def test_what_cannot_be_used_is_named(as_: Signed, hr: Employee, campaign: Campaign) -> None:
    client = as_(hr)
    for query, field, code in UNUSABLE:
        assert fields_of(client.read(f"standings/?{query}", 400)) == {field: code}, query


def test_a_past_day_ends_at_midnight_in_the_campaigns_zone(
    as_: Signed, clock: Clock, alice: Employee, hr: Employee
) -> None:
    people.november()
    for moment in ("2026-11-20T23:59:59+08:00", "2026-11-21T00:00:00+08:00", "2026-11-23T12:00:00+08:00"):
        clock.set(moment, ticks=True)
        people.record(alice)
    people.mark()
    client = as_(hr)

    def counted(as_of: str) -> int:
        return client.read(f"standings/A001/?as_of={as_of}")["standing"]["counted"]

    assert [counted(day) for day in ("2026-11-19", "2026-11-20", "2026-11-21", "2026-11-23")] == [0, 1, 2, 3]
    assert counted("2026-11-20T16:00:00Z") == 1
    # A plus that was not escaped arrives as a blank.
    assert counted("2026-11-21T00:00:00+08:00") == 1
    past = client.read("standings/?as_of=2026-11-20&q=alice")
    assert past["as_of"] == "2026-11-20T16:00:00Z"
    assert past["days_left"] == 10
    assert past["results"][0]["since"] is None


def test_an_instant_in_any_zone_is_understood() -> None:
    for text in ("2026-11-20T16:00:00Z", "2026-11-21T00:00:00+08:00", "2026-11-21T00:00:00 08:00"):
        query = AsOfQuery(data={"as_of": text})
        assert query.is_valid()
        assert query.validated_data["as_of"].isoformat() == "2026-11-20T16:00:00+00:00"


def test_a_leaver_has_no_standing_but_may_be_asked_for(as_: Signed, hr: Employee, campaign: Campaign) -> None:
    people.load("staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-11-20")
    effective_dates.process_effective_dates()
    people.mark()
    assert code_of(as_(hr).read("standings/A002/", 404)) == "not_in_campaign"


def test_a_staff_number_with_odd_characters_is_found(as_: Signed, hr: Employee, campaign: Campaign) -> None:
    people.load("staff_no,name,email\nA/1 %,Odd,odd@corp.example.com")
    people.mark()
    assert as_(hr).read("standings/A%2F1%20%25/")["standing"]["name"] == "Odd"
    as_(hr).read("standings/a%00b/", 404)


def test_what_is_adjusted_is_shown_and_why_only_to_whom_it_concerns(
    as_: Signed, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, hr: Employee
) -> None:
    day = datetime(2026, 11, 26, tzinfo=UTC)
    people.adjust(campaign=campaign, employee=alice, target=40, ends_at=day)
    people.adjust(campaign=campaign, employee=alan, exempt=True, starts_at=day)
    people.ask(campaign=campaign, employee=bob, exempt=True)
    told = {"target": 40, "exempt": None, "kind": "leave", "since": "2026-10-31T16:00:00Z",
            "until": "2026-11-26T00:00:00Z"}  # fmt: skip
    assert as_(alice).read("me/standing/")["standing"]["adjustments"] == [told]
    assert as_(hr).read("standings/A001/")["standing"]["adjustments"] == [told]
    [hers, his] = as_(bob).read("standings/?sort=staff_no")["results"]
    assert hers["adjustments"] == [{**told, "kind": None}]
    assert (hers["target"], his["adjustments"], his["exempt"]) == (40, [], False), "his begins later"
    assert as_(hr).read("standings/B001/")["standing"]["adjustments"] == [], "nobody has granted it"


def test_a_deputy_names_the_manager_and_gets_the_managers_answer(
    as_: Signed, alice: Employee, bob: Employee, stranger: Employee, campaign: Campaign, noon: Clock
) -> None:
    """The team is shared with the deputy, the manager is not: the manager's own standing answers like an unknown
    number.
    """
    people.record(alice, 3)
    people.mark()
    people.stands_in(bob, stranger)
    noon.set("2026-11-23T13:00:00+08:00")  # the clock is fixed: every response shows its time
    deputy, manager = as_(stranger), as_(bob)
    for address in ("standings/?root=B001", "standings/?root=B001&as_of=2026-11-22", "standings/A001/"):
        assert deputy.read(address) == manager.read(address)
    assert numbers(deputy.read("standings/")) == ["S001"]
    assert deputy.read("standings/B001/", 404).keys() == deputy.read("standings/X999/", 404).keys()
    noon.set("2026-11-28T12:00:00+08:00", ticks=True)
    for address in ("standings/?root=B001", "standings/A001/"):
        as_(stranger).read(address, 404)


def test_each_person_is_compared_with_an_earlier_day(
    as_: Signed, hr: Employee, alice: Employee, alan: Employee, campaign: Campaign, clock: Clock
) -> None:
    people.record(alice, 90)
    people.record(alan, 10)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    people.record(alice, 10)
    people.mark()
    signed = as_(hr)
    answer = signed.read("standings/?since=2026-11-23&sort=-counted")
    assert answer["since"] == "2026-11-23T16:00:00Z"
    changes = [(row["staff_no"], row["counted_before"], row["change"], row["turned"]) for row in answer["results"]]
    assert changes[:2] == [("A001", 90, 10, "reached"), ("A002", 10, 0, None)]
    assert signed.read("standings/?since=2026-11-23T16:00:00Z&sort=-counted")["results"] == answer["results"]
    assert numbers(signed.read("standings/?since=2026-11-23&change=reached")) == ["A001"]
    assert "A002" in numbers(signed.read("standings/?since=2026-11-23&change=stalled"))
    plain = signed.read("standings/?sort=-counted")
    assert (plain["since"], plain["results"][0]["change"]) == (None, None)
    for query in ("since=2026-11-25", "since=2026-11-23&as_of=2026-11-23", "since=monday", "change=moved"):
        assert "since" in fields_of(signed.read(f"standings/?{query}", 400)), query
    assert "change" in fields_of(signed.read("standings/?since=2026-11-23&change=up", 400))
