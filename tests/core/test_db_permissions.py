"""The application's database role: an intruder who uses it cannot delete facts or rewrite decisions."""

from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction

from apps.core.audit import audit
from apps.core.db_permissions import APPEND_ONLY_TABLES, NO_DELETE_TABLES, UNUSED_TABLES
from tests.people import TESTER

pytestmark = pytest.mark.django_db


def answer(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def may(privilege: str) -> set[str]:
    """The tables on which the tests' role, which is the application's, has a privilege."""
    return {
        name
        for (name,) in answer(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND has_table_privilege(current_user, oid, %s)",
            privilege,
        )
    }


def test_the_application_owns_nothing() -> None:
    owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user AND relpersistence <> 't'"
    assert answer(owned) == [(0,)]
    functions = "SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = current_user"
    assert answer(functions) == []
    role = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert answer(role) == [(False, False, False, False)]
    assert answer("SELECT has_schema_privilege(current_user, 'public', 'CREATE')") == [(False,)]


def test_facts_cannot_be_deleted() -> None:
    assert not set(NO_DELETE_TABLES) & may("DELETE")
    for table in NO_DELETE_TABLES:
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            answer(f"DELETE FROM {table} RETURNING 1")


def test_decisions_and_audit_entries_cannot_be_changed() -> None:
    assert not set(APPEND_ONLY_TABLES) & (may("UPDATE") | may("DELETE"))
    for table in APPEND_ONLY_TABLES:
        for statement in ("UPDATE {} SET id = id", "DELETE FROM {}"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                answer(statement.format(table) + " RETURNING 1")


def test_unused_tables_stay_empty() -> None:
    """A row in them could give access to an account."""
    assert not set(UNUSED_TABLES) & (may("INSERT") | may("UPDATE"))
    for table in UNUSED_TABLES:
        assert answer(f"SELECT count(*) FROM {table}") == [(0,)]


@pytest.mark.parametrize("privilege", ["TRUNCATE", "REFERENCES", "TRIGGER"])
def test_nothing_can_be_emptied_or_rewired(privilege: str) -> None:
    assert may(privilege) == set()


def test_every_fact_table_is_protected() -> None:
    """A new table of facts must be listed in db_permissions.py: a person reviews this list."""
    may_go = {name for name in may("DELETE") if not name.startswith(("django_", "auth_", "test_"))}
    assert may_go - {name for name in may_go if name.startswith("api_")} == {
        "accounts_account", "accounts_account_groups", "accounts_account_user_permissions", "accounts_role",
        "accounts_providersubject", "mfa_authenticator", *UNUSED_TABLES, "accounts_accessending",
        "accounts_enrolmentcode", "roster_directorygroup", "roster_directorymember", "roster_directoryuser",
        "roster_rosterimportbefore", "accounts_session", "accounts_securityevent",
        "core_event", "notifications_notification", "notifications_preference", "campaigns_announcementread",
        "notifications_room",
        "notifications_reminder", "notifications_lastreminder", "notifications_helpoffer",
        "notifications_webhookdelivery", "notifications_webhookendpoint",
        "employees_treenode", "core_filepreview", "core_job", "core_largefileturn", "core_outbox", "core_progress",
        "core_setting", "core_storedchunk", "core_auditoutbox",
        "core_storedfile", "contacts_columnmapping", "standings_dailycount", "standings_markrange",
        "standings_markrun",
            "contacts_intakecount", "contacts_erasuresubject", "contacts_sighting",
            "forecasts_forecastaccuracy",
            "standings_summarystate", "standings_summarydelta", "standings_summarycell",
        "standings_standing",
    }  # fmt: skip


def test_the_application_role_cannot_change_triggers_or_the_clock() -> None:
    for statement in (
        "ALTER TABLE core_auditentry DISABLE TRIGGER ALL",
        "DROP TRIGGER core_audit_append_only ON core_auditentry",
        "CREATE OR REPLACE FUNCTION hundred_clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
        "SET session_replication_role = 'replica'",
        "DROP INDEX contacts_identity_once",
        "ALTER TABLE contacts_contact DROP CONSTRAINT contacts_end_has_reason",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_an_entry_is_written_by_the_application_itself() -> None:
    audit("x", by=TESTER)
    assert answer("SELECT count(*) FROM core_auditentry") == [(1,)]


def test_applied_migrations_cannot_be_forged() -> None:
    assert "django_migrations" not in may("INSERT") | may("UPDATE") | may("DELETE")


@pytest.mark.django_db(transaction=True)
def test_a_table_of_a_later_migration_is_usable_at_once(as_owner: Any) -> None:
    as_owner("CREATE TABLE later (id int)")
    try:
        assert "later" in may("INSERT")
        assert "later" not in may("TRUNCATE")
    finally:
        as_owner("DROP TABLE later")
