"""Extra form fields change nothing: no column is set because a request names it.

Each form is sent twice, from the same state: once as the page sends it, once with the name of every column of every
table and a value that an attacker would want. Afterwards the whole database must be the same.
"""

import re
import uuid
from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client

from apps.accounts.models import Scope
from apps.campaigns.models import Campaign
from apps.contacts.services.changes import end_contact
from apps.dashboard.forms.base import RenameForm
from apps.employees.models import Employee
from tests import people
from tests.announcing import TEXTS
from tests.api.conftest import with_token
from tests.dashboard.test_authorisation import frank, places

__all__ = ["frank", "places"]
pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]
KEY = "8d4f0f62-6a1f-4a5e-9a55-0d35a8c8f0aa"
TERMS = {
    "target": "100", "opens_on": "2026-12-01", "deadline": "2026-12-31", "time_zone": "Asia/Shanghai", "exclusive": "",
    "confirmed_only": "", "prorate_joiners": "", "scope": [], "company_domains": "",
}  # fmt: skip
# The readers and their forms, with every field of the form.
FORMS: list[tuple[str, str, dict[str, Any]]] = [
    ("alice", "/contacts/add/", {"name": "Guest", "reach": "@guest.new", "key": KEY}),
    ("alice", "/contacts/add/{added}/undo/", {}),
    ("alice", "/contacts/{contact}/rename/", {"name": "New"}),
    ("alice", "/contacts/{contact}/correct/", {"phone": "", "email": "", "handle": "corrected.h"}),
    ("alice", "/contacts/{contact}/end/", {}),
    ("alice", "/contacts/{ended}/restore/", {}),
    ("alice", "/contacts/import/{upload}/look/", {"encoding": "", "role_0": "handle"}),
    ("alice", "/contacts/import/{upload}/confirm/", {"seen": "1"}),
    ("alice", "/contacts/import/batch/{batch}/undo/", {}),
    ("alan", "/review/ask/", {"text": "Look, please.", "contact": [], "key": KEY}),
    ("alice", "/review/{review}/withdraw/", {}),
    ("alice", "/about/{announcement}/read/", {}),
    ("alice", "/tokens/", {"name": "t", "scopes": ["own"], "days": "30"}),
    ("alice", "/tokens/{token}/revoke/", {}),
    ("bob", "/deputies/", {"deputy": "S001", "starts_on": "2026-11-28", "until": "2026-11-29", "key": KEY}),
    ("bob", "/deputies/{deputyship}/end/", {}),
    ("bob", "/exports/new/standings/", {
        "key": KEY, "form": "csv", "team": "B001", "since": "", "day": "", "time": "", "status": "", "department": "",
        "q": "", "sort": "staff_no", "columns": ["staff_no", "counted"], "although_empty": "", "repeat": "once",
        "weekday": "0", "hour": "8", "until": "",
    }),
    ("alice", "/help/{help}/answer/", {"answer": "accepted"}),
    ("bob", "/help/{help}/withdraw/", {}),
    ("bob", "/team/A002/help/", {"kind": "talk"}),
    ("hr", "/company/reminder-texts/", {"title": "New", "text_en": "Hello", "text_zh": "你好"}),
    ("hr", "/company/reminder-texts/{text}/", {"title": "New", "text_en": "Hello", "text_zh": "你好"}),
    ("hr", "/company/reminder-texts/{text}/withdraw/", {}),
    ("bob", "/exports/schedules/{schedule}/pause/", {}),
    ("bob", "/exports/schedules/{schedule}/delete/", {}),
    ("hr", "/company/deputies/", {
        "manager": "C001", "deputy": "A001", "starts_on": "", "until": "2026-11-29", "key": KEY,
    }),
    ("hr", "/company/deputies/many/", {"lines": "C001;A001;2026-11-29", "key": KEY, "confirmed": "yes"}),
    ("hr", "/company/adjustments/ask/", {
        "key": KEY, "person": "A001", "kind": "leave", "kind_text": "", "what": "target", "target": "80",
        "starts_on": "", "ends_on": "", "reason": "Leave.",
    }),
    ("hr", "/company/adjustments/by-file/{list}/look/", {"encoding": ""}),
    ("hr", "/company/adjustments/{asked}/grant/", {"seen": "", "person": ""}),
    ("hr", "/company/adjustments/{asked}/refuse/", {"note": "No.", "person": ""}),
    ("hr", "/company/open-campaign/confirm/", {**TERMS, "name": "December", "key": KEY}),
    ("hr", "/company/campaigns/november/announcements/2/publish/", {}),
    ("hr", "/company/campaigns/november/announcements/1/withdraw/", {"reason": "A mistake."}),
    ("hr", "/company/campaigns/january/announcements/request/", {**TEXTS, "shown_from": "", "key": KEY}),
    ("hr", "/company/campaigns/november/cancel/", {"reason": "A mistake."}),
    ("hr", "/company/reviews/{review}/answer/", {"answer": "reason", "text": "It is right."}),
    ("hr", "/company/roster/{roster}/look/", {"encoding": "", "complete": ""}),
    ("hr", "/company/roster/{roster}/undo/", {}),
    ("operator", "/operator/webhooks/", {
        "url": "https://other.example.com/", "description": "", "event_types": ["drift.found"], "scheme": "hmac",
    }),
    ("operator", "/operator/webhooks/{endpoint}/disable/", {}),
    ("operator", "/operator/accounts/{person}/grant-auditor/", {"reason": "Audits.", "password": people.PASSWORD}),
    ("operator", "/operator/accounts/{person}/end-access/", {"password": people.PASSWORD}),
]  # fmt: skip
# Values that differ from one request to the next, whatever the form holds.
VOLATILE = {
    "id", "key", "digest", "session_key", "session_data", "expire_date", "last_login", "row_id", "contact_id", "row",
    "submission_id", "request_id", "replaces_id", "subject_id", "file_id", "rejects_id", "load_id", "difference_id",
    "manifest", "act", "version", "before", "after", "detail", "report", "txid", "xact", "row_ids",
    "ids", "keys", "run_id", "password", "secret",
}  # fmt: skip
# A campaign that was just opened has the next number, and an event names a row that was just made.
OF_TABLE = {name: {"campaign_id"} for name in ("campaigns_campaignrule", "standings_markrun", "standings_markrange")}
OF_TABLE |= {"core_event": {"campaign_id", "subject"}, "core_auditoutbox": {"entry_id"}}
# The clock advances by a microsecond at each reading; values in the forms are of another hour.
JUST_NOW = re.compile(r"(?<=[ T]04:00:00)\.\d+")
WANTED: dict[str, Any] = {
    "employee": "2", "employee_id": "2", "account": "2", "account_id": "2", "actor_id": "1", "staff_no": "A002",
    "state": "frozen", "role": "hr", "red": "false", "counted": "500", "exempt": "on", "target": "1", "live": "false",
    "source": "feed", "is_staff": "on", "is_superuser": "on", "is_active": "on", "trust_times": "on", "roles": "hr",
    "scopes": "feed:write", "granted_by_id": "1", "manager": "D001", "manager_id": "1", "ended_at": "", "owner_id": "2",
}  # fmt: skip


def everything_else(sent: dict[str, Any]) -> dict[str, Any]:
    """The name of every column of every table outside this form, with an attractive value."""
    names = {field.attname for model in apps.get_models() for field in model._meta.concrete_fields}
    names |= {field.name for model in apps.get_models() for field in model._meta.concrete_fields} | set(WANTED)
    return {name: WANTED.get(name, _value(name)) for name in sorted(names - set(sent) - {"csrfmiddlewaretoken"})}


def _value(name: str) -> str:
    if name.endswith("_at") or name == "at":
        return "2026-10-30T00:00:00+08:00"
    return str(uuid.UUID(int=7)) if name in ("id", "key", "submission", "submission_id") else "7"


def state() -> dict[str, list[str]]:
    """Every table's rows, without what differs at every request."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, array_agg(c.column_name::text) FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1"
        )
        tables = {
            table: sorted(set(columns) - VOLATILE - OF_TABLE.get(table, set())) for table, columns in cursor.fetchall()
        }
        found = {}
        for table, columns in tables.items():
            row = ", ".join(f'"{name}"::text' for name in columns) or "1"
            cursor.execute(f'SELECT concat_ws(chr(31), {row}) FROM "{table}" ORDER BY 1')
            found[table] = sorted(JUST_NOW.sub("", one) for (one,) in cursor.fetchall())
    return found


@pytest.fixture
def filled(places: dict[str, str], alice: Employee) -> dict[str, str]:
    ended = people.record_one(alice, ("handle", "ended.h")).outcomes[0].contact_id
    assert ended is not None
    people.november(name="January", slug="january", opens_on=date(2027, 1, 1), deadline=date(2027, 1, 31))
    end_contact(contact_id=ended, employee=alice, by=people.TESTER)
    return places | {"ended": str(ended)}


def sent(client: Client, address: str, body: dict[str, Any]) -> tuple[int, dict[str, list[str]]]:
    """(status, the database afterwards); afterwards the state is as before."""
    with transaction.atomic():
        status = client.post(address, body).status_code
        after = state()
        transaction.set_rollback(True)
    return status, after


def test_what_a_form_does_not_have_is_not_set(filled: dict[str, str], request: pytest.FixtureRequest) -> None:
    before, wrong, written = state(), [], 0
    for who, pattern, body in FORMS:
        client, address = people.sign_in(Client(), request.getfixturevalue(who)), pattern.format(**filled)
        before = state()
        status, plain = sent(client, address, body)
        again, laden = sent(client, address, body | everything_else(body))
        written += plain != before
        if status not in (200, 302):
            wrong.append(f"POST {pattern}: refused as the page sends it, with {status}")
        if (status, plain) != (again, laden):
            rows = {name: set(laden[name]) ^ set(plain[name]) for name in plain if plain[name] != laden[name]}
            wrong.append(f"POST {pattern}: {status} and {again}; differ: {rows}")
    assert not wrong, "\n".join(wrong)
    assert written >= len(FORMS) - 2, "most of these forms write something"


def test_a_form_that_took_one_would_be_found(
    filled: dict[str, str], alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counterpart: a view that passes on all fields fails the test."""

    def careless(self: Any) -> None:
        Employee.objects.filter(pk=alice.pk).update(phone=self.data.get("phone", ""))
        super(RenameForm, self).full_clean()

    monkeypatch.setattr(RenameForm, "full_clean", careless)
    client, body = people.sign_in(Client(), alice), {"name": "New"}
    address = f"/contacts/{filled['contact']}/rename/"
    assert sent(client, address, body) != sent(client, address, body | everything_else(body))


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", "contacts/", {"handle": "h.new"}),
        ("POST", "contacts/", {"contacts": [{"handle": "h.new"}]}),
        ("PATCH", "contacts/{contact}/", {"name": "New"}),
        ("POST", "tokens/", {"name": "t", "scopes": ["own"], "days": 3}),
    ],
)
def test_the_api_refuses_every_field_it_does_not_have(
    method: str, address: str, body: dict[str, Any], filled: dict[str, str], alice: Employee, campaign: Campaign
) -> None:
    client: Any = with_token(alice, Scope.OWN)
    if address == "tokens/":
        client = people.sign_in(type(client)(), alice)
    before, taken = state(), []
    for name, value in everything_else(
        {"name": "", "phone": "", "email": "", "handle": "", "scopes": "", "days": ""}
    ).items():
        point = transaction.savepoint()
        spoilt = body | {name: value}
        if "contacts" in body:
            spoilt = {"contacts": [body["contacts"][0] | {name: value}]}
        response = client.call(method, address.format(**filled), spoilt)
        if response.status_code != 400:
            taken.append(f"{name}: {response.status_code}")
        transaction.savepoint_rollback(point)
    assert not taken
    assert state() == before
