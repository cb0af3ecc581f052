"""A company for all pages: its readers and their contacts.

All typed values are Chinese, or one word: on a Chinese page, two English words in a row are untranslated. Among the
names are one of 200 letters without a space, an Arabic one, and one of emoji.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from apps.accounts.models import Account, Role
from apps.contacts.imports import import_contacts
from apps.employees.models import Employee
from tests import people

LONG = "Wolfeschlegelsteinhausenbergerdorff" * 5 + "welchevoralternwarengewissen"[:25]
ARABIC = "محمد بن عبد الرحمن الخوارزمي"
EMOJI = "👩🏽‍🚀🧑‍🤝‍🧑 火箭 🚀"
# How many contacts the employees of the team of five recorded, by staff number.
COUNTS = {"E000": 0, "E001": 1, "E099": 99, "E100": 100, "E500": 5_000}
MANY = 500
# The accounts, by the name that shots use.
READERS = {
    "none": "E000", "one": "E001", "red": "E099", "done": "E100", "thousands": "E500", "asker": "M001",
    "importer": "M002", "adder": "M003", "five": "L005", "many": "L500", "hr": "H001", "second": "H002",
    "auditor": "U001", "guarded": "M004", "keyed": "M005", "late": "M006",
    "behind": "M061",
    # Never signed in: what is asked for after the password is looked at.
    "asked": "M007",
}  # fmt: skip
ROLES = {"H001": "hr", "H002": "hr", "U001": "auditor"}
OPERATOR = "operator"
SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 2, tzinfo=UTC)


def load_everybody() -> None:
    """The roster, and an account for every reader; no contacts, and no campaign is open."""
    people.load("staff_no,name,email,department,manager_staff_no\n" + "\n".join(_roster()))
    for staff_no in READERS.values():
        people.with_account(people.person(staff_no), *([ROLES[staff_no]] if staff_no in ROLES else []))
    account = Account.objects.create(login=OPERATOR, display_name="值班员", password="!")
    account.set_password(people.PASSWORD)
    account.save(update_fields=["password"])
    Role.objects.create(account=account, role=Role.Kind.OPERATOR, granted_by_label="test")


def _roster() -> Iterator[str]:
    yield _line("D001", "董事长", "董事会", "")
    yield _line("L005", "白经理", "销售部", "D001")
    for staff_no, name in zip(COUNTS, ("零一凡", "易安", LONG, ARABIC, EMOJI), strict=True):
        yield _line(staff_no, name, "销售部", "L005")
    yield _line("L500", "司马相如", "客户支持与服务质量保障中心（华东区）", "D001")
    # Twenty teams of twenty-four, and their leads: 500 people below.
    for lead in range(1, 21):
        yield _line(f"T{lead:03}", f"组长{lead:02}", f"支持{lead % 7}组", "L500")
        for n in range(1, 25):
            yield _line(f"M{(lead - 1) * 24 + n:03}", f"员工{lead:02}{n:02}", f"支持{lead % 7}组", f"T{lead:03}")
    for staff_no, name in (("H001", "何人事"), ("H002", "洪人事"), ("U001", "审计员")):
        yield _line(staff_no, name, "人事部", "D001")


def _line(staff_no: str, name: str, department: str, manager: str) -> str:
    return f"{staff_no},{name},{staff_no.lower()}@corp.example.com,{department},{manager}"


def record_in_september() -> None:
    """Contacts in the finished campaign."""
    feed(row for staff_no, count in (("E099", 19), ("E100", 25), ("M001", 7)) for row in rows(staff_no, count, "s"))


def record_in_november() -> None:
    """Contacts in the running campaign, over its days."""
    # One of the 99 is recorded in `states`, in the place of a contact that was wrong.
    counts = COUNTS | {"E099": COUNTS["E099"] - 1}
    feed(row for staff_no, count in counts.items() for row in rows(staff_no, count, "n"))
    feed(row for n in range(1, MANY - 20, 4) for row in rows(f"M{n:03}", n % 130, "n"))
    # A colleague, who does not count, and a person recorded too early for November and too late for September.
    feed([_row("E099", "同事", "h001@corp.example.com", NOVEMBER), *rows("M001", 2, "late")])


def rows(staff_no: str, count: int, kind: str) -> Iterator[str]:
    """Lines of a feed: `count` people brought by one employee, over twenty days."""
    begin = SEPTEMBER if kind in ("s", "late") else NOVEMBER
    for n in range(count):
        at = begin + timedelta(days=20 * (n / max(count, 1)) ** 0.7, hours=3, seconds=n)
        yield _row(staff_no, f"客人{n + 1}", f"{kind}{staff_no.lower()}.{n}@outside.example.org", at)


def _row(staff_no: str, name: str, email: str, at: datetime) -> str:
    return f"{staff_no},{name},{email},{at.isoformat()}"


def feed(lines: Iterator[str] | list[str]) -> None:
    """Import these lines as the messaging product's feed."""
    text = "staff_no,name,email,recorded_at\n" + "\n".join(lines)
    import_contacts(raw=io.BytesIO(text.encode()), by=people.TESTER, trust_times=True, file_name="feed.csv")


def person(reader: str) -> Employee:
    """The employee of a reader's name."""
    return people.person(READERS[reader])


def account(reader: str) -> Account:
    return Account.objects.get(employee=person(reader))
