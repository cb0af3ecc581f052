"""`/contacts/`: the own list and the actions on one contact, closed to other employees."""

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words
from tests.searching import search

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
    assert "Employees and company addresses do not count." in said


def test_one_recorded_by_mistake_is_ended_beside_its_reason(as_: SignIn, alice: Employee, grace: Contact) -> None:
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Bob")
    bob = Contact.objects.get(name="Bob")
    for address in ("/contacts/?reason=not_external", f"/contacts/{bob.pk}/"):
        page = as_(alice).get(address)
        assert "Not mine, end it" in words(page)
        assert page.content.decode().count(f'action="/contacts/{bob.pk}/end/') == 1
    assert "Not mine" not in words(as_(alice).get("/contacts/?reason=counts"))


def test_a_person_whom_a_colleague_recorded_first_is_ended_beside_the_reason(
    as_: SignIn, alice: Employee, alan: Employee
) -> None:
    people.november(exclusive=True)
    for employee in (alan, alice):
        people.record_one(employee, ("handle", "@wanted"), name="Wanted")
    said = words(as_(alice).get("/contacts/?reason=claimed"))
    assert "You cannot change that. Not mine, end it" in said
    assert "Correct" not in said


@pytest.mark.parametrize("query", ["grace", "GRACE K", "outside.example", "grace@"])
def test_search_finds_by_name_and_identity(as_: SignIn, alice: Employee, grace: Contact, query: str) -> None:
    people.record_one(alice, ("handle", "@somebody"), name="Somebody Else")
    said = words(search(as_(alice), query))
    assert "Grace Kim" in said
    assert "Somebody Else" not in said


def test_a_phone_is_found_however_it_is_typed(as_: SignIn, alice: Employee, grace: Contact) -> None:
    people.record_one(alice, ("phone", "138 0013 8000"), name="By Phone")
    assert "By Phone" in words(search(as_(alice), "0013-8000"))


def test_a_filter_shows_one_reason_only(as_: SignIn, alice: Employee, grace: Contact) -> None:
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Bob")
    said = words(as_(alice).get("/contacts/", {"reason": "not_external"}))
    assert "Bob" in said
    assert "Grace Kim" not in said


def test_pages_miss_and_repeat_no_employee(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 120)
    client, address, seen = as_(alice), "/contacts/", []
    while address:
        answer = client.get(address)
        seen += [contact.pk for contact in answer.context["page"].rows]
        address = answer.context["page"].next
    assert len(seen) == 120
    assert len(set(seen)) == 120


@pytest.mark.parametrize("token", ["nonsense", "W10", "WyIyMDI2IiwgMV0", "e30"])
def test_an_invented_page_is_the_first_one(as_: SignIn, alice: Employee, campaign: Campaign, token: str) -> None:
    assert as_(alice).get("/contacts/", {"after": token}).context["page"].first == ""


def test_an_end_can_be_taken_back_from_its_message(as_: SignIn, alice: Employee, grace: Contact) -> None:
    client = as_(alice)
    said = client.post(f"/contacts/{grace.pk}/end/", follow=True)
    assert "Grace Kim is ended." in words(said)
    assert f'action="/contacts/{grace.pk}/restore/"' in said.content.decode()
    assert "Grace Kim is restored." in words(client.post(f"/contacts/{grace.pk}/restore/", follow=True))
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
    assert "Corrected. The new entry replaces it." in words(as_(alice).get(f"/contacts/{grace.pk}/"))


def test_a_correction_of_one_field_keeps_the_second_phone(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    """Otherwise the person is recorded again under the lost phone, and counts twice."""
    phones = [("phone", "+8613800138000"), ("phone", "+8613900139000")]
    people.record_one(alice, *phones, ("email", "grcae@outside.example.org"))
    contact, client = Contact.objects.of(alice).get(), as_(alice)
    page = client.get(f"/contacts/{contact.pk}/")
    assert page.context["correct"].initial["phone"] == phones[0][1]
    assert "These stay unchanged: +8613900139000" in words(page)
    sent = dict(page.context["correct"].initial)
    client.post(f"/contacts/{contact.pk}/correct/", sent)
    assert Contact.objects.of(alice).get() == contact, "an unchanged form writes nothing"
    client.post(f"/contacts/{contact.pk}/correct/", {**sent, "email": "grace@outside.example.org"})
    identities = Contact.objects.of(alice).live().get().identities.values_list("kind", "value")
    assert sorted(identities) == [("email", "grace@outside.example.org"), *phones]


def test_a_bad_correction_comes_back_filled_at_its_field(as_: SignIn, alice: Employee, grace: Contact) -> None:
    answer = as_(alice).post(f"/contacts/{grace.pk}/correct/", {"phone": "12", "email": "x@y.example.org"})
    assert answer.status_code == 422
    assert 'value="12"' in answer.content.decode()
    assert Contact.objects.of(alice).get().ended_at is None


def test_a_correction_to_nothing_is_refused(as_: SignIn, alice: Employee, grace: Contact) -> None:
    answer = as_(alice).post(f"/contacts/{grace.pk}/correct/", {})
    assert answer.status_code == 422
    assert "Enter a phone number, an e-mail or a handle." in words(answer)


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


@pytest.mark.parametrize(("ending", "kind"), [("csv", "text/csv"), ("vcf", "text/vcard")])
def test_own_contacts_are_downloaded_and_never_cached(
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
