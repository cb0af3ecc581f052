"""`/company/reviews/`: HR finds what is due, answers once, and learns when another HR member was faster."""

import pytest

from apps.accounts.models import Account, Role
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.reviews.models import Review
from apps.standings import effective_dates
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, rows, words
from tests.fixtures import Clock
from tests.reviewing import adjusted, answer, ask, ids, withdraw

pytestmark = pytest.mark.django_db


def test_what_is_due_first_comes_first_and_what_is_overdue_says_so(
    as_: SignIn, alice: Employee, alan: Employee, bob: Employee, hr: Employee, campaign: Campaign, clock: Clock
) -> None:
    for who, day in ((alan, 20), (alice, 16), (bob, 21)):
        clock.set(f"2026-11-{day}T12:00:00+08:00", ticks=True)
        ask(campaign, who, f"From {who.staff_no}.")
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    said = words(as_(hr).get("/company/reviews/"))
    assert said.index("A001") < said.index("A002") < said.index("B001")
    assert "From A00" not in said, "no text is shown without an entry of who reads it"
    assert said.count("2 days overdue") == 1
    assert "Fri 27 Nov · in 2 days" in said
    assert "Open 3 Overdue 1 Answered 0 Withdrawn 0" in said
    only = words(as_(hr).get("/company/reviews/?state=overdue"))
    assert "A001" in only
    assert "A002" not in only
    company = as_(hr).get("/company/")
    assert "Reviews 3 Replies overdue 1" in words(company)
    assert "/company/reviews/?state=overdue" in links(company)


def test_the_list_pages_through_all_employees_once_and_finds_one(as_: SignIn, noon: object) -> None:
    staff = people.company([("BOSS", ""), *((f"P{n}", "BOSS") for n in range(120))])
    campaign = people.november()
    for one in staff.values():
        ask(campaign, one, f"From {one.staff_no}.")
    client = as_(people.with_account(staff["BOSS"], "hr"))
    seen: list[str] = []
    address = "/company/reviews/"
    while address:
        page = client.get(address)
        seen += [row["review"].employee.staff_no for row in page.context["rows"]]
        address = page.context["page"].next
    assert sorted(seen) == sorted(staff)
    assert [row["review"].employee.staff_no for row in client.get("/company/reviews/?q=p11").context["rows"]] == [
        "P11", *(f"P{n}" for n in range(110, 120)),
    ]  # fmt: skip
    for wrong in ("x", "0", "9" * 30):
        assert client.get(f"/company/reviews/?after={wrong}").context["page"].first == ""


def test_one_question_shows_the_standing_in_numbers_and_what_was_noted(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    people.record(alice, 3)
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Secret")
    people.mark()
    review = ask(campaign, alice, "Please look.", contacts=ids(alice)[2:])
    people.record(alice, 1)
    said = words(as_(hr).get(f"/company/reviews/{review.pk}/"))
    assert "Please look." in said
    assert "4 of 100 counted" in said
    assert "At the time of the request: 3 of 100 counted" in said
    assert "Contacts that do not count now A colleague 1" in said
    assert "No. 1 Recorded on Mon 23 Nov · this page · not confirmed counts" in said
    assert "No. 2 Recorded on Mon 23 Nov · this page · not confirmed A colleague" in said
    assert "Secret" not in said


def test_an_answer_without_a_reason_comes_back_and_with_one_is_sent(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    client, address = as_(hr), f"/company/reviews/{review.pk}/answer/"
    empty = client.post(address, {"answer": "reason", "text": ""})
    assert empty.status_code == 422
    assert "Write the reason." in words(empty)
    assert "Answered." in words(client.post(address, {"answer": "reason", "text": "It is right."}, follow=True))
    review.refresh_from_db()
    assert (review.answer_text, review.answered_by, review.answered_by_label) == ("It is right.", hr, "Hedda")


def test_an_adjustment_is_chosen_by_what_it_says(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    client, address = as_(hr), f"/company/reviews/{review.pk}/"
    assert "By an adjustment ·" not in words(client.get(address))
    made = adjusted(campaign, alice)
    assert "By an adjustment · Target 80: part time" in words(client.get(address))
    client.post(f"{address}answer/", {"answer": f"adjustment:{made}", "text": ""})
    for who, page in ((hr, address), (alice, "/review/")):
        said = words(as_(who).get(page))
        assert "Answered by an adjustment" in said
        assert "Target 80: part time" in said


@pytest.mark.parametrize("choice", ["", "shrug", "adjustment:", "adjustment:x", "adjustment:999", "correction:1"])
def test_a_way_that_is_not_offered_answers_nothing(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign, choice: str
) -> None:
    review = ask(campaign, alice)
    answered = as_(hr).post(f"/company/reviews/{review.pk}/answer/", {"answer": choice, "text": "Kept words."})
    assert answered.status_code == 422
    assert "Choose the type of answer." in words(answered)
    assert b"Kept words." in answered.content
    assert Review.objects.get().state == "open"


def test_a_refused_answer_is_a_reading_too(as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign) -> None:
    """Otherwise HR reads a person's words by an empty answer, and the person never learns of it."""
    review = ask(campaign, alice, "My own words.")
    said = words(as_(hr).post(f"/company/reviews/{review.pk}/answer/", {"answer": "", "text": ""}))
    assert "My own words." in said
    assert AuditEntry.objects.filter(action="review.read", subject_id=str(review.pk)).count() == 1


def test_who_was_slower_sees_the_answer_and_keeps_the_own_words(
    as_: SignIn, alice: Employee, bob: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    answer(review, bob, "The quick answer.", by=people.Actor(None, "Quick Colleague"))
    answered = as_(hr).post(f"/company/reviews/{review.pk}/answer/", {"answer": "reason", "text": "The slow answer."})
    assert answered.status_code == 409
    said = words(answered)
    assert "Not sent: Quick Colleague has already answered this review." in said
    assert "The quick answer." in said
    assert "Your answer, not sent The slow answer." in said
    review.refresh_from_db()
    assert review.answer_text == "The quick answer."


def test_a_question_withdrawn_meanwhile_is_not_answered(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    withdraw(review)
    answered = as_(hr).post(f"/company/reviews/{review.pk}/answer/", {"answer": "reason", "text": "Late."})
    assert answered.status_code == 409
    assert "Not sent: This review was withdrawn." in words(answered)


def test_hr_sees_the_own_question_and_cannot_answer_it(as_: SignIn, hr: Employee, campaign: Campaign) -> None:
    review = ask(campaign, hr)
    client = as_(hr)
    page = client.get(f"/company/reviews/{review.pk}/")
    assert "another HR user has to answer it" in words(page)
    assert b"/answer/" not in page.content
    answered = client.post(f"/company/reviews/{review.pk}/answer/", {"answer": "reason", "text": "I am right."})
    assert answered.status_code == 422
    assert Review.objects.get().state == "open"


def test_an_hr_account_without_an_employee_cannot_read_or_answer(alice: Employee, campaign: Campaign) -> None:
    review = ask(campaign, alice)
    account = Account.objects.create_user("office", people.PASSWORD)
    Role.objects.create(account=account, role="hr", granted_by_label="test")
    client = StrictClient()
    client.force_login(account, backend="apps.accounts.backends.EmployeeBackend")
    assert "is not linked to an employee" in words(client.get(f"/company/reviews/{review.pk}/"))
    posted = client.post(f"/company/reviews/{review.pk}/answer/", {"answer": "reason", "text": "x"})
    assert posted.status_code == 404
    assert Review.objects.get().state == "open"


def test_a_question_of_another_campaign_is_not_on_this_ones_pages(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    review = ask(campaign, alice)
    people.november(name="Second")
    client = as_(hr)
    assert client.get(f"/company/reviews/{review.pk}/?campaign=second").status_code == 404
    assert client.get(f"/company/reviews/{review.pk}/?campaign=november").status_code == 200


def test_a_leavers_question_stays_with_a_word_that_they_left(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign, clock: Clock
) -> None:
    review = ask(campaign, alice)
    people.load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-23")
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    effective_dates.process_effective_dates()
    people.mark()
    client = as_(hr)
    assert "has left" in words(client.get("/company/reviews/"))
    assert "no standing in the campaign now" in words(client.get(f"/company/reviews/{review.pk}/"))


# -- the mark --------------------------------------------------------------------------------------------------------


def test_hr_sees_the_mark_in_every_list_and_can_narrow_to_it(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    ask(campaign, alice)
    client = as_(hr)
    company = client.get("/company/?status=under_review")
    assert [person.row.staff_no for person in company.context["people"]] == ["A001"]
    assert "1 under review" in words(company)
    assert "/company/reviews/?q=A001" in links(company)
    for address in ("/team/B001/", "/team/A001/"):
        assert "Under review" in words(client.get(address)), address
    for address in ("/company/standings.csv", "/team/B001/standings.csv"):
        asked = [row["staff_no"] for row in rows(client.get(address)) if row["under_review"] == "yes"]
        assert asked == ["A001"], address


def test_a_manager_sees_no_review(as_: SignIn, alice: Employee, bob: Employee, campaign: Campaign) -> None:
    client = as_(bob)
    before = {address: words(client.get(address)) for address in ("/team/B001/", "/team/A001/")}
    ask(campaign, alice)
    assert {address: words(client.get(address)) for address in before} == before
    assert b"under_review" not in client.get("/team/B001/").content
    assert words(client.get("/team/B001/?status=under_review")) == words(client.get("/team/B001/"))
    assert {row["under_review"] for row in rows(client.get("/team/B001/standings.csv"))} == {""}


def test_an_employee_under_review_reads_it_in_the_own_file(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)

    def mark() -> str:
        [row] = rows(client.get("/exports/my-standing.csv"))
        return row["under_review"]

    assert mark() == "no"
    ask(campaign, alice)
    assert mark() == "yes"


def test_a_look_back_knows_whose_question_was_open_then(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign, clock: Clock
) -> None:
    review = ask(campaign, alice)
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    answer(review, hr)
    client = as_(hr)
    marks = {
        day: "Under review" in words(client.get(f"/team/A001/?as_of={day}")) for day in ("2026-11-22", "2026-11-23")
    }
    assert marks == {"2026-11-22": False, "2026-11-23": True}
    assert "Under review" not in words(client.get("/team/A001/"))
