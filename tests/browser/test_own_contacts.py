"""The own list: what has ended is out of the way, an end keeps the place, and each reason has its fix beside it."""

import pytest
from playwright.sync_api import expect

from apps.contacts.models import Contact
from apps.contacts.services import changes
from apps.employees.models import Employee
from tests import files, people
from tests.browser.conftest import Open
from tests.fixtures import Clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [390, 1440])
def test_an_end_keeps_the_place_and_can_be_undone_there(open_as: Open, alice: Employee, width: int) -> None:
    mine = open_as(alice, width=width)
    mine.page.goto("/contacts/?reason=counts&sort=oldest&rows=50")
    end = mine.page.get_by_role("button", name="End Guest 40", exact=True)
    end.scroll_into_view_if_needed()
    place = mine.page.evaluate("scrollY")
    assert place > 500
    end.click()
    gone = mine.page.locator(".message", has_text="Guest 40 is ended.")
    expect(gone).to_be_in_viewport()
    undo = gone.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    assert abs(mine.page.evaluate("scrollY") - place) < 150
    expect(mine.page.locator(".matches")).to_contain_text("98 contacts found")
    expect(mine.page.locator(".chips a", has_text="Ended")).to_have_text("Ended 1")
    assert mine.problems() + mine.findings() == []
    undo.click()
    expect(gone).to_have_count(0)
    expect(mine.page.get_by_role("button", name="End Guest 40", exact=True)).to_be_focused()
    expect(mine.page.locator(".matches")).to_contain_text("99 contacts found")
    assert Contact.objects.of(alice).live().count() == 100
    assert mine.problems() == []


def test_an_end_without_scripts_returns_to_the_same_page_of_the_list(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, java_script_enabled=False)
    mine.page.goto("/contacts/?reason=counts&sort=oldest&rows=50")
    mine.page.click("a[rel=next]")
    mine.page.get_by_role("button", name="End Guest 60", exact=True).click()
    expect(mine.page.locator("#messages")).to_contain_text("Guest 60 is ended.")
    assert "reason=counts" in mine.page.url
    assert "after=" in mine.page.url
    mine.page.click("#messages button")
    expect(mine.page.locator("#messages")).to_contain_text("Guest 60 is restored.")


def test_ended_contacts_are_shown_only_when_asked_for(open_as: Open, alice: Employee) -> None:
    newest = Contact.objects.of(alice).order_by("-pk")[0]
    changes.end_contact(contact_id=newest.pk, employee=alice, by=people.TESTER)
    mine = open_as(alice, width=390)
    mine.page.goto("/")
    expect(mine.page.locator("#latest")).to_contain_text("Guest")
    expect(mine.page.locator("#latest")).not_to_contain_text("Bob from next door")
    mine.page.goto("/contacts/")
    expect(mine.page.locator("#list tbody").first).to_contain_text("Guest 99")
    mine.page.click(".chips a:has-text('Ended')")
    expect(mine.page.locator("#list td.lead")).to_have_text(["Bob from next door"])
    mine.page.click(".chips a:has-text('All')")
    expect(mine.page.locator("#list td.lead").first).to_have_text("Bob from next door")
    mine.page.goto("/review/ask/")
    expect(mine.page.locator("#contacts")).not_to_contain_text("Bob from next door")
    mine.page.get_by_label("Ended contacts too").check()
    mine.page.click("button:has-text('Search')")
    expect(mine.page.locator("#contacts")).to_contain_text("Bob from next door")
    assert mine.problems() + mine.findings() == []


def test_undoing_a_file_asks_once_with_the_number(open_as: Open, alice: Employee) -> None:
    batch = files.handed_in(alice, "name,handle\nAnn,ann1\nBea,bea1\nCleo,cleo1\n")
    mine = open_as(alice, width=390)
    mine.page.goto(f"/contacts/import/batch/{batch.pk}/")
    end = mine.page.get_by_role("button", name="End 3 contacts")
    expect(end).not_to_be_visible()
    mine.page.click("text=Undo this import")
    expect(mine.page.locator(".fold")).to_contain_text("3 contacts from this file are still active.")
    assert Contact.objects.of(alice).live().filter(submission=batch).count() == 3
    assert mine.problems() + mine.findings() == []
    end.click()
    expect(mine.page.locator("#messages")).to_contain_text("Undone: 3 contacts were ended.")
    expect(mine.page.locator("text=Undo this import")).to_have_count(0)
    mine.page.click(".tiles a.green")
    expect(mine.page.locator("#list td.lead")).to_have_count(3)


@pytest.mark.parametrize("place", ["list", "contact"])
def test_one_from_before_the_opening_is_recorded_again_by_one_tap(
    open_as: Open, alice: Employee, clock: Clock, place: str
) -> None:
    clock.set("2026-10-20T12:00:00+08:00", ticks=True)
    people.record_one(alice, ("handle", "@early"), name="Early Bird")
    clock.set("2026-11-23T12:30:00+08:00", ticks=True)  # after what the company has recorded at noon
    people.mark()
    early = Contact.objects.get(name="Early Bird")
    mine = open_as(alice, width=390)
    mine.page.goto("/contacts/?reason=outside_period" if place == "list" else f"/contacts/{early.pk}/")
    expect(mine.page.locator("main")).to_contain_text("It was not recorded while the campaign was open.")
    assert mine.findings() == []
    mine.page.get_by_role("button", name="Record again today").click()
    expect(mine.page.locator("main")).to_contain_text("counts")
    expect(mine.page.get_by_role("button", name="Record again today")).to_have_count(0)
    again = Contact.objects.of(alice).live().get(name="Early Bird")
    assert again.replaces_id == early.pk
    mine.page.goto("/")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")
    assert mine.problems() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_all_from_before_the_opening_are_recorded_again_after_one_look_at_their_number(
    open_as: Open, alice: Employee, clock: Clock, scripts: bool
) -> None:
    clock.set("2026-10-20T12:00:00+08:00", ticks=True)
    for name in ("Early Bird", "Lark", "Wren"):
        people.record_one(alice, ("handle", f"@{name.split()[0].lower()}"), name=name)
    clock.set("2026-11-23T12:30:00+08:00", ticks=True)
    people.mark()
    mine = open_as(alice, width=390, java_script_enabled=scripts)
    mine.page.goto("/")
    mine.page.get_by_role("link", name="Record all 3 again today").click()
    # The address opens the question: the form stands in a <details>.
    button = mine.page.get_by_role("button", name="Record 3 contacts again")
    expect(button).to_be_visible()
    assert Contact.objects.of(alice).live().count() == 103
    button.click()
    expect(mine.page.locator("#messages")).to_contain_text("3 contacts are recorded again today.")
    expect(mine.page.locator("#list tbody").first).to_contain_text("counts")
    expect(mine.page.locator(".chips a", has_text="Outside the period")).to_have_count(0)
    assert Contact.objects.of(alice).live().exclude(replaces=None).count() == 3
    if scripts:
        assert mine.problems() + mine.findings() == []


def test_a_correction_without_a_change_says_so(open_as: Open, alice: Employee) -> None:
    contact = Contact.objects.get(name="Bob from next door")
    mine = open_as(alice)
    mine.page.goto("/contacts/?reason=not_external")
    mine.page.click("#list a[href$='#correct']")
    mine.page.click("#correct button")
    expect(mine.page.locator("#messages")).to_contain_text("Nothing has changed: phone, e-mail and handle are the same")
    assert Contact.objects.of(alice).live().filter(pk=contact.pk).exists()
    mine.page.fill("#correct [name=email]", "nonsense")
    mine.page.click("#correct button")
    expect(mine.page.locator("#correct [name=email]")).to_have_attribute("aria-invalid", "true")
    expect(mine.page.locator("#correct [name=email]")).to_be_focused()
    expect(mine.page.locator("#messages li"), "the answer to the attempt before").to_have_count(0)
