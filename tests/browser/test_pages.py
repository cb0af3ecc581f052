"""Every page: on a phone, a tablet and a desktop, light and dark, in both languages."""

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core import clock
from apps.dashboard import encrypted_search
from apps.employees.models import Employee
from tests import announcing, files, people, reviewing
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OWN = ["/", "/contacts/", "/contacts/{contact}/"]
OWN += ["/contacts/?sought=old", "/contacts/?sought={nobody}", "/contacts/?sought={guest}&source=page&sort=name"]
OWN += [
    "/contacts/import/",
    "/contacts/import/{upload}/",
    "/contacts/import/{unsure}/",
    "/contacts/import/batch/{batch}/",
]
OWN += ["/about/forecast/"]
OWN += ["/about/", "/review/", "/review/ask/?campaign=second", "/exports/", "/password/", "/nothing/"]
TEAM = ["/team/B001/", "/team/B001/?status=red&q=alan", "/team/A001/", "/team/B001/?as_of=2026-11-20"]
COMPANY = [
    "/company/reviews/",
    "/company/reviews/{review}/",
    "/company/reviews/?state=overdue",
    "/company/",
    "/company/?department=Sales",
    "/company/roster/",
    "/company/campaigns/",
    "/company/campaigns/november/",
    "/company/campaigns/november/change/",
    "/company/campaigns/november/announcements/",
    "/company/campaigns/november/announcements/new/",
    "/company/campaigns/november/announcements/1/",
    "/company/open-campaign/",
    "/company/audit/",
    "/exports/",
    "/exports/new/",
    "/exports/new/standings/",
]
SEEN_AS = [(390, "light", "en-GB"), (768, "dark", "zh-CN"), (1440, "light", "zh-CN"), (1440, "dark", "en-GB")]


@pytest.mark.parametrize(("width", "scheme", "locale"), SEEN_AS)
def test_no_page_breaks_the_policy_or_accessibility(
    open_as: Open, alice: Employee, bob: Employee, hr: Employee, width: int, scheme: str, locale: str
) -> None:
    filled: dict[str, object] = {
        "contact": Contact.objects.of(alice).earliest("pk").pk,
        "upload": files.upload(alice, "name,phone,shoe size\nWanda,13912345678,44\nVera,12,38\n").pk,
        "unsure": files.upload(alice, "Name,Phone\n王伟,13812345678\n".encode("gb18030")).pk,
        "batch": files.handed_in(alice, "name,phone\nXaver,13712345678\nYvonne,12\n").pk,
    }
    filled |= {
        word: encrypted_search.encrypt_search(word, reader=alice, at=clock.db_now()) for word in ("nobody", "guest")
    }
    announcing.published(Campaign.objects.get(slug="november"))
    people.november(name="Second")
    filled["review"] = reviewing.ask(Campaign.objects.get(slug="november"), alice, contacts=[filled["contact"]]).pk
    wrong = []
    for who, addresses in ((None, ["/login/", "/set-password/x/y/"]), (alice, OWN), (bob, TEAM), (hr, COMPANY)):
        looked = open_as(who, width=width, scheme=scheme, locale=locale)
        for address in addresses:
            looked.goto(address.format(**filled))
            said = looked.problems()
            if address == "/nothing/":  # the browser itself reports the 404
                said = [one for one in said if "404" not in one]
            wrong += [f"{address}: {one}" for one in said + looked.findings()]
    assert not wrong, "\n".join(wrong)


def test_open_parts_can_be_read_too(open_as: Open, alice: Employee, bob: Employee) -> None:
    """Menus, tables behind charts, and a form with an error."""
    mine = open_as(alice, width=390)
    mine.goto("/")
    mine.page.fill("#quick-add [name=reach]", "12")
    mine.page.click("#quick-add button")
    mine.page.wait_for_selector("#quick-add [aria-invalid=true]")
    team = open_as(bob, width=390, scheme="dark")
    team.goto("/team/B001/")
    team.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert [one for one in mine.problems() if "422" not in one] + mine.findings() == []
    assert team.problems() + team.findings() == []


def test_a_team_prints_in_the_light_theme_without_what_paper_cannot_do(open_as: Open, bob: Employee) -> None:
    """Paper gets the server's drawing, of charts that were never scrolled to as well."""
    team = open_as(bob, scheme="dark")
    team.page.goto("/team/B001/")
    team.page.emulate_media(media="print")
    assert not team.page.locator(".nav").is_visible()
    assert not team.page.locator("form.own-filters").is_visible()
    assert team.page.locator(".tiles").is_visible()
    team.page.emulate_media(media="screen")
    team.draw()
    team.page.emulate_media(media="print")
    assert not team.page.locator(".live").first.is_visible()
    assert team.page.locator(".svg-preview:visible").count() == 3
    ink = "() => getComputedStyle(document.querySelector('.svg-preview text')).fill"
    assert team.page.evaluate(ink) == "rgb(83, 98, 95)"  # --muted of the light theme
    assert team.page.pdf()[:4] == b"%PDF"
