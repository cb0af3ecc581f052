"""The list on `/contacts/`: filters, sorting and pages, without files or contacts of other employees."""

import re
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
    return [contact.name for contact in answer.context["rows"]]


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
        seen += [contact.pk for contact in answer.context["rows"]]
        address = answer.context["next"]
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
    assert as_(alice).get(f"/contacts/?after={theirs}").status_code == 404


def test_chips_keep_the_other_filters_and_count_within_them(
    as_: SignIn, alice: Employee, trade_fair: Submission
) -> None:
    answer = search(as_(alice), "e", source="csv", sort="name")
    assert {chip["label"]: chip["count"] for chip in answer.context["chips"]} == {"All": 2, "Counting": 2}
    assert all("source=csv" in chip["url"] and "sort=name" in chip["url"] for chip in answer.context["chips"])


def test_clearing_the_filters_shows_all_employees(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    client = as_(alice)
    nobody = search(client, "zoe", source="page")
    assert "0 contacts found Clear the filters" in words(nobody)
    assert "Nobody found" in words(nobody)
    assert len(names(client.get(nobody.context["clear"]))) == 3


def test_unknown_filter_values_are_ignored(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    answer = as_(alice).get("/contacts/?source=pigeon&sort=luck&reason=mood")
    assert len(names(answer)) == 3
    assert "found" not in words(answer)
