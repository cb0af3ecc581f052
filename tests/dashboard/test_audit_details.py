"""The audit trail in words: HR and auditors read no stored key, no code and no instant of another zone."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit, audit_origin
from apps.dashboard.labels import audit as audit_labels
from apps.dashboard.labels import exports as export_labels
from apps.dashboard.labels.audit_details import Change, Details, Reader
from apps.dashboard.labels.audit_fields import FIELDS, humanised
from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from tests import people
from tests.people import TESTER

SHANGHAI = "Asia/Shanghai"
CALLS = {"audit_account": {"by"}, "note_step": set[str]()}


def read(area: str, detail: dict[str, Any], language: str = "en") -> Details:
    with timezone.override(SHANGHAI), translation.override(language):
        return Reader(area, {"november": "November"}).details(detail)


def facts(area: str, detail: dict[str, Any], language: str = "en") -> list[tuple[str, str]]:
    return [(fact.label, fact.text) for fact in read(area, detail, language).facts]


def test_codes_slugs_and_instants_are_words_of_the_readers_language_and_zone() -> None:
    detail = {
        "campaign": "november", "kind": "standings", "form": "csv", "team_of": None,
        "as_of": "2026-11-23T04:00:00.5+00:00", "filters": {"status": "red", "q": "…"}, "sha256": "ab" * 32,
    }  # fmt: skip
    assert facts("export", detail) == [
        ("Campaign", "November"),
        ("Kind", "Standings"),
        ("Format", "CSV"),
        ("As of", "23 Nov 2026 12:00:00"),
        ("Filters", "Status: Red; Search: yes; the text is not stored"),
        ("Checksum (SHA-256)", "ab" * 32),
    ]
    assert facts("export", detail, "zh-hans")[:4] == [
        ("活动", "November"), ("类别", "进展"), ("格式", "CSV"), ("截至", "2026年11月23日 12:00:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("area", "detail", "text"),
    [
        ("adjustment", {"kind": "part_time"}, "part time"),
        ("approval", {"kind": "rule_change"}, "Change of a campaign's rule"),
        ("approval", {"effect": {"turn_red": 2}}, "2 people turn red"),
        ("contact", {"reason": "removed"}, "removed"),
        ("role", {"role": "hr"}, "HR"),
        ("token", {"scopes": ["own", "reports:read"]}, None),
        ("campaign", {"cutoff_at": "2026-11-30T16:00:00+00:00"}, "30 Nov 2026 23:59:59"),
        ("adjustment", {"joined_after": "2026-11-02"}, "Mon 2 Nov 2026"),
        ("adjustment", {"request": 12345}, "12345"),
        ("roster", {"created": 12345}, "12,345"),
        ("roster", {"complete": False}, "no"),
        ("approval", {"approval": "ff78b6d4-cbfc-4997-9858-a7c733524b25"}, "ff78b6d4"),
    ],
)
def test_a_value_is_read_without_a_list_of_codes(area: str, detail: dict[str, Any], text: str | None) -> None:
    [(_label, shown)] = facts(area, detail)
    assert shown == text if text else ":" not in shown


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("flips-november", "状态变化 · november"),
        ("roster-changes-november", "花名册变动 · november"),
        ("standings-november", "进展 · november"),
        ("later-november", "later-november"),
    ],
)
def test_a_scheduled_file_has_the_name_of_its_kind(stored: str, shown: str) -> None:
    with translation.override("zh-hans"):
        assert export_labels.schedule_name(stored) == shown


def test_the_kind_of_an_adjustment_has_the_name_of_its_form() -> None:
    assert facts("adjustment", {"kind": "leave"}) == [("Category", "leave")]
    assert facts("export", {"kind": "days"}) == [("Kind", "Counts by day")]


def test_before_and_after_are_a_table_in_the_words_of_the_campaigns_page() -> None:
    changed = {"target": [100, 90], "deadline": ["2026-11-30", "2026-12-04"], "later_term": [1, 2]}
    details = read("campaign", {"version": 2, "reason": "Too much", "changed": changed})
    assert details.changes == [
        Change("Target", "100", "90"),
        Change("Deadline", "Mon 30 Nov 2026", "Fri 4 Dec 2026"),
        Change("Later term", "1", "2"),
    ]
    assert [fact.label for fact in details.inline] == ["Reason", "Version of the rule"]


def test_a_deputyship_a_repair_and_a_moved_contact_say_what_was_before() -> None:
    named = read("deputy", {"before": None, "after": {"from": "2026-11-23T12:00:00+08:00"}})
    assert named.changes == [Change("From", "–", "23 Nov 2026 12:00:00")]
    stored, recounted = {"counted": 80, "target": 100}, {"counted": 81, "target": 100}
    repaired = read("standing", {"fields": ["counted"], "stored": stored, "recounted": recounted})
    assert (repaired.facts, repaired.changes) == ([], [Change("Counted", "80", "81")])
    times = {"from": "2026-11-03T00:00:00+00:00", "to": "2026-11-02T00:00:00+00:00"}
    assert read("contact", times).changes == [
        Change("Start of the contact", "3 Nov 2026 08:00:00", "2 Nov 2026 08:00:00")
    ]


def test_the_people_of_a_deputyship_are_shown_in_old_and_new_entries() -> None:
    for manager, deputy in (("1002", "S001"), ("Bob 白 (1002)", "Sam (S001)")):
        assert facts("deputy", {"manager": manager, "deputy": deputy}) == [("Manager", manager), ("Deputy", deputy)]


def test_a_change_outside_hundred_names_its_rows() -> None:
    rows = {"rows": 2, "keys": ["A001", "B001"], "before": [{"target": 9}, {"target": 8}], "after": [{"target": 7}] * 2}
    assert read("database", rows).changes == [
        Change("Target", "9", "7", "A001"), Change("Target", "8", "7", "B001"),
    ]  # fmt: skip
    added = read("database", {"rows": 1, "keys": ["a001"], "after": ["hr"]})
    assert added.changes == [Change("Role", "–", "HR")]


def test_an_unknown_key_or_action_is_still_legible() -> None:
    assert facts("later", {"last_seen_at": "2026-11-23T04:00:00Z"}) == [("Last seen at", "23 Nov 2026 12:00:00")]
    assert facts("later", {"day": "2026-13-99"}) == [("Day", "2026-13-99")]
    assert humanised("later.new_thing") == "Later: new thing"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("page 10.1.2.3", ("网页", "10.1.2.3")), ("api 10.1.2.3", ("API", "10.1.2.3")), ("worker", ("后台任务", "")),
        ("command freeze_campaign", ("命令行", "freeze_campaign")), ("system", ("Hundred 自身", "")),
        ("database hr_app socket psql", ("数据库", "hr_app socket psql")), ("pigeon", ("pigeon", "")),
    ],
)  # fmt: skip
def test_an_origin_is_named_in_the_readers_language(stored: str, shown: tuple[str, str]) -> None:
    with translation.override("zh-hans"):
        assert audit_labels.origin(stored) == shown


def _detail_keys(tree: ast.AST) -> Iterator[str]:
    """The keys of the dicts that the source writes as details, and the keywords that become details."""
    for node in ast.walk(tree):
        value: ast.AST | None = None
        match node:
            case ast.Assign(targets=[ast.Name("detail")], value=value) | ast.keyword(arg="detail", value=value):
                pass
            case ast.FunctionDef() if node.name.endswith("_detail"):
                value = node
            case ast.Call(func=ast.Name(name)) if name in CALLS:
                yield from (word.arg for word in node.keywords if word.arg and word.arg not in CALLS[name])
        for part in ast.walk(value) if value else ():
            if isinstance(part, ast.Dict):
                yield from (key.value for key in part.keys if isinstance(key, ast.Constant))


def test_every_detail_has_a_name_that_readers_know() -> None:
    """An unnamed detail is shown by its key in English, also to a Chinese reader."""
    written = set()
    for path in (BASE_DIR / "apps").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "migrations" in path.parts:
            written |= set(re.findall(r"(?<!->> )'(\w+)', (?:one\.|left\()", text))
        elif re.search(r"\b(audit|audit_account|note_step)\(", text):
            written |= set(_detail_keys(ast.parse(text)))
    assert {"role", "joined_after", "sha256", "factor", "cutoff_at", "backdated", "team_of"} <= written
    in_a_table = {"changed", "before", "after", "fields", "stored", "recounted", "to"}
    assert written - in_a_table - set(FIELDS) == set()


@pytest.mark.django_db
def test_the_page_shows_no_stored_word(client: Client, campaign: Campaign, hr: Employee) -> None:
    with audit_origin("page 10.1.2.3"):
        audit(
            "campaign.rule_changed", by=TESTER, kind="campaign", id=campaign.slug, label=campaign.name,
            detail={"version": 2, "changed": {"target": [100, 90]}},
        )  # fmt: skip
    audit("database.update", by=Actor(None, "admin"), kind="table", id="accounts_role", detail={"rows": 1})
    people.sign_in(client, hr)
    page = client.get("/company/audit/", headers={"Accept-Language": "zh-hans"}).content.decode()
    table = page[page.index("<table") :]
    for shown in ("数据库用户 admin", "网页", "10.1.2.3", "规则版本：2", "更改前", "更改后"):
        assert shown in table, shown
    assert "时间均为上海时间" in page
    for stored in ("rule_changed", "page 10", "version", "UTC", "+00:00", "accounts_role"):
        assert stored not in re.sub(r"<[^>]+>", " ", table), stored
