"""Screenshots of HR's month in the demo company, step by step: each shows the end of a step."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import polib
from playwright.sync_api import Page

from scripts.catalogue import CATALOGUE
from tests.pages.shots import Shot

# What is typed on the pages, in the language of the picture.
TYPED = {
    "Spring fair": "春季展会",
    "Works three days a week since the first of the month": "自本月一日起每周工作三天",
    "A person I met at the fair is missing from my number.": "我在展会上认识的一个人没有计入。",
    "The contact was recorded by hand a day after the fair, and counts since then.": (
        "该联系人在展会次日手工记录，从那时起计入。"
    ),
}


def words(page: Page, text: str) -> str:
    """A label of the pages, or a text of `TYPED`, in the language of the page."""
    if page.locator("html").get_attribute("lang") == "en":
        return text
    labels = {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE)) if not entry.msgctxt}
    return TYPED[text] if text in TYPED else labels[text]


def days_ago(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def standings(page: Page) -> list[dict[str, str]]:
    """All employees of the demo, whose numbers and names differ in each demo."""
    return list(csv.DictReader(io.StringIO(page.request.get("/company/standings.csv").body().decode("utf-8-sig"))))


def send(page: Page, button: str, until: str) -> None:
    page.click(f"main button:has-text('{words(page, button)}')")
    page.wait_for_selector(until)


def look_at_roster(page: Page) -> None:
    """Three join, two move, one leaves, and one line is invalid."""
    employees = [row for row in standings(page) if row["manager_staff_no"]][40:43]
    manager, elsewhere = employees[0]["manager_staff_no"], "Partner Sales"
    rows = [["Staff number", "Name", "E-mail", "Department", "Manager", "Last day"]]
    for number, name in (("E90001", "Amara Okafor"), ("E90002", "陈晓明"), ("E90003", "Diego Fuentes")):
        rows.append([number, name, f"{number.lower()}@northwind.example", elsewhere, manager, ""])
    rows += [[row["staff_no"], row["name"], row["email"], elsewhere, row["manager_staff_no"], ""] for row in employees]
    rows[-1][3], rows[-1][5] = employees[-1]["department"], days_ago(1).isoformat()
    rows.append(["E90004", "Hannah Weiss", "hannah.weiss", elsewhere, manager, ""])
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    file = {"name": "roster-december.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode()}
    page.set_input_files("input[type=file]", file)
    send(page, "Preview file", f"text={words(page, 'Nothing is changed yet')}")


def look_at_campaign(page: Page) -> None:
    spring = {"name": words(page, "Spring fair"), "target": "60", "opens_on": "2027-03-01", "deadline": "2027-03-31"}
    for name, text in spring.items():
        page.fill(f"[name={name}]", text)
    page.select_option("[name=time_zone]", "Asia/Shanghai")
    send(page, "Preview", "#look")


def look_at_rule(page: Page) -> None:
    page.click("td.lead a >> nth=0")
    page.click(f"main a:has-text('{words(page, 'Change rule')}')")
    page.fill("[name=target]", "90")
    send(page, "Preview", "#look")


def fill_adjustment(page: Page) -> None:
    page.fill("[name=person]", standings(page)[60]["staff_no"])
    page.select_option("[name=kind]", "part_time")
    page.fill("[name=target]", "60")
    page.fill("[name=reason]", words(page, "Works three days a week since the first of the month"))


def decide(page: Page) -> None:
    page.click("#list td.lead a")
    page.wait_for_selector(f"text={words(page, 'Your decision')}")


def ask(page: Page) -> None:
    page.fill("textarea[name=text]", words(page, "A person I met at the fair is missing from my number."))
    send(page, "Send to HR", "#messages li")


def answer(page: Page) -> None:
    page.click("#list a.name")
    reason = "The contact was recorded by hand a day after the fair, and counts since then."
    page.fill("textarea[name=text]", words(page, reason))


def make_standings(page: Page) -> None:
    """As of the end of the last Friday."""
    friday = days_ago((days_ago(0).weekday() - 4) % 7 or 7)
    page.fill("[name=day]", friday.isoformat())
    send(page, "Create file", "main .actions a[download]")


def open_result(page: Page) -> None:
    """The result of the trial campaign."""
    page.click(f"tr:has-text('{words(page, 'frozen')}') td.lead a")
    page.click(f"main a:has-text('{words(page, 'The final result')}')")


def open_correction(page: Page) -> None:
    open_result(page)
    page.click("a[href*='/corrections/']:not([href*='/ask/']) >> nth=0")


def hand_over(page: Page) -> None:
    open_result(page)
    page.click(f"main a:has-text('{words(page, 'Hand over')}')")
    send(page, "Create file", "main .actions a[download]")


SHOTS = [
    Shot("handbook-roster", "hr", "/company/roster/", look_at_roster),
    Shot("handbook-campaign", "hr", "/company/open-campaign/", look_at_campaign),
    Shot("handbook-rule", "hr", "/company/campaigns/", look_at_rule),
    Shot("handbook-adjustment", "hr", "/company/adjustments/ask/", fill_adjustment),
    Shot("handbook-decision", "hr", "/company/adjustments/", decide),
    Shot("handbook-question", "employee", "/review/ask/", ask),
    Shot("handbook-review", "hr", "/company/reviews/", answer),
    Shot("handbook-company", "hr", "/company/"),
    Shot("handbook-export", "hr", "/exports/new/standings/", make_standings),
    Shot("handbook-audit", "hr", "/company/audit/?about=adjustment"),
    Shot("handbook-result", "hr", "/company/campaigns/", open_result),
    Shot("handbook-correction", "hr", "/company/campaigns/", open_correction),
    Shot("handbook-handover", "hr", "/company/campaigns/", hand_over),
]
