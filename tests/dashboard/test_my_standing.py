"""`/`: the reader's own standing, and the page after people are added."""

import uuid

import pytest

from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db


def form(reach: str, name: str = "Grace", key: str = "") -> dict[str, str]:
    return {"name": name, "reach": reach, "key": key or str(uuid.uuid4())}


def marked(employee: Employee, count: int) -> None:
    people.record(employee, count)
    people.mark()


def test_ninety_nine_is_red_with_one_to_go(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    marked(alice, 99)
    said = words(as_(alice).get("/"))
    assert "99 of 100 counted" in said
    assert "Red: 1 to go" in said


def test_one_hundred_is_reached_and_not_red(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    marked(alice, 100)
    said = words(as_(alice).get("/"))
    assert "100 of 100 counted" in said
    assert "100 reached on Mon 23 Nov" in said
    assert "Red" not in said


def test_a_page_says_as_of_when_until_when_and_what_a_day_needs(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    marked(alice, 60)
    said = words(as_(alice).get("/"))
    assert "as of 12:00" in said
    assert "8 days left until Mon 30 Nov, 23:59 in Shanghai" in said
    assert "5 needed per day from today · 40 to go" in said


def test_the_deadline_is_also_shown_in_the_readers_zone(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    Employee.objects.filter(pk=alice.pk).update(time_zone="Europe/Berlin")
    assert "your time: Mon 30 Nov, 16:59 in Berlin" in words(as_(alice).get("/"))


def test_without_contacts_the_page_helps_to_begin_and_shows_no_empty_chart(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    client = as_(alice)
    first = client.get("/")
    said = words(first)
    assert "0 of 100 counted" in said
    assert "Three ways to start" in said
    assert b"data-chart" not in first.content
    # The first contact is sent as a whole page, which returns with a box for the curve.
    assert b'data-hx-post="/contacts/add/"' not in first.content
    after = client.post("/contacts/add/", form("grace@outside.example.org"), follow=True)
    assert b"data-chart" in after.content
    assert b'data-hx-post="/contacts/add/"' in after.content
    assert "Three ways to start" not in words(after)


def test_without_a_campaign_contacts_can_be_recorded_all_the_same(as_: SignIn, alice: Employee) -> None:
    client = as_(alice)
    assert "There is no campaign yet" in words(client.get("/"))
    client.post("/contacts/add/", form("grace@outside.example.org"))
    assert Contact.objects.of(alice).count() == 1


def test_an_employee_outside_the_campaigns_departments_reads_so(as_: SignIn, alice: Employee, noon: object) -> None:
    campaign = people.november(scope=["Board"])
    people.mark()
    assert "You are not part of November" in words(as_(alice).get(f"/?campaign={campaign.slug}"))


def test_an_unmarked_change_is_updating_and_never_red(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 1)
    said = words(as_(alice).get("/"))
    assert "Updating" in said
    assert "Red" not in said


def test_an_added_contact_shows_and_the_number_follows(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    answer = client.post("/contacts/add/", form("grace@outside.example.org"), follow=True)
    assert "Grace is recorded." in words(answer)
    people.mark()
    assert "1 of 100 counted" in words(client.get("/standing/"))


def test_a_double_click_records_once(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client, sent = as_(alice), form("grace@outside.example.org")
    client.post("/contacts/add/", sent)
    client.post("/contacts/add/", sent)
    assert Contact.objects.of(alice).count() == 1


def test_a_duplicate_returns_the_filled_form_and_names_the_existing_contact(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    people.record_one(alice, ("email", "grace@outside.example.org"), name="Grace Kim")
    answer = as_(alice).post("/contacts/add/", form("Grace@Outside.example.org", name="Grace again"))
    assert answer.status_code == 422
    assert "You have already recorded this person: Grace Kim, on 23 Nov." in words(answer)
    assert b'value="Grace again"' in answer.content


def test_what_is_no_phone_comes_back_filled_with_a_sentence(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    answer = as_(alice).post("/contacts/add/", form("12345", name="Grace"))
    assert answer.status_code == 422
    assert b">\n12345</textarea>" in answer.content
    assert b'aria-invalid="true"' in answer.content
    assert not Contact.objects.of(alice).exists()


def test_a_colleague_is_recorded_but_said_not_to_count(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    answer = as_(alice).post("/contacts/add/", form("bob@corp.example.com"), follow=True)
    said = words(answer)
    assert "Recorded. It does not count yet: A colleague." in said
    assert "See why 1 does not count" in said
    assert "1 · A colleague" in said


def test_the_number_answers_304_while_nothing_moves(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    first = client.get("/standing/")
    again = client.get("/standing/", headers={"If-None-Match": first["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert again["X-As-Of"] == "12:00"
    marked(alice, 1)
    assert client.get("/standing/", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_htmx_gets_the_form_back_alone_with_what_changed_around_it(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    answer = as_(alice).post("/contacts/add/", form("grace@outside.example.org"), headers={"HX-Request": "true"})
    assert answer["HX-Trigger"] == "recorded"
    assert b"<!doctype" not in answer.content
    assert "Grace is recorded." in words(answer)


def test_an_operator_who_is_no_employee_has_no_standing(noon: object) -> None:
    account = Account.objects.create_user("olga", people.PASSWORD, display_name="Olga")
    strict = StrictClient()
    strict.force_login(account, backend="apps.accounts.backends.EmployeeBackend")
    assert "You are signed in as Olga" in words(strict.get("/"))
    assert strict.get("/contacts/").status_code == 404


def test_the_campaign_of_the_address_is_kept_in_its_links(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    other = people.november(name="Second", target=5)
    people.mark()
    answer = as_(alice).get(f"/?campaign={other.slug}")
    assert "0 of 5 counted" in words(answer)
    assert f"/contacts/?campaign={other.slug}".encode() in answer.content


def test_an_unknown_campaign_is_404(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    assert as_(alice).get("/?campaign=nothing").status_code == 404
