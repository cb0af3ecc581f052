"""An announcement on pages: every employee of the campaign sees it until it is read; two HR users publish it."""

import uuid
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import account_for
from apps.campaigns.models import Announcement, AnnouncementRead, Campaign
from apps.employees.models import Employee
from apps.notifications.models import Notification
from apps.notifications.planning import plan_notifications
from apps.notifications.schedule import record_scheduled_events
from tests import announcing, people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words
from tests.dashboard.test_queries import FIRST_PAGE
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
AT = "/company/campaigns/november/announcements/"


def form(**values: Any) -> dict[str, str]:
    return {**announcing.TEXTS, "shown_from": "", "key": str(uuid.uuid4()), **values}


@pytest.fixture
def second(company: dict[str, Employee]) -> Employee:
    """Another employee in HR."""
    return people.with_account(company["D001"], "hr")


# -- Employees -----------------------------------------------------------------------------------------------------


def test_an_employee_sees_it_until_it_is_read_and_then_about_the_campaign(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    announcement = announcing.published(campaign)
    client = as_(alice)
    text = words(client.get("/"))
    assert "Why this matters" in text
    assert "Each of us knows somebody. Thank you." in text
    assert "Li Wei Chief Executive Officer" in text
    answer = client.post(f"/about/{announcement.pk}/read/", follow=True)
    assert "The text stays under “About this campaign”." in words(answer)
    assert "Each of us knows somebody." not in words(answer)
    assert "/about/" in links(answer)
    about = words(client.get("/about/"))
    assert "Each of us knows somebody." in about
    assert "You have read this." in about
    assert "I have read it" not in about
    assert "Each of us knows somebody." in words(as_(alan).get("/")), "a colleague has not read it"


def test_a_second_click_changes_nothing(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    announcement = announcing.published(campaign)
    client = as_(alice)
    for _time in range(2):
        assert client.post(f"/about/{announcement.pk}/read/").status_code == 302
    assert AnnouncementRead.objects.count() == 1


def test_a_changed_text_is_shown_again(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    client.post(f"/about/{announcing.published(campaign).pk}/read/")
    announcing.published(campaign, text_en="The prize is larger.")
    assert "The prize is larger." in words(client.get("/"))


def test_it_is_in_the_readers_language(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    announcing.published(campaign)
    text = words(as_(alice).get("/", headers={"accept-language": "zh-CN"}))
    assert "我们每个人都认识这样的人。 谢谢！" in text
    assert "首席执行官" in text
    assert "Each of us" not in text


def test_it_is_shown_before_the_opening_too(as_: SignIn, alice: Employee, noon: Clock) -> None:
    days = {"opens_on": date(2026, 12, 1), "deadline": date(2026, 12, 31)}
    later = people.november(name="December", slug="december", **days)
    announcing.published(later)
    assert "Why this matters" in words(as_(alice).get("/?campaign=december"))


def test_who_is_not_in_the_campaign_neither_sees_nor_confirms_it(
    as_: SignIn, alice: Employee, carol: Employee, noon: Clock
) -> None:
    announcement = announcing.published(people.november(scope=["Sales"]))
    people.mark()
    client = as_(carol)
    for page in ("/?campaign=november", "/about/?campaign=november"):
        assert "Why this matters" not in words(client.get(page))
    assert client.post(f"/about/{announcement.pk}/read/").status_code == 404
    assert not AnnouncementRead.objects.exists()


@pytest.mark.parametrize("state", ["waiting", "scheduled", "withdrawn"])
def test_what_is_not_shown_cannot_be_confirmed(
    as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign, state: str
) -> None:
    when: dict[str, Any] = {"shown_from": campaign.rule.cutoff_at.replace(day=29)} if state == "scheduled" else {}
    announcement = (announcing.requested if state == "waiting" else announcing.published)(campaign, **when)
    if state == "withdrawn":
        as_(hr).post(f"{AT}1/withdraw/", {"reason": "A mistake."})
    client = as_(alice)
    assert "Why this matters" not in words(client.get("/"))
    assert client.post(f"/about/{announcement.pk}/read/").status_code == 404


def test_each_campaign_has_its_own(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    other = people.november(name="Second")
    people.mark()
    announcing.published(other, title_en="Only the second")
    client = as_(alice)
    assert "Only the second" not in words(client.get("/?campaign=november"))
    answer = client.get("/?campaign=second")
    assert "Only the second" in words(answer)
    assert "/about/?campaign=second" in links(answer)
    assert "Only the second" in words(client.get("/about/?campaign=second"))


def test_markup_is_text_and_only_web_addresses_are_links(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    text = '<b>Big</b> <script>x</script> javascript:alert(1) 请看https://wiki.corp.example.com/a?b=1&c="2，谢谢'
    announcing.published(campaign, text_en=text, title_en="<i>T</i>", speaker="<u>W</u>")
    page = as_(alice).get("/").content.decode()
    for markup in ("<b>Big", "<script>x", "<i>T", "<u>W"):
        assert markup not in page
    assert '请看<a href="https://wiki.corp.example.com/a?b=1&amp;c=" rel="nofollow noreferrer">' in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://a.example/b.", "https://a.example/b"),
        ("see https://corp.example@evil.example/", "https://corp.example"),
        ("http://a.example/?x=<b>", "http://a.example/?x="),
    ],
)
def test_an_address_ends_where_a_reader_thinks_it_ends(text: str, address: str) -> None:
    html = Template("{% load announcements %}{{ text|with_links }}").render(Context({"text": text}))
    assert f'<a href="{address}" rel="nofollow noreferrer">{address}</a>' in html


def test_the_companys_total_stands_beside_it(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    announcing.published(campaign)
    people.record(alice, 7)
    people.mark()
    client = as_(alice)
    sentence = "All employees together: 7 contacts that count, with a target of 900."
    assert sentence in words(client.get("/"))
    assert sentence in words(client.get("/about/"))


def test_the_home_page_makes_three_more_queries_while_it_is_unread_and_one_afterwards(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    """Everybody opens it in the hour of the mail: the text, and two for the company's total."""
    people.record(alice, 4)
    people.mark()
    client = as_(alice)
    counts = []
    client.get("/")
    counts.append(_queries(client))
    announcement = announcing.published(campaign)
    counts.append(_queries(client))
    client.post(f"/about/{announcement.pk}/read/", follow=True)
    counts.append(_queries(client))
    assert counts == [FIRST_PAGE, FIRST_PAGE + 3, FIRST_PAGE + 1]


def test_the_home_page_grows_by_little_more_than_the_text(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    before = len(client.get("/").content)
    announcing.published(campaign, text_en="x" * 3_000)
    assert len(client.get("/").content) - before < 3_000 + 3_000


def _queries(client: StrictClient) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/").status_code == 200
    return len(asked)


def test_reading_it_clears_the_bell(as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock) -> None:
    announcement = announcing.published(campaign)
    record_scheduled_events(clock.now())
    plan_notifications(clock.now())
    own = Notification.objects.visible_to(account_for(alice)).filter(kind="announcement", read_at=None)
    assert own.count() == 1
    as_(alice).post(f"/about/{announcement.pk}/read/")
    assert own.count() == 0


# -- HR ------------------------------------------------------------------------------------------------------------


def test_two_hr_users_publish_it_after_a_preview(
    as_: SignIn, alice: Employee, hr: Employee, second: Employee, campaign: Campaign
) -> None:
    first, other = as_(hr), as_(second)
    preview = first.post(f"{AT}new/", form())
    assert "What employees will read" in words(preview)
    assert not Announcement.objects.exists(), "a preview stores nothing"
    answer = first.post(f"{AT}request/", form(), follow=True)
    assert "The announcement is waiting for a second HR user." in words(answer)
    assert "Publish announcement" not in words(answer)
    assert first.post(f"{AT}1/publish/").status_code == 409
    assert "An announcement of November" in words(other.get("/company/campaigns/"))
    assert "Publish announcement" in words(other.get(f"{AT}1/"))
    assert "Published." in words(other.post(f"{AT}1/publish/", follow=True))
    assert "Why this matters" in words(as_(alice).get("/"))


def test_the_time_is_that_of_the_campaigns_zone(as_: SignIn, hr: Employee, campaign: Campaign) -> None:
    as_(hr).post(f"{AT}request/", form(shown_from="2026-11-24T08:30"))
    assert Announcement.objects.get().shown_from.isoformat() == "2026-11-24T00:30:00+00:00"  # type: ignore[union-attr]


def test_a_refused_form_comes_back_filled_with_its_error(as_: SignIn, hr: Employee, campaign: Campaign) -> None:
    client = as_(hr)
    answer = client.post(f"{AT}new/", form(text_zh=""))
    assert answer.status_code == 422
    assert "Each of us knows somebody." in words(answer)
    answer = client.post(f"{AT}request/", form(shown_from="2027-01-01T00:00"))
    assert answer.status_code == 422
    assert "This is after the deadline of the campaign." in words(answer)
    assert client.post(f"{AT}new/", form(text_en="x" * 3_001)).status_code == 422


def test_a_new_version_begins_with_the_text_of_the_newest(as_: SignIn, hr: Employee, campaign: Campaign) -> None:
    announcing.published(campaign, text_en="The second sentence is wrong.")
    assert "The second sentence is wrong." in words(as_(hr).get(f"{AT}new/"))


def test_any_hr_user_withdraws_it_with_a_reason(as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign) -> None:
    announcing.published(campaign)
    client = as_(hr)
    assert client.post(f"{AT}1/withdraw/", {"reason": " "}).status_code == 422
    assert "Withdrawn." in words(client.post(f"{AT}1/withdraw/", {"reason": "A wrong day."}, follow=True))
    assert client.post(f"{AT}1/withdraw/", {"reason": "Again."}).status_code == 409
    assert "Why this matters" not in words(as_(alice).get("/"))
    assert "A wrong day." in words(client.get(f"{AT}1/"))


def test_a_duplicated_campaign_has_no_announcement(as_: SignIn, hr: Employee, campaign: Campaign) -> None:
    """A text about November would stand in December's name."""
    announcing.published(campaign)
    assert "Why this matters" not in words(as_(hr).get("/company/open-campaign/?like=november"))
    other = people.november(name="Second")
    assert not other.announcements.exists()


def test_hr_sees_sums_of_readers_and_no_name(as_: SignIn, alice: Employee, hr: Employee, campaign: Campaign) -> None:
    announcement = announcing.published(campaign)
    as_(alice).post(f"/about/{announcement.pk}/read/")
    text = words(as_(hr).get(f"{AT}1/"))
    assert "All 9 0" in text, "one of nine has read it"
    assert "Alice" not in text


def test_a_company_of_four_has_no_sum(as_: SignIn, hr: Employee, campaign: Campaign) -> None:
    small = people.november(name="Second", scope=["Sales"])
    announcing.published(small)
    assert "Too few people for a total" in words(as_(hr).get("/company/campaigns/second/announcements/1/"))


def test_nobody_else_sees_pages_of_hr(as_: SignIn, bob: Employee, auditor: Employee, campaign: Campaign) -> None:
    announcing.published(campaign)
    for reader in (bob, auditor):
        for page in ("", "1/", "new/"):
            assert as_(reader).get(f"{AT}{page}").status_code == 404
