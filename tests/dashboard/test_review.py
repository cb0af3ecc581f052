"""`/review/`: asking HR to review the own number, following the state, and withdrawing."""

import uuid
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.reviews.models import Review
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words
from tests.fixtures import Clock
from tests.reviewing import answer, ask, ids

pytestmark = pytest.mark.django_db


def form(text: str = "Please look.", *contacts: int, **more: str) -> dict[str, Any]:
    return {"text": text, "contact": contacts, "key": str(uuid.uuid4()), **more}


def test_the_first_page_offers_the_question_and_then_shows_that_it_waits(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    client = as_(alice)
    assert "/review/ask/" in links(client.get("/"))
    answered = client.post("/review/ask/", form(), follow=True)
    assert "HR has received your request." in words(answered)
    said = words(client.get("/"))
    assert "Red: 100 to go" in said
    assert "Under review" in said
    assert "Your review request: HR replies by Mon 30 Nov" in said


def test_the_page_says_what_was_asked_and_counts_the_days_to_the_reply(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    people.record(alice, 3)
    ask(campaign, alice, "First line.\nSecond line.", contacts=ids(alice)[:1])
    client = as_(alice)
    said = words(client.get("/review/"))
    assert "HR replies by Mon 30 Nov (in 7 days)." in said
    assert "3 of 100 counted then" in said
    assert "First line. Second line." in said
    assert "1 contact ticked" in said
    assert "Guest 1" in said
    clock.set("2026-11-30T23:59:59+08:00", ticks=True)
    assert "HR replies by Mon 30 Nov (today)." in words(client.get("/review/"))
    clock.set("2026-12-01T00:00:00+08:00", ticks=True)
    assert "HR's reply was due by Mon 30 Nov (1 day overdue)." in words(client.get("/review/"))


def test_the_answer_stands_there_and_the_next_question_may_follow(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    answer(ask(campaign, alice), hr, "He came back in spring.")
    client = as_(alice)
    said = words(client.get("/review/"))
    assert "He came back in spring." in said
    assert "Request another review" in said
    assert "Under review" not in words(client.get("/"))
    assert client.get("/review/ask/").status_code == 200


def test_a_question_without_words_comes_back_with_its_ticks(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 2)
    answered = as_(alice).post("/review/ask/", form(" ", ids(alice)[0]))
    assert answered.status_code == 422
    assert "Describe what HR should check." in words(answered)
    assert f'value="{ids(alice)[0]}" checked'.encode() in answered.content
    assert answered.content.count(b"checked") == 1


def test_a_text_that_is_too_long_comes_back_whole(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    text = "x" * 4001
    answered = as_(alice).post("/review/ask/", form(text))
    assert answered.status_code == 422
    assert "Use at most 4,000 characters. This text has 4,001." in words(answered)
    assert text.encode() in answered.content


def test_a_double_click_requests_once(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client, sent = as_(alice), form()
    first, second = client.post("/review/ask/", sent), client.post("/review/ask/", sent)
    assert (first.status_code, second.status_code) == (302, 302)
    assert Review.objects.count() == 1


def test_a_second_window_learns_of_the_open_review_and_keeps_its_text(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    ask(campaign, alice)
    client = as_(alice)
    answered = client.post("/review/ask/", form("The other window."))
    assert answered.status_code == 422
    assert "You have already requested a review" in words(answered)
    assert b"The other window." in answered.content
    assert client.get("/review/ask/")["Location"] == "/review/"


def test_searching_and_paging_lose_neither_words_nor_ticks(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 30)
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Zoe")
    client, first = as_(alice), ids(alice)[0]
    page = client.get("/review/ask/")
    assert words(page).index("Zoe") < words(page).index("Guest"), "what does not count is offered first"
    found = client.post("/review/choose/", form("Half a senten", first, q="zoe"))
    assert found.status_code == 200
    assert b"Half a senten</textarea>" in found.content
    assert f'value="{first}" checked'.encode() in found.content
    assert found.content.count(b'name="contact"') == 2
    second = client.post("/review/choose/", form("", first, page="2"))
    assert second.content.count(b'name="contact"') == 1 + 10
    assert not Review.objects.exists()


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "10000"])
def test_a_page_that_is_not_there_is_no_error(as_: SignIn, alice: Employee, campaign: Campaign, page: str) -> None:
    assert as_(alice).post("/review/choose/", form(page=page)).status_code == 200


@pytest.mark.parametrize("wrong", ["x", "-1", "9" * 30, "²", "1;2"])
def test_a_tick_that_is_no_own_contact_sends_nothing(
    as_: SignIn, alice: Employee, campaign: Campaign, wrong: str
) -> None:
    answered = as_(alice).post("/review/ask/", form() | {"contact": wrong})
    assert answered.status_code == 422
    assert "One of these contacts cannot be found." in words(answered)
    assert not Review.objects.exists()


def test_anothers_contact_is_neither_shown_nor_taken(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    people.record_one(alan, ("email", "canary@outside.example.org"), name="Canary")
    theirs = ids(alan)[0]
    client = as_(alice)
    for answered in (
        client.get(f"/review/ask/?contact={theirs}"),
        client.post("/review/choose/", form("x", theirs, q="canary")),
        client.post("/review/ask/", form("x", theirs)),
    ):
        assert b"Canary" not in answered.content
        assert b"canary@" not in answered.content
    assert not Review.objects.exists()


def test_only_the_employee_withdraws_a_review_and_once(
    as_: SignIn, alice: Employee, alan: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    address = f"/review/{review.pk}/withdraw/"
    assert as_(alan).post(address).status_code == as_(hr).post(address).status_code == 404
    client = as_(alice)
    assert "Your request is withdrawn." in words(client.post(address, follow=True))
    assert "This review was withdrawn." in words(client.post(address, follow=True))
    assert Review.objects.get().state == "withdrawn"


def test_who_withdraws_after_the_answer_is_shown_the_answer(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    answer(review, hr, "He came back.")
    said = words(as_(alice).post(f"/review/{review.pk}/withdraw/", follow=True))
    assert "has already answered this review." in said
    assert "He came back." in said


def test_an_erased_contact_stays_ticked_without_a_name(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record_one(alice, ("email", "grace@outside.example.org"), name="Grace")
    review = ask(campaign, alice, contacts=ids(alice))
    contact = review.contacts.get().contact
    contact.identities.update(value=None)
    contact.name = None
    contact.save(update_fields=["name"])
    said = words(as_(alice).get("/review/"))
    assert "1 contact ticked erased HR sees it as No. 1" in said


def test_before_the_opening_and_without_a_standing_there_is_nothing_to_ask(
    as_: SignIn, alice: Employee, noon: object
) -> None:
    client = as_(alice)
    assert "There is no campaign yet" in words(client.get("/review/ask/"))
    assert client.get("/review/").status_code == 200
    assert client.post("/review/ask/", form()).status_code == 404
    people.november(scope=["Board"])
    assert "You have no standing in this campaign." in words(client.get("/review/ask/"))
    assert client.post("/review/ask/", form()).status_code == 422


def test_a_cancelled_campaigns_questions_are_no_page_any_more(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    ask(campaign, alice)
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    assert as_(alice).get("/review/?campaign=november").status_code == 404
