"""`/contacts/`: the own list, what can be done to one contact, and that it is nobody else's."""

import re
from typing import Any

import pytest

from apps.contacts.models import Contact, Source, Submission
from apps.contacts.rules import Draft
from apps.contacts.services import submit
from apps.employees.models import Employee
from apps.quotas.models import Campaign
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def grace(alice: Employee, campaign: Campaign) -> Contact:
    """Alice's contact, who counts."""
    people.record_one(alice, ("email", "grace@outside.example.org"), name="Grace Kim")
    people.mark()
    return Contact.objects.of(alice).get()


def test_each_contact_says_whether_it_counts_and_what_would_make_it(
    as_: SignIn, alice: Employee, grace: Contact
) -> None:
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Bob")
    said = words(as_(alice).get("/contacts/"))
    assert "Grace Kim grace@outside.example.org today 12:00 this page counts" in said
    assert "Employees and the company's own addresses do not count." in said


@pytest.mark.parametrize("query", ["grace", "GRACE K", "outside.example", "grace@"])
def test_search_finds_by_name_and_identity(as_: SignIn, alice: Employee, grace: Contact, query: str) -> None:
    people.record_one(alice, ("handle", "@somebody"), name="Somebody Else")
    said = words(as_(alice).get("/contacts/", {"q": query}))
    assert "Grace Kim" in said
    assert "Somebody Else" not in said


def test_a_phone_is_found_however_it_is_typed(as_: SignIn, alice: Employee, grace: Contact) -> None:
    people.record_one(alice, ("phone", "138 0013 8000"), name="By Phone")
    assert "By Phone" in words(as_(alice).get("/contacts/", {"q": "0013-8000"}))


def test_a_filter_shows_one_reason_only(as_: SignIn, alice: Employee, grace: Contact) -> None:
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Bob")
    said = words(as_(alice).get("/contacts/", {"reason": "not_external"}))
    assert "Bob" in said
    assert "Grace Kim" not in said


def test_pages_of_fifty_miss_nobody_and_repeat_nobody(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 120)
    client, address, seen = as_(alice), "/contacts/", []
    while address:
        answer = client.get(address)
        seen += [contact.pk for contact in answer.context["rows"]]
        address = answer.context["next"]
    assert len(seen) == 120
    assert len(set(seen)) == 120


@pytest.mark.parametrize("token", ["nonsense", "W10", "WyIyMDI2IiwgMV0", "e30"])
def test_a_page_nobody_issued_does_not_exist(as_: SignIn, alice: Employee, campaign: Campaign, token: str) -> None:
    assert as_(alice).get("/contacts/", {"after": token}).status_code == 404


def test_an_end_can_be_taken_back_from_its_message(as_: SignIn, alice: Employee, grace: Contact) -> None:
    client = as_(alice)
    said = client.post(f"/contacts/{grace.pk}/end/", follow=True)
    assert "Grace Kim is ended." in words(said)
    assert f'action="/contacts/{grace.pk}/restore/"' in said.content.decode()
    assert "Grace Kim is back." in words(client.post(f"/contacts/{grace.pk}/restore/", follow=True))
    grace.refresh_from_db()
    assert grace.ended_at is None


def test_ending_twice_says_so_and_breaks_nothing(as_: SignIn, alice: Employee, grace: Contact) -> None:
    client = as_(alice)
    client.post(f"/contacts/{grace.pk}/end/")
    assert client.post(f"/contacts/{grace.pk}/end/", follow=True).status_code == 200


def test_a_name_is_changed_in_place(as_: SignIn, alice: Employee, grace: Contact) -> None:
    as_(alice).post(f"/contacts/{grace.pk}/rename/", {"name": "Grace 金"})
    assert Contact.objects.of(alice).get().name == "Grace 金"


def test_a_correction_is_a_new_contact_and_the_old_one_ends(as_: SignIn, alice: Employee, grace: Contact) -> None:
    answer = as_(alice).post(f"/contacts/{grace.pk}/correct/", {"phone": "138 0013 8000"}, follow=True)
    fresh = Contact.objects.of(alice).live().get()
    assert answer.redirect_chain[0][0] == f"/contacts/{fresh.pk}/"
    assert fresh.replaces_id == grace.pk
    assert "Corrected: the new entry stands in its place." in words(as_(alice).get(f"/contacts/{grace.pk}/"))


def test_a_bad_correction_comes_back_filled_at_its_field(as_: SignIn, alice: Employee, grace: Contact) -> None:
    answer = as_(alice).post(f"/contacts/{grace.pk}/correct/", {"phone": "12", "email": "x@y.example.org"})
    assert answer.status_code == 422
    assert 'value="12"' in answer.content.decode()
    assert Contact.objects.of(alice).get().ended_at is None


def test_a_correction_to_nothing_is_refused(as_: SignIn, alice: Employee, grace: Contact) -> None:
    answer = as_(alice).post(f"/contacts/{grace.pk}/correct/", {})
    assert answer.status_code == 422
    assert "At least one of phone, e-mail and handle is needed." in words(answer)


def test_the_same_person_in_another_contact_refuses_the_correction(
    as_: SignIn, alice: Employee, grace: Contact
) -> None:
    people.record_one(alice, ("handle", "@taken"), name="Taken")
    answer = as_(alice).post(f"/contacts/{grace.pk}/correct/", {"handle": "@taken"})
    assert answer.status_code == 422


def test_adding_from_the_list_returns_to_the_list(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    page = client.get("/contacts/")
    sent = {"name": "", "reach": "@somebody", "key": str(page.context["form"].initial["key"])}
    assert client.post("/contacts/add/?next=contacts", sent)["Location"] == "/contacts/"
    refused = client.post("/contacts/add/?next=contacts", {**sent, "reach": ""})
    assert refused.status_code == 422
    assert "Only you see them." in words(refused)


def test_names_are_text_and_never_markup(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record_one(alice, ("handle", "@x"), name='<img src=x onerror="alert(1)">{{ 7 }}'.replace("{{ 7 }}", ""))
    assert b"<img" not in as_(alice).get("/contacts/").content


def test_links_of_the_list_keep_the_campaign(as_: SignIn, alice: Employee, grace: Contact) -> None:
    own = [link for link in links(as_(alice).get("/contacts/?campaign=november")) if link.startswith("/contacts/")]
    assert own
    assert all("campaign=november" in link for link in own if link != "/contacts/")


# -- filters, sorting, pages ---------------------------------------------------------------------------------------


@pytest.fixture
def trade_fair(alice: Employee, campaign: Campaign) -> Submission:
    """A file of Alice's with two people; a third came from the page."""
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
def test_a_batch_of_nobody_and_of_a_colleague_answer_alike(
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
def test_every_order_pages_without_missing_or_repeating_anybody(
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


def test_a_page_behind_somebody_elses_contact_does_not_exist(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    people.record(alan)
    theirs = Contact.objects.of(alan).get().pk
    assert as_(alan).get(f"/contacts/?after={theirs}").status_code == 200
    assert as_(alice).get(f"/contacts/?after={theirs}").status_code == 404


def test_chips_keep_the_other_filters_and_count_within_them(
    as_: SignIn, alice: Employee, trade_fair: Submission
) -> None:
    answer = as_(alice).get("/contacts/?source=csv&sort=name&q=e")
    assert {chip["label"]: chip["count"] for chip in answer.context["chips"]} == {"All": 2, "Counting": 2}
    assert all("source=csv" in chip["url"] and "sort=name" in chip["url"] for chip in answer.context["chips"])


def test_clearing_the_filters_shows_everybody_again(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    client = as_(alice)
    nobody = client.get("/contacts/?source=page&q=zoe")
    assert "0 contacts found Clear the filters" in words(nobody)
    assert "Nobody found" in words(nobody)
    assert len(names(client.get(nobody.context["clear"]))) == 3


def test_words_nobody_offers_filter_nothing(as_: SignIn, alice: Employee, trade_fair: Submission) -> None:
    answer = as_(alice).get("/contacts/?source=pigeon&sort=luck&reason=mood")
    assert len(names(answer)) == 3
    assert "found" not in words(answer)


@pytest.mark.parametrize(("ending", "kind"), [("csv", "text/csv"), ("vcf", "text/vcard")])
def test_own_contacts_are_taken_away_and_kept_by_no_cache(
    as_: SignIn, alice: Employee, alan: Employee, grace: Contact, ending: str, kind: str
) -> None:
    people.record_one(alan, ("handle", "@secret"), name="Alan's own")
    client = as_(alice)
    answer = client.get(f"/contacts/export.{ending}")
    content = answer.getvalue().decode()
    assert "Grace Kim" in content
    assert "Alan's own" not in content
    assert answer["Content-Type"].startswith(kind)
    assert answer["Content-Disposition"] == f'attachment; filename="my-contacts-2026-11-23.{ending}"'
    assert "no-store" in answer["Cache-Control"]
    for page in ("/contacts/", "/exports/"):
        assert f"/contacts/export.{ending}" in links(client.get(page))


def test_contacts_can_be_taken_away_without_a_campaign(as_: SignIn, alice: Employee) -> None:
    said = words(as_(alice).get("/exports/"))
    assert "My contacts" in said
    assert "There is no campaign yet" in said
