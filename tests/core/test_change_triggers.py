"""Every change of protected data leaves a trace, also by psql, COPY or a bulk queryset.

The commit completes the trail: tests that read it commit, or run the deferred check before.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from allauth.mfa.models import Authenticator
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.test import Client

from apps.accounts.models import Account, ProviderSubject, Role
from apps.accounts.services import account_for, grant_role
from apps.campaigns.adjustments import approve, requests
from apps.campaigns.models import Adjustment, Campaign
from apps.contacts.models import Contact, ContactIdentity
from apps.contacts.services.changes import correct_contact, end_contact, rename_contact, restore_contact
from apps.core.change_triggers import TRANSITION_TABLES
from apps.core.models import AuditEntry, RowChange
from apps.employees.models import Employee, Employment, Placement
from apps.privacy import erase_person
from apps.privacy.erasure_subject import identities_of
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.results.freeze import freeze
from apps.results.models import FrozenResult
from tests import announcing, people, plugin
from tests.fixtures import Clock
from tests.people import TESTER

pytestmark = pytest.mark.django_db(transaction=True)

# An update with an effect; an update that leaves the row unchanged is not logged.
UPDATES = {
    "accounts_account": "is_staff = NOT is_staff",
    "accounts_role": "role = 'auditor'",
    "mfa_authenticator": "type = type || '!'",
    "accounts_providersubject": "subject = subject || '!'",
    "accounts_deputyship": "ends_at = ends_at + interval '1 hour'",
    "campaigns_campaign": "name = name || '!'",
    "campaigns_campaignrule": "target = target + 1",
    "campaigns_announcement": "text_en = text_en || '!'",
    "campaigns_adjustment": "starts_at = starts_at - interval '1 day'",
    "campaigns_adjustmentrequest": "kind = 'part_time', kind_text = ''",
    "results_frozenresult": "red = red + 1",
    "results_resultcorrection": "asked_by_id = asked_by_id + 1",
    "results_correctionline": "counted = counted + 1",
    **dict.fromkeys(
        ("employees_employee", "employees_employeeidentity", "employees_employment", "employees_placement",
         "accounts_account_groups", "accounts_account_user_permissions", "contacts_contact",
         "contacts_contactidentity", "contacts_sighting", "contacts_erasure", "contacts_suppressedidentity",
         "results_frozenstanding", "results_frozenorgposition", "results_frozenreason"),
        "id = id",
    ),
}  # fmt: skip
# TRUNCATE also empties referencing tables, and some of these refuse it.
NO_REFUSALS = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT tgname, tgrelid::regclass AS place FROM pg_trigger WHERE tgname LIKE '%_append_only' LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', one.place, one.tgname);
    END LOOP;
END $$
"""
WAYS = ["copy", "delete", "insert", "truncate", "update"]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def outside_changes() -> list[tuple[str, str, Any]]:
    """The changes that the trail reports as made outside the application: (action, table, rows), in order."""
    entries = AuditEntry.objects.filter(action__startswith="database.").order_by("pk")
    return [(entry.action, entry.subject_id, entry.detail.get("rows")) for entry in entries]


@pytest.fixture
def everything(campaign: Campaign, alice: Employee, bob: Employee, hr: Employee, clock: Clock) -> Campaign:
    """A row in every audited table: people, contacts, an adjustment, a result, a correction of it, roles."""
    people.record(alice, 2)
    people.record_one(alice, ("email", "colleague@outside.example.org"))
    end_contact(contact_id=Contact.objects.latest("pk").pk, employee=alice, by=TESTER)
    people.adjust(campaign=campaign, employee=bob, exempt=True)
    announcing.published(campaign)
    people.mark()
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    drafts = [CorrectionDraft("A001", counted=100)]
    request_correction(campaign=Campaign.objects.get(), drafts=drafts, reason="x", evidence="y", by=account_for(hr))
    plugin.run_as_owner(
        "INSERT INTO accounts_deputyship (key, manager_id, deputy_id, starts_at, ends_at, named_at, named_by_id,"
        " named_by_label, ended_by_label)"
        " SELECT gen_random_uuid(), manager.id, deputy.id, at, at + interval '1 day', at, 1, 'hr', ''"
        " FROM hundred_clock() AS at, employees_employee manager, employees_employee deputy"
        " WHERE manager.staff_no = 'B001' AND deputy.staff_no = 'A001'"
    )
    erase_person.erase_person(identities_of([("handle", "nobody")]), reason="by letter", by=TESTER)
    plugin.run_as_owner(
        "INSERT INTO contacts_sighting (employee_id, contact_id, keys, seen_at)"
        " SELECT employee_id, id, ARRAY['handle:00'], recorded_at FROM contacts_contact LIMIT 1"
    )
    plugin.run_as_owner("INSERT INTO auth_group (name) VALUES ('readers')")
    people.enrol(hr, "A" * 32)
    ProviderSubject.objects.create(account=account_for(hr), issuer="https://idp.example.com", subject="s1")
    account, group = account_for(hr).pk, "(SELECT id FROM auth_group)"
    plugin.run_as_owner(f"INSERT INTO accounts_account_groups (account_id, group_id) VALUES ({account}, {group})")
    plugin.run_as_owner(
        "INSERT INTO accounts_account_user_permissions (account_id, permission_id)"
        f" VALUES ({account}, (SELECT min(id) FROM auth_permission))"
    )
    return Campaign.objects.get()


@pytest.fixture
def owner() -> Iterator["psycopg2.extensions.cursor"]:
    """A cursor of the role that owns everything, in a transaction that is rolled back."""
    with closing(plugin.server.connect(database=plugin.DATABASE)) as own, own.cursor() as cursor:
        yield cursor


def ways_that_leave_an_entry(cursor: "psycopg2.extensions.cursor", table: str, update: str) -> list[str]:
    """The ways of changing a table that the trail reports, with the number of rows; all are rolled back."""
    cursor.execute("SAVEPOINT here")
    # Only the change log is tested here: the table's other triggers would refuse most of these changes.
    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    cursor.execute(NO_REFUSALS)
    cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%_noted_%%'", [table])
    for (name,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
    cursor.execute("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = %s::regclass"
                   " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''", [table])  # fmt: skip
    columns = cursor.fetchone()[0]
    cursor.execute(f"SELECT count(*) FROM {table}")
    rows, copied = cursor.fetchone()[0], io.StringIO()
    assert rows, f"nothing stands in {table}"
    cursor.copy_expert(f"COPY (SELECT {columns} FROM {table}) TO STDOUT", copied)
    cursor.execute(f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT {columns} FROM {table}")
    copied.seek(0)
    steps: list[tuple[str, str, Callable[[], None]]] = [
        ("update", "update", lambda: cursor.execute(f"UPDATE {table} SET {update}")),
        ("delete", "delete", lambda: cursor.execute(f"DELETE FROM {table}")),
        ("insert", "insert", lambda: cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept")),
        ("", "delete", lambda: cursor.execute(f"DELETE FROM {table}")),
        ("copy", "insert", lambda: cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", copied)),
        ("truncate", "truncate", lambda: cursor.execute(f"TRUNCATE {table} CASCADE")),
    ]
    logged = []
    for way, operation, step in steps:
        cursor.execute("SELECT coalesce(max(id), 0) FROM core_auditentry")
        before = cursor.fetchone()[0]
        step()
        for when in ("IMMEDIATE", "DEFERRED"):
            cursor.execute(f"SET CONSTRAINTS core_rowchange_told {when}")
        since = "SELECT (detail->>'rows')::bigint FROM core_auditentry WHERE id > %s AND actor_label = 'owner'"
        named = [before, f"database.{operation}", table]
        cursor.execute(f"{since} AND action = %s AND subject_id = %s", named)
        entries = cursor.fetchall()
        if way and entries == [(None if way == "truncate" else rows,)]:
            logged.append(way)
    cursor.execute("ROLLBACK TO SAVEPOINT here")
    return sorted(logged)


def test_every_way_to_change_any_guarded_table_leaves_an_entry(everything: Campaign, owner: Any) -> None:
    """Otherwise a person with the database password could exempt a friend without an entry in the trail."""
    logged = {table: ways_that_leave_an_entry(owner, table, update) for table, update in UPDATES.items()}
    assert logged == dict.fromkeys(UPDATES, WAYS)


@pytest.mark.parametrize("event", TRANSITION_TABLES)
def test_mutant_without_one_trigger_a_change_is_not_logged(everything: Campaign, owner: Any, event: str) -> None:
    """The test above would detect it."""
    owner.execute(f"DROP TRIGGER campaigns_adjustment_noted_{event.lower()} ON campaigns_adjustment")
    logged = ways_that_leave_an_entry(owner, "campaigns_adjustment", UPDATES["campaigns_adjustment"])
    lost = {"INSERT": {"insert", "copy"}}.get(event, {event.lower()})
    assert set(WAYS) - set(logged) == lost


def test_every_audited_table_is_covered_by_these_tests(owner: Any) -> None:
    owner.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%_noted_%'")
    assert {table for (table,) in owner.fetchall()} == set(UPDATES)


# -- changes by the application's own role outside the application --------------------------------------------------


def test_a_bulk_update_of_roles_is_logged_with_old_and_new_values(alice: Employee, bob: Employee) -> None:
    Role.objects.bulk_create([
        Role(account=account_for(employee), role="operator", granted_by_label="nobody") for employee in (alice, bob)
    ])  # fmt: skip
    Role.objects.update(role="hr")
    Role.objects.all().delete()
    added, changed, deleted = AuditEntry.objects.filter(subject_id="accounts_role").order_by("pk")
    assert (added.action, added.actor_label, added.actor_id) == ("database.insert", "app", None)
    assert added.origin.startswith("database app ")
    assert (added.detail["rows"], sorted(added.detail["keys"])) == (2, ["a001", "b001"])
    assert (changed.detail["before"], changed.detail["after"]) == (["operator"] * 2, ["hr"] * 2)
    assert (deleted.action, deleted.detail["before"]) == ("database.delete", ["hr"] * 2)


def test_many_statements_of_a_transaction_make_one_entry_with_their_total(company: dict[str, Employee]) -> None:
    """Otherwise a script of 100,000 lines hides in 100,000 entries."""
    with transaction.atomic():
        for employee in company.values():
            Employee.objects.filter(pk=employee.pk).update(time_zone="Asia/Tokyo")
    [entry] = AuditEntry.objects.filter(action="database.update")
    assert (entry.detail["rows"], entry.detail["statements"]) == (9, 9)


def test_an_early_constraint_check_hides_no_change(company: dict[str, Employee]) -> None:
    with transaction.atomic():
        Employee.objects.filter(staff_no="A001").update(time_zone="Asia/Tokyo")
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql("SET CONSTRAINTS ALL DEFERRED")
        Employee.objects.update(time_zone="Asia/Tokyo")
    assert outside_changes() == [
        ("database.update", "employees_employee", 1),
        ("database.update", "employees_employee", 9),
    ]


def test_rows_beyond_the_listed_keys_are_counted(company: dict[str, Employee]) -> None:
    Employment.objects.update(starts_at="2020-01-01T00:00:00Z")
    Placement.objects.update(department="Elsewhere")
    first, second = AuditEntry.objects.filter(action="database.update").order_by("pk")
    assert (first.detail["rows"], len(first.detail["keys"])) == (9, 5)
    assert (second.detail["rows"], set(second.detail["keys"]) <= set(company)) == (9, True)


def test_a_replaced_passkey_is_logged_and_a_used_one_is_not(alice: Employee) -> None:
    """Otherwise a person with the application's database password stores an own passkey and signs in as HR."""
    data = {"name": "Phone", "host": "h", "credential": "00", "id": "00", "counter": 1, "verified": True}
    account = Account.objects.get(employee=alice)
    passkey = Authenticator.objects.create(user=account, type=Authenticator.Type.WEBAUTHN, data=data)
    before = len(outside_changes())
    for used in ({"counter": 2}, {"name": "My phone"}):
        Authenticator.objects.filter(pk=passkey.pk).update(data=data | used, last_used_at="2026-11-23T00:00:00Z")
    assert len(outside_changes()) == before
    for stolen in ({"credential": "01"}, {"verified": False}, {"host": "other"}):
        Authenticator.objects.filter(pk=passkey.pk).update(data=data | stolen)
        Authenticator.objects.filter(pk=passkey.pk).update(data=data)
    assert [action for action, *_rest in outside_changes()[before:]] == ["database.update"] * 6


def test_deactivation_and_a_new_password_are_logged_and_a_sign_in_is_not(alice: Employee) -> None:
    before = len(outside_changes())
    Account.objects.update(last_login="2026-11-23T00:00:00Z")
    assert len(outside_changes()) == before
    Account.objects.update(is_active=False)
    Account.objects.update(password="!stolen")
    off, stolen = AuditEntry.objects.filter(action__startswith="database.").order_by("pk")[before:]
    assert (off.detail["before"][0]["active"], off.detail["after"][0]["active"]) == (True, False)
    assert stolen.detail["before"] != stolen.detail["after"]
    assert "stolen" not in str(stolen.detail)


def test_an_update_without_effect_or_a_rollback_leaves_no_entry(alice: Employee) -> None:
    before = len(outside_changes()), RowChange.objects.count()
    Role.objects.filter(role="nobody").delete()
    Account.objects.update(is_staff=False)
    with transaction.atomic():
        Employee.objects.update(name="x")
        transaction.set_rollback(True)
    assert (len(outside_changes()), RowChange.objects.count()) == before


def test_a_temporary_table_of_the_same_name_diverts_no_log_rows(alice: Employee) -> None:
    """A person with the application's database password may set a search path and create temporary tables."""
    with transaction.atomic():
        sql("CREATE TEMP TABLE core_rowchange (LIKE public.core_rowchange) ON COMMIT DROP")
        sql("CREATE TEMP TABLE core_auditentry (LIKE public.core_auditentry) ON COMMIT DROP")
        sql("SET LOCAL search_path = pg_temp, public")
        sql("UPDATE employees_employee SET time_zone = 'Asia/Tokyo'")
    assert outside_changes()[-1] == ("database.update", "employees_employee", 9)


def test_a_forged_entry_does_not_hide_the_logged_change(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    """The entry still shows below the forged one what the statement did."""
    with transaction.atomic():
        AuditEntry.objects.create(
            actor_label="Hedda", action="export.asked", subject_label="Harmless", origin="page 10.0.0.1"
        )
        Role.objects.create(account=account_for(alice), role="hr", granted_by_label="nobody")
    page = people.sign_in(client, hr).get("/company/audit/?q=Harmless").content.decode()
    assert "roles: 1 added" in page


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["core_rowchange", "core_auditentry"])
def test_logged_changes_cannot_be_deleted_or_rewritten(alice: Employee, owner: Any, table: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        sql(statement.format(table))
    with pytest.raises(psycopg2.DatabaseError, match="append-only"):
        owner.execute(statement.format(table))


def test_only_the_triggers_can_log_changes(alice: Employee) -> None:
    for statement in (
        "ALTER TABLE accounts_role DISABLE TRIGGER USER",
        "DROP TRIGGER accounts_role_noted_insert ON accounts_role",
        "CREATE OR REPLACE FUNCTION hundred_note_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(statement)


# -- contacts ------------------------------------------------------------------------------------------------------

CANARY = "canary"


def everything_told() -> str:
    return str([*AuditEntry.objects.values(), *RowChange.objects.values()])


def test_contacts_written_outside_the_application_are_logged_by_number_only(
    campaign: Campaign, alice: Employee
) -> None:
    """COPY can write 5,000 contacts in a second; no entry shows whom they are about."""
    people.record_one(alice, ("email", f"{CANARY}@outside.example.org"), name=f"{CANARY} one")
    [contact] = Contact.objects.all()
    row = f"{alice.pk}\t{CANARY} two\t2026-11-23 00:00+00\t2026-11-23 00:00+00\tpage\n"
    columns = "(employee_id, name, recorded_at, stored_at, source)"
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY contacts_contact {columns} FROM STDIN", io.StringIO(row * 3))
    Contact.objects.filter(pk=contact.pk).update(name=f"{CANARY} three")
    ContactIdentity.objects.update(value=f"{CANARY}@elsewhere.example.org")
    with transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(ended_at="2026-11-24T00:00:00Z", end_reason="removed")
    expected = [
        ("database.insert", "contacts_contact", 3),
        ("database.update", "contacts_contact", 1),
        ("database.update", "contacts_contactidentity", 1),
        ("database.update", "contacts_contact", 1),
        # A trigger copies the end to the identities.
        ("database.update", "contacts_contactidentity", 1),
    ]
    assert [entry for entry in outside_changes() if "contacts" in entry[1]] == expected
    assert CANARY not in everything_told()


def test_contacts_recorded_by_the_application_need_no_change_rows(campaign: Campaign, alice: Employee) -> None:
    before = RowChange.objects.count()
    people.record_one(alice, ("email", f"{CANARY}@outside.example.org"), name=CANARY)
    number = Contact.objects.get().pk
    named = {"contact_id": number, "employee": alice, "by": TESTER}
    rename_contact(**named, name=f"{CANARY} other")
    end_contact(**named)
    restore_contact(**named)
    correct_contact(**named, identities=[("handle", f"{CANARY}_2")])
    people.mark()
    assert RowChange.objects.count() == before
    assert [entry for entry in outside_changes() if "contacts" in entry[1]] == []
    assert CANARY not in everything_told()


# -- the application's own actions -----------------------------------------------------------------------------------


def test_the_applications_own_actions_explain_their_changes(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee, second: Account, clock: Clock
) -> None:
    """Two entries for one action would make readers ignore the important ones."""
    before = outside_changes()
    people.load(people.ROSTER.replace("Alan", "Alan 2"))
    grant_role(employee=alice, role="auditor", by=TESTER)
    grant_role(employee=alice, role="auditor", by=TESTER, revoke=True)
    client.post("/login/", {"username": "A001", "password": people.PASSWORD})
    changing = {"old_password": people.PASSWORD, "new_password1": "a new one 12345", "new_password2": "a new one 12345"}
    assert client.post("/password/", changing).status_code == 302
    client.post("/logout/")
    granted = _adjusted(campaign, alice, hr, second)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    drafts = [CorrectionDraft("A001", counted=100)]
    correction = request_correction(
        campaign=Campaign.objects.get(), drafts=drafts, reason="x", evidence="y", by=account_for(hr)
    )
    grant_correction(correction_id=correction.pk, by=second)
    assert FrozenResult.objects.count() == 2
    assert outside_changes() == before
    explained = RowChange.objects.by_transaction([granted])
    assert explained == {
        granted.transaction: [("campaigns_adjustment", "update", 1), ("campaigns_adjustmentrequest", "update", 1)]
    }


@pytest.fixture
def second(company: dict[str, Employee]) -> Account:
    """Another HR user, who approves."""
    return account_for(people.with_account(company["D001"], "hr"))


def _adjusted(campaign: Campaign, employee: Employee, hr: Employee, second: Account) -> AuditEntry:
    request = requests.request_adjustment(
        campaign=campaign, employee=employee, kind="leave", reason="x", target=50, by=account_for(hr).actor
    )
    approve.grant_adjustment(request_id=request.pk, by=second.actor)
    assert Adjustment.objects.get().granted_at is not None
    return AuditEntry.objects.get(action="adjustment.granted")


def test_a_larger_roster_load_logs_no_more_rows(noon: Clock) -> None:
    """One log row per employee would make a load of 1,000,000 people slow, and the trail unreadable."""

    def load(numbers: range) -> int:
        before = RowChange.objects.count()
        people.company([(f"P{number:04}", "") for number in numbers])
        return RowChange.objects.count() - before

    assert load(range(3)) == load(range(1000, 1300))
    assert outside_changes() == []
