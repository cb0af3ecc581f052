"""`/company/audit/`: HR and auditors find who did what and from where, but no contacts."""

import csv
import io
import re
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from apps.accounts.models import Role
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit
from apps.core.models import AuditEntry
from apps.dashboard.labels import audit as audit_labels
from apps.dashboard.labels.audit_actions import ACTIONS
from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from tests import people
from tests.people import TESTER
from tests.reviewing import ask, ids

PAGE = "/company/audit/"


def shown(client: Client, address: str = PAGE) -> list[tuple[str, str, str]]:
    entries = [row["entry"] for row in client.get(address).context["rows"]]
    return [(entry.actor_label, entry.action, entry.origin) for entry in entries]


def test_a_sign_in_says_from_where(client: Client, campaign: Campaign, auditor: Employee) -> None:
    client.post("/login/", {"username": "U001", "password": people.PASSWORD}, REMOTE_ADDR="10.1.2.3")
    assert ("Uwe", "account.signed_in", "page 10.1.2.3") in shown(client)


@pytest.mark.parametrize(
    ("stored", "shown_as"),
    [("command line (root)", "命令行（root）"), ("command line", "命令行"), ("system", "系统"), ("Olga", "Olga")],
)
def test_an_actor_that_is_no_person_is_named_in_the_readers_language(
    client: Client, campaign: Campaign, auditor: Employee, stored: str, shown_as: str
) -> None:
    audit("role.granted", by=Actor(None, stored), kind="employee", id="A001", label="Alice 艾 (A001)")
    people.sign_in(client, auditor)
    page = client.get(f"{PAGE}?about=role", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert f'<span class="name">{shown_as}</span>' in page


def test_entries_are_found_by_what_who_and_day(client: Client, campaign: Campaign, hr: Employee) -> None:
    audit("role.granted", by=Actor(None, "Olga"), kind="employee", id="A001", label="Alice 艾 (A001)")
    people.sign_in(client, hr)
    assert [line[1] for line in shown(client, f"{PAGE}?about=role&q=艾")] == ["role.granted"]
    assert shown(client, f"{PAGE}?about=role&until=2026-11-22") == []
    assert shown(client, f"{PAGE}?about=role&since=2026-11-23&until=2026-11-23&q=Olga")
    assert client.get(f"{PAGE}?about=nonsense&since=yesterday&until=9999-99-99&before=x").status_code == 200


def test_entries_are_found_by_the_staff_number_of_the_actor(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    """Two people may share a name; HR asks what one of them did."""
    audit("token.created", by=Actor(account_for(alice).pk, "Wei Zhang"), kind="token", id=1)
    audit("token.created", by=Actor(None, "Wei Zhang"), kind="token", id=2)
    people.sign_in(client, hr)
    rows = client.get(f"{PAGE}?about=token&q=a001").context["rows"]
    assert [row["entry"].subject_id for row in rows] == ["1"]


def test_a_search_without_a_match_offers_all_entries(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    page = client.get(f"{PAGE}?q=no-such-person").content.decode()
    assert "No entry matches" in page
    assert 'href="/company/audit/#list"' in page


def test_hr_opens_the_subject_from_its_entry_and_an_auditor_reads_its_name(
    client: Client, campaign: Campaign, hr: Employee, auditor: Employee
) -> None:
    audit("campaign.cancelled", by=TESTER, kind="campaign", id=campaign.slug, label=campaign.name)
    people.sign_in(client, hr)
    address = f"/company/campaigns/{campaign.slug}/"
    assert f'<a href="{address}">{campaign.name}</a>' in client.get(f"{PAGE}?about=campaign").content.decode()
    assert client.get(address).status_code == 200
    people.sign_in(client, auditor)
    page = client.get(f"{PAGE}?about=campaign").content.decode()
    assert address not in page
    assert campaign.name in page


def test_pages_follow_each_other_without_a_gap(
    client: Client, campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        audit("token.created", by=TESTER, kind="token", id=number)
    monkeypatch.setattr("apps.dashboard.views.company.audit.PAGE", 2)
    people.sign_in(client, hr)
    address, seen = f"{PAGE}?about=token", []
    while address:
        context = client.get(address).context
        seen += [row["entry"].subject_id for row in context["rows"]]
        address = context["page"].next
    assert seen == ["4", "3", "2", "1", "0"]


def test_the_csv_holds_what_the_filters_leave_and_is_an_entry_itself(
    client: Client, campaign: Campaign, auditor: Employee
) -> None:
    audit("role.granted", by=Actor(None, "=Olga"), kind="employee", id="A001", detail={"role": "hr"})
    people.sign_in(client, auditor)
    answer: Any = client.get(f"{PAGE}entries.csv?about=role")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(line["actor"], line["action"], line["detail"]) for line in lines if line["subject_id"] == "A001"] == [
        ("'=Olga", "role.granted", '{"role": "hr"}')
    ]
    assert AuditEntry.objects.get(action="audit.exported").detail == {"about": "role"}


def test_the_trail_says_which_of_two_people_of_one_name_acted_and_at_which_second(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    account = account_for(alice)
    audit("token.created", by=Actor(account.pk, "Wei Zhang"), kind="token", id=1)
    audit("token.created", by=Actor(None, "Wei Zhang"), kind="token", id=2)
    people.sign_in(client, hr)
    page = client.get(f"{PAGE}?about=token").content.decode()
    assert re.findall(r"Wei Zhang</span>(?:<small>(.*?)</small>)?</td>", page) == ["", "A001"]
    assert "23 Nov 2026 12:00:00</time>" in page, "a day and a minute do not order two entries"
    file: Any = client.get(f"{PAGE}entries.csv?about=token&q=Wei&since=2026-11-01")
    assert 'filename="audit-trail-token-search-from-2026-11-01-2026-11-23.csv"' in file["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode("utf-8-sig"), newline="")))
    assert [(line["actor"], line["actor_staff_no"]) for line in lines] == [("Wei Zhang", ""), ("Wei Zhang", "A001")]
    assert list(lines[0])[-1] == "actor_staff_no", "programs read the other columns by their position"


def test_no_identity_of_a_contact_is_shown(client: Client, campaign: Campaign, alice: Employee, hr: Employee) -> None:
    people.record_one(alice, ("email", "canary@outside.example.org"), name="Canary Name")
    mine = people.sign_in(Client(), alice)
    [contact] = ids(alice)
    mine.post(f"/contacts/{contact}/rename/", {"name": "Canary Other"})
    mine.post(f"/contacts/{contact}/end/")
    ask(campaign, alice, "Canary question", contacts=[contact])
    people.sign_in(client, hr)
    page = client.get(PAGE).content.decode()
    assert "Ended a contact" in page
    assert "anary" not in page
    assert "anary" not in b"".join(client.get(f"{PAGE}entries.csv").streaming_content).decode()  # type: ignore[attr-defined]


def test_what_is_written_behind_the_house_says_by_which_database_user(
    client: Client, campaign: Campaign, hr: Employee
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_auditentry (actor_label, action, subject_kind, subject_id, subject_label, detail)"
            " VALUES ('x', 'role.granted', '', '', '', '{}') RETURNING origin"
        )
        assert cursor.fetchone()[0].startswith("database ")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE core_auditentry SET origin = ''")


def test_every_audited_action_has_a_label() -> None:
    """An unlabelled action code would confuse the readers of the trail."""
    written = set()
    for path in (BASE_DIR / "apps").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'audit\(\s*"([a-z]+\.[a-z_]+)"', text))
        written |= set(re.findall(r'audit_once\(\s*"([a-z]+\.[a-z_]+)"', text))
        written |= {f"account.{event}" for event in re.findall(r'audit_(?:account|failure)\("([a-z_]+)"', text)}
        accesses = re.findall(r'(?:log_record_access\(.*|record_kind = )"([a-z]+)"', text)
        written |= {f"person.{what}_read" for what in accesses}
        if path.parent.name == "webhooks":
            written |= {f"webhook.{step}" for step in re.findall(r'_audit\("([a-z_]+)"', text)}
        written |= {f"adjustment.{step}" for step in re.findall(r'note_step\([^)]*"([a-z_]+)"', text)}
    written |= {f"database.{operation}" for operation in audit_labels.OPERATIONS}
    assert {
        "webhook.replayed",
        "person.standing_read",
        "person.roster_read",
        "account.signed_out",
        "account.sign_in_refused",
    } <= written
    assert written - set(ACTIONS) == set()


@pytest.fixture
def leave(campaign: Campaign, alice: Employee, auditor: Employee, hr: Employee) -> None:
    """Alice is on leave, HR has viewed that, and a standing of hers was repaired."""
    granted = people.adjust(campaign=campaign, employee=alice, exempt=True, kind="leave", reason="Parental leave")
    people.sign_in(Client(), hr).get(f"/company/adjustments/{granted.request_id}/?campaign={campaign.slug}")
    audit(
        "standing.repaired", by=TESTER, kind="employee", id="A001", label="Alice 艾", detail={"stored": {"target": 80}}
    )


def told(client: Client, query: str = "") -> str:
    page = client.get(f"{PAGE}{query}")
    file: Any = client.get(f"{PAGE}entries.csv{query}")
    details = [str(row["details"]) + row["about"] for row in page.context["rows"]]
    return " ".join(details) + b"".join(file.streaming_content).decode()


def test_an_auditor_reads_that_hr_adjusts_but_not_whom_or_how(client: Client, leave: None, auditor: Employee) -> None:
    """Leave and individual targets are for HR alone."""
    people.sign_in(client, auditor)
    text = "".join(told(client, f"?about={about}") for about in ("adjustment", "standing", "person"))
    assert "adjustment.granted" in text
    assert "standing.adjusted" in text
    for secret in ("Alice", "A001", "leave", "exempt", "target"):
        assert secret not in text, secret
    assert "standing.adjusted" not in told(client, "?q=Alice"), "what is hidden is not found either"
    assert "standing.adjusted" not in told(client, "?q=A001")


def test_no_hr_user_reads_whether_a_roster_file_touches_a_contact(
    campaign: Campaign, hr: Employee, auditor: Employee
) -> None:
    """Otherwise one HR user learns from a file that is never applied whether a phone is anybody's contact."""
    for action in ("roster.effect_counted", "roster.touches_contacts"):
        audit(action, by=TESTER, kind="roster", id="1", label="new.csv", detail={"changes_counts": True})
    seen = {role: told(people.sign_in(Client(), person)) for role, person in (("hr", hr), ("auditor", auditor))}
    Role.objects.create(account=account_for(hr), role=Role.Kind.AUDITOR, granted_by_label="test")
    seen["both"] = told(people.sign_in(Client(), hr))
    found = {role: ["effect_counted" in text, "touches_contacts" in text] for role, text in seen.items()}
    assert found == {"hr": [False, False], "auditor": [True, True], "both": [False, False]}


def test_hr_reads_it_whole(client: Client, leave: None, hr: Employee) -> None:
    """The counterpart of the test above: HR does see them."""
    people.sign_in(client, hr)
    text = told(client, "?q=Alice")
    for word in ("standing.adjusted", "A001", "leave", "exempt", "target"):
        assert word in text, word


def test_what_was_searched_for_is_in_no_entry(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    list(client.get(f"{PAGE}entries.csv?q=canary@outside.example.org").streaming_content)  # type: ignore[attr-defined]
    list(client.get("/company/standings.csv?q=canary@outside.example.org").streaming_content)  # type: ignore[attr-defined]
    entries = AuditEntry.objects.filter(action__in=["audit.exported", "export.sent"])
    assert len(entries) == 2
    assert all("canary" not in str(entry.detail) for entry in entries)
