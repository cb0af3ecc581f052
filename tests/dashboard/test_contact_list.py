"""The list on `/contacts/`: filters, sorting and pages, without files or contacts of other employees."""

import re
from html import unescape
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.models import Contact, Source, Submission
from apps.contacts.services.submissions import submit
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.searching import search

pytestmark = pytest.mark.django_db


@pytest.fixture
def trade_fair(alice: Employee, campaign: Campaign) -> Submission:
    """Alice's file with two people; a third one came from the page."""
    people.record_one(alice, ("handle", "@typed"), name="Typed In")
    drafts = [Draft("Zoë", (("handle", "@zoe"),)), Draft("émile", (("handle", "@emile"),))]
    report = submit(employee=alice, drafts=drafts, source=Source.CSV, by=people.TESTER)
    Submission.objects.filter(pk=report.submission_id).update(file_name="trade fair.csv")
    people.mark()
    return Submission.objects.get(pk=report.submission_id)


def names(answer: Any) -> list[str]:
    return [contact.name for contact in answer.context["page"].rows]


def test_a_way_in_shows_only_what_came_by_it(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    answer = as_(alice).get("/contacts/?source=csv")
    assert names(answer) == ["émile", "Zoë"]
    assert "2 contacts found Clear the filters" in words(answer)


def test_a_file_shows_its_people_its_name_its_day_and_how_many(
    as_: SignIn, alice: Employee, trade_fair: Submission
) -> None:
    client = as_(alice)
    people.record_one(alice, ("handle", "@later"), name="Later")
    answer = client.get(f"/contacts/?batch={trade_fair.pk}")
    assert names(answer) == ["émile", "Zoë"]
    assert re.search(rf'value="{trade_fair.pk}" selected>trade fair.csv · 23 Nov · 2<', answer.content.decode())


@pytest.mark.parametrize("batch", ["nonsense", "00000000-0000-0000-0000-000000000000", "{alans}"])
def test_unknown_batches_and_those_of_colleagues_answer_alike(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign, batch: str
) -> None:
    alans = people.record(alan, source=Source.CSV).submission_id
    assert as_(alan).get(f"/contacts/?batch={alans}").status_code == 200
    assert as_(alice).get(f"/contacts/?batch={batch.format(alans=alans)}").status_code == 404


def test_names_sort_from_a_to_z_whatever_their_case_or_accent(
    as_: SignIn, alice: Employee, trade_fair: Submission
) -> None:
    for name in ("", "ann", "Bob", "Ezra", "Fay", "王伟"):
        people.record_one(alice, people.outsider(), name=name)
    answer = as_(alice).get("/contacts/?sort=name")
    assert names(answer) == ["ann", "Bob", "Ezra", "émile", "Fay", "Typed In", "Zoë", "王伟", ""]


@pytest.mark.parametrize("sort", ["", "oldest", "name"])
def test_every_order_pages_without_missing_or_repeating_employees(
    as_: SignIn, alice: Employee, campaign: Campaign, sort: str
) -> None:
    drafts = [Draft(f"Twin {n % 7}" if n % 9 else "", (people.outsider(),)) for n in range(120)]
    submit(employee=alice, drafts=drafts, source=Source.PASTE, by=people.TESTER)
    client, address, seen = as_(alice), f"/contacts/?source=paste&sort={sort}", []
    while address:
        answer = client.get(address)
        seen += [contact.pk for contact in answer.context["page"].rows]
        address = answer.context["page"].next
        assert not address or "source=paste" in address
    assert len(seen) == 120
    assert len(set(seen)) == 120
    if sort == "oldest":
        assert seen == sorted(seen)


def test_a_page_after_anothers_contact_does_not_exist(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    people.record(alan)
    theirs = Contact.objects.of(alan).get().pk
    assert as_(alan).get(f"/contacts/?after={theirs}").status_code == 200
    assert as_(alice).get(f"/contacts/?after={theirs}").context["page"].first == "", "the first page of the own list"


def test_a_page_address_of_another_person_opens_the_own_first_page(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    """Otherwise the place of renamed own contacts beside the sealed key tells the name of a colleague's contact."""
    for employee in (alice, alan):
        people.record(employee, 60)
    his = as_(alan).get("/contacts/?sort=name").context["page"].next
    assert as_(alan).get(his).context["page"].first
    assert as_(alice).get(his).context["page"].first == ""


def test_chips_keep_the_other_filters_and_count_within_them(
    as_: SignIn, alice: Employee, trade_fair: Submission
) -> None:
    answer = search(as_(alice), "e", source="csv", sort="name")
    assert {chip["label"]: chip["count"] for chip in answer.context["chips"]} == {"Active": 2, "Counting": 2}
    assert all("source=csv" in chip["url"] and "sort=name" in chip["url"] for chip in answer.context["chips"])


def test_clearing_the_filters_shows_all_employees(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    client = as_(alice)
    nobody = search(client, "zoe", source="page")
    assert "0 contacts found Clear the filters" in words(nobody)
    assert "No results" in words(nobody)
    assert len(names(client.get(nobody.context["clear"]))) == 3


def test_unknown_filter_values_are_ignored(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    answer = as_(alice).get("/contacts/?source=pigeon&sort=luck&reason=mood")
    assert len(names(answer)) == 3
    assert "found" not in words(answer)


def test_ended_contacts_are_hidden_until_a_chip_shows_them(
    as_: SignIn, alice: Employee, trade_fair: Submission
) -> None:
    client = as_(alice)
    zoe = Contact.objects.get(name="Zoë")
    client.post(f"/contacts/{zoe.pk}/end/")
    page = client.get("/contacts/")
    assert names(page) == ["émile", "Typed In"]
    chips = {chip["label"]: (chip["count"], chip["url"]) for chip in page.context["chips"]}
    assert {label: count for label, (count, _url) in chips.items()} == {
        "Active": 2, "Counting": 2, "Ended": 1, "All": 3
    }  # fmt: skip
    assert names(client.get(chips["Ended"][1])) == ["Zoë"]
    assert names(client.get(chips["All"][1])) == ["émile", "Zoë", "Typed In"]
    report = client.get(f"/contacts/?batch={trade_fair.pk}&reason=all")
    assert names(report) == ["émile", "Zoë"], "the report of a file counts them all"


def test_where_all_have_ended_the_list_says_so(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice)
    client = as_(alice)
    client.post(f"/contacts/{Contact.objects.of(alice).get().pk}/end/")
    assert "No active contacts All of them have ended." in words(client.get("/contacts/"))


def test_an_end_returns_to_the_same_page_of_the_same_list(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 60)
    client = as_(alice)
    second = client.get("/contacts/?sort=oldest").context["page"].next.partition("#")[0]
    page = client.get(second)
    contact = page.context["page"].rows[0]
    address = re.search(rf'action="(/contacts/{contact.pk}/end/\?[^"]+)"', page.content.decode())
    assert address
    there = client.post(unescape(address[1]))["Location"]
    assert there == second
