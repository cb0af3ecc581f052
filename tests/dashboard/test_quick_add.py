"""The short form with a pasted list: recorded people, the feedback, and no lost input."""

import re
import uuid
from html import unescape
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, Submission
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words

pytestmark = pytest.mark.django_db

IN_PLACE = {"HX-Request": "true"}
GOOD = "Ann Lee <ann@outside.example.org>\n王伟 13800138000\n@hana"


def form(reach: str, name: str = "", key: str = "") -> dict[str, str]:
    return {"name": name, "reach": reach, "key": key or str(uuid.uuid4())}


def field(answer: Any) -> str:
    """The content of the field."""
    found = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", answer.content.decode(), re.DOTALL)
    assert found
    return unescape(found[1]).strip("\r\n")


def key_of(answer: Any) -> str:
    found = re.search(r'name="key" value="([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def test_a_pasted_list_is_recorded_in_one_submission(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    answer = as_(alice).post("/contacts/add/", form(GOOD), follow=True)
    assert "3 recorded." in words(answer)
    assert set(Contact.objects.of(alice).values_list("name", "source")) == {
        ("Ann Lee", "paste"), ("王伟", "paste"), ("", "paste")
    }  # fmt: skip
    assert Submission.objects.filter(source="paste").count() == 1


def test_one_line_with_a_name_is_one_person_from_the_page(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    answer = as_(alice).post("/contacts/add/", form("Ann Lee; +49 170 1234567; ann@x.example.org"), follow=True)
    assert "Ann Lee is recorded." in words(answer)
    contact = Contact.objects.of(alice).get()
    assert contact.source == "page"
    assert {one.kind for one in contact.identities.all()} == {"phone", "email"}


def test_lines_that_failed_stay_and_good_ones_are_gone(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record_one(alice, ("handle", "@hana"), name="Hana")
    text = f"{GOOD}\n\nJust A Name\n+86 12\nAnn@outside.example.org\na@x.example.org; b@x.example.org"
    answer = as_(alice).post("/contacts/add/", form(text))
    assert answer.status_code == 422
    said = words(answer)
    assert "2 recorded, 2 already recorded, 3 could not be read." in said
    assert "Line 1 Just A Name This line has no phone number, e-mail or handle." in said
    assert "A handle starts with @" in said
    assert "Line 2 +86 12 This is not a valid phone number. Check the digits" in said
    assert (
        "Line 3 a@x.example.org; b@x.example.org This line has two phone numbers, two e-mails or two handles. Each line"
        " is one person" in said
    )
    assert field(answer).splitlines() == ["Just A Name", "+86 12", "a@x.example.org; b@x.example.org"]
    assert 'aria-describedby="add_failed"' in answer.content.decode()
    assert Contact.objects.of(alice).count() == 3


def test_what_failed_is_recorded_once_it_is_corrected(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    refused = client.post("/contacts/add/", form("Just A Name\n@ann"))
    client.post("/contacts/add/", form("Just A Name @just", key=key_of(refused)))
    assert set(Contact.objects.of(alice).values_list("name", flat=True)) == {"", "Just A Name"}


def test_one_refused_person_is_recorded_once_corrected(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    refused = client.post("/contacts/add/", form("12345", name="Ann"))
    client.post("/contacts/add/", form("13800138000", name="Ann", key=key_of(refused)))
    assert Contact.objects.of(alice).get().name == "Ann"


def test_a_page_gone_back_to_and_changed_is_heard(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client, key = as_(alice), str(uuid.uuid4())
    client.post("/contacts/add/", form("@ann", key=key))
    client.post("/contacts/add/", form("@bea", key=key))
    assert Contact.objects.of(alice).count() == 2


def test_a_list_sent_twice_records_once_and_answers_the_same(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client, sent = as_(alice), form(f"{GOOD}\nJust A Name")
    first, again = (client.post("/contacts/add/", sent, headers=IN_PLACE) for _ in range(2))
    assert Contact.objects.of(alice).count() == 3
    for answer in (first, again):
        assert "3 recorded, 1 could not be read." in words(answer)


def test_a_name_alone_is_never_stored_as_a_handle(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    answer = as_(alice).post("/contacts/add/", form("Grace Kim"))
    assert answer.status_code == 422
    assert "This line has no phone number, e-mail or handle." in words(answer)
    assert field(answer) == "Grace Kim"
    assert not Contact.objects.exists()


def test_recorded_contacts_that_do_not_count_show_the_reason_and_the_fix(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    answer = as_(alice).post("/contacts/add/", form(f"{GOOD}\nBob bob@corp.example.com"), follow=True)
    said = words(answer)
    assert "4 recorded. 1 of them does not count yet: A colleague. Employees and company addresses" in said


def test_htmx_gets_the_summary_politely_and_the_failed_lines_in_the_field(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    answer = as_(alice).post("/contacts/add/", form(f"{GOOD}\nJust A Name"), headers=IN_PLACE)
    text = answer.content.decode()
    assert (answer.status_code, answer["HX-Trigger"]) == (422, "recorded")
    assert "<!doctype" not in text
    assert 'id="added" aria-live="polite"' in text
    assert "3 recorded, 1 could not be read. Now 3 of 100." in words(answer)
    assert field(answer) == "Just A Name"
    assert 'id="latest"' in text


def test_failed_lines_come_back_on_the_list_when_they_were_typed_there(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    answer = as_(alice).post("/contacts/add/?next=contacts", form(f"{GOOD}\nJust A Name"))
    assert answer.status_code == 422
    said = words(answer)
    assert "Only you see them." in said
    assert "Ann Lee ann@outside.example.org" in said
    assert field(answer) == "Just A Name"


def test_people_you_all_had_already_are_no_error(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    client.post("/contacts/add/", form(GOOD))
    again = client.post("/contacts/add/", form(GOOD), follow=True)
    assert again.status_code == 200
    assert "3 already recorded." in words(again)


@pytest.mark.parametrize("text", ["\n".join(f"@guest{n}" for n in range(201)), "@" + "x" * 50_000])
def test_more_than_a_form_takes_is_sent_to_a_file_and_stays_typed(
    as_: SignIn, alice: Employee, campaign: Campaign, text: str
) -> None:
    answer = as_(alice).post("/contacts/add/", form(text))
    assert answer.status_code == 422
    assert "upload a file instead" in words(answer)
    assert field(answer) == text
    assert not Submission.objects.exists()


def test_every_failed_line_is_listed(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    said = words(as_(alice).post("/contacts/add/", form("\n".join(f"Guest Number{n}x" for n in range(1, 201)))))
    assert "200 could not be read." in said
    assert [n for n in range(1, 201) if f"Line {n} Guest Number{n}x This line has no phone number" not in said] == []


def test_two_hundred_lines_are_taken(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    text = "\r\n".join(f"Guest {n} @guest{n}" for n in range(200))
    assert "200 recorded." in words(as_(alice).post("/contacts/add/", form(text), follow=True))


@pytest.mark.parametrize("text", ["", " \r\n \t"])
def test_nothing_typed_is_requested(as_: SignIn, alice: Employee, campaign: Campaign, text: str) -> None:
    answer = as_(alice).post("/contacts/add/", form(text))
    assert answer.status_code == 422
    assert "Enter a phone number, an e-mail or a handle." in words(answer)


def test_a_pasted_line_is_text_and_never_markup(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    answer = as_(alice).post("/contacts/add/", form("</textarea><img src=x> and words\n<img src=x> more words"))
    assert answer.status_code == 422
    assert b"<img" not in answer.content


def test_a_pasted_megabyte_of_line_ends_is_refused_before_it_is_cut(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_(alice)
    monkeypatch.setattr("apps.dashboard.forms.base.lines_of", lambda text: pytest.fail("it was cut into lines"))
    answer = client.post("/contacts/add/", form("a" + "\n" * 1_000_000 + "b"))
    assert answer.status_code == 422
    assert "At most 200 lines and 50,000 characters at a time" in words(answer)


def test_an_add_is_undone_from_its_message(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    added = client.post("/contacts/add/", form(GOOD), follow=True)
    address = re.search(r'action="(/contacts/add/[^"]+/undo/)"', added.content.decode())
    assert address
    undone = client.post(address[1], follow=True)
    assert "Undone: 3 contacts were ended." in words(undone)
    assert not Contact.objects.of(alice).live().exists()
    assert "There was nothing to undo." in words(client.post(address[1], follow=True))
    client.post("/contacts/add/", form(GOOD))
    assert Contact.objects.of(alice).live().count() == 3, "an undone person can be added again"


def test_what_was_not_recorded_cannot_be_undone(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record_one(alice, ("handle", "@hana"))
    again = as_(alice).post("/contacts/add/", form("@hana\n@hana"), follow=True)
    assert "2 already recorded." in words(again)
    assert b"/undo/" not in again.content


def test_a_file_is_not_undone_as_an_add(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    batch = people.record(alice, source="csv").submission_id
    assert as_(alice).post(f"/contacts/add/{batch}/undo/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("13800138000", "Understood: Phone +86 138 0013 8000"),
        ("Ann Lee; +49 170 1234567; ANN@x.example.org", "Ann Lee · Phone +49 170 1234567 · E-mail ann@x.example.org"),
        (GOOD + "\nJust A Name\nAnother Name", "Understood: 3 people · E-mail 1 · Handle 1 · Phone 1 · 2 lines cannot"),
        ("Ann l3912345678", "Did you mean +86 139 1234 5678? Use +86 139 1234 5678"),
        ("49 170 1234567", "Did you mean +49 170 1234567?"),
        ("Just A Name", ""),
        ("139", ""),
        ("", ""),
        ("@" + "x" * 60_000, ""),
    ],
)
def test_the_form_says_what_it_understood_and_stores_nothing(
    as_: SignIn, alice: Employee, campaign: Campaign, typed: str, understood: str
) -> None:
    said = words(as_(alice).post("/contacts/add/preview/", form(typed), headers=IN_PLACE))
    assert understood in said if understood else not said
    assert not Submission.objects.exists()
