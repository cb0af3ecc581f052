"""Outbox rows are never lost, jobs run once, the trail cannot be rewritten, and stored bytes come back unchanged."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.core import progress
from apps.core.audit import SYSTEM, audit
from apps.core.clock import db_now
from apps.core.files import CHUNK_BYTES, expire_files, read_file, store_file
from apps.core.identity_key import verify_identity_key
from apps.core.jobs import claim_job
from apps.core.locks import disable_statement_timeout, lock_facts, lock_org_tree
from apps.core.models import AuditEntry, Job, OutboxRow, Setting, StoredChunk, StoredFile
from apps.core.outbox import pop_outbox, queue_identity_reevaluation, queue_reevaluation, set_identity_tracking
from tests.fixtures import Clock
from tests.people import TESTER

pytestmark = pytest.mark.django_db
KEY = ("email", b"1" * 32)
SECOND_IDENTITY = ("phone", b"2" * 32)


def test_the_clock_is_the_databases(clock: Clock) -> None:
    clock.set("2026-11-30T23:59:59.999999+08:00")
    assert globals()["db_now"]() == datetime(2026, 11, 30, 15, 59, 59, 999999, tzinfo=UTC)


# -- outbox --------------------------------------------------------------------------------------------------------


def test_an_employee_is_queued_once() -> None:
    queue_reevaluation([3, 1, 3])
    assert list(OutboxRow.objects.order_by("id").values_list("employee_id", flat=True)) == [1, 3]


def test_an_empty_list_queues_nothing() -> None:
    queue_reevaluation([])
    queue_identity_reevaluation([], always=True)
    assert not OutboxRow.objects.exists()


def test_identities_are_queued_only_while_a_campaign_counts_exclusively() -> None:
    queue_identity_reevaluation([KEY])
    assert not OutboxRow.objects.exists()
    set_identity_tracking(True)
    set_identity_tracking(True)
    queue_identity_reevaluation([KEY, KEY, SECOND_IDENTITY])
    assert OutboxRow.objects.count() == 2
    set_identity_tracking(False)
    queue_identity_reevaluation([KEY])
    assert OutboxRow.objects.count() == 2
    queue_identity_reevaluation([KEY], always=True)
    assert OutboxRow.objects.count() == 3


def test_pop_outbox_takes_at_most_the_limit() -> None:
    queue_reevaluation(range(1, 6))
    queue_identity_reevaluation([KEY], always=True)
    first, second, third = pop_outbox(4), pop_outbox(4), pop_outbox(4)
    assert (first.employees, first.rows) == ([1, 2, 3, 4], 4)
    assert (second.employees, second.identities, second.rows) == ([5], [KEY], 2)
    assert third.rows == 0


def test_a_rolled_back_pop_keeps_every_outbox_row() -> None:
    queue_reevaluation([1, 2])
    with transaction.atomic():
        assert pop_outbox(10).rows == 2
        transaction.set_rollback(True)
    assert OutboxRow.objects.count() == 2


def test_a_rolled_back_outbox_row_does_not_exist() -> None:
    with transaction.atomic():
        queue_reevaluation([1])
        transaction.set_rollback(True)
    assert not OutboxRow.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [{}, {"employee_id": 1, "kind": "email", "digest": b"1"}, {"kind": "email"}, {"digest": b"1"}],
)
def test_an_outbox_row_names_an_employee_or_an_identity(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxRow.objects.create(**fields)


# -- locks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [lock_facts, lock_org_tree, lambda: lock_facts(exclusive=True)])
def test_a_lock_is_taken_in_a_transaction_and_ends_with_it(lock: Any) -> None:
    with transaction.atomic():
        lock()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone()[0] == 1


@pytest.mark.django_db(transaction=True)
def test_a_lock_outside_a_transaction_protects_nothing_and_is_refused() -> None:
    for lock in (lock_facts, lock_org_tree):
        with pytest.raises(RuntimeError, match="outside a transaction"):
            lock()


@pytest.mark.django_db(transaction=True)
def test_work_on_the_whole_tree_has_no_statement_timeout() -> None:
    """A roster of a million takes minutes: with the timeout HR could never load it."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        before = cursor.fetchone()
        with transaction.atomic():
            lock_org_tree()
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",) != before
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == before
    with pytest.raises(RuntimeError, match="all later ones"):
        disable_statement_timeout()


# -- jobs ----------------------------------------------------------------------------------------------------------


def test_a_job_is_done_once_a_period() -> None:
    assert claim_job("recount", "2026-11-23", {"found": 0})
    assert not claim_job("recount", "2026-11-23")
    assert claim_job("recount", "2026-11-24")
    assert claim_job("freeze", "2026-11-23")
    assert Job.objects.get(job="recount", period="2026-11-23").detail == {"found": 0}


def test_a_job_with_a_rolled_back_effect_is_still_due() -> None:
    with transaction.atomic():
        assert claim_job("recount", "2026-11-23")
        transaction.set_rollback(True)
    assert claim_job("recount", "2026-11-23")


# -- audit trail ---------------------------------------------------------------------------------------------------


def test_an_entry_names_actor_action_subject_and_time(noon: Clock) -> None:
    before = db_now()
    audit("role.granted", by=SYSTEM, kind="account", id=7, label="Alice", detail={"role": "hr"})
    entry = AuditEntry.objects.get()
    assert before < entry.at < db_now()
    assert (entry.actor_id, entry.actor_label, entry.subject_id) == (None, "system", "7")
    assert "Alice" in str(entry)


def test_the_trail_cannot_be_rewritten() -> None:
    audit("role.granted", by=TESTER)
    for change in (
        lambda: AuditEntry.objects.update(action="nothing"),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.get().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert AuditEntry.objects.get().action == "role.granted"


@pytest.mark.django_db(transaction=True)
def test_not_even_the_owner_rewrites_the_trail(as_owner: Any) -> None:
    audit("role.granted", by=TESTER)
    for statement in ("UPDATE {} SET action = ''", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(Exception, match="append-only"):
            as_owner(statement.format("core_auditentry"))
    assert AuditEntry.objects.count() == 1


# -- files, progress, identity key -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
def test_bytes_come_back_as_they_went_in(size: int) -> None:
    content = bytes(n % 251 for n in range(size))
    pieces = [content[n : n + 70_000] for n in range(0, size, 70_000)]
    stored = store_file(
        name="x.csv", content=pieces, content_type="text/csv", expires_at=db_now() + timedelta(days=1), owner_id=None
    )
    stored.refresh_from_db()
    assert b"".join(read_file(stored)) == content
    assert (stored.size, bytes(stored.sha256)) == (size, hashlib.sha256(content).digest())
    assert stored.storedchunk_set.count() == -(-size // CHUNK_BYTES)


def test_an_interrupted_file_is_not_stored() -> None:
    def broken() -> Any:
        yield b"x" * CHUNK_BYTES
        raise OSError("the line is gone")

    with pytest.raises(OSError, match="gone"):
        store_file(name="x", content=broken(), content_type="text/csv", expires_at=db_now(), owner_id=None)
    assert not StoredFile.objects.exists()


def test_files_are_deleted_when_they_expire_and_not_before() -> None:
    now = db_now()
    for hours in (-1, 0, 1):
        expires_at = now + timedelta(hours=hours)
        store_file(name=str(hours), content=[b"x"], content_type="text/csv", expires_at=expires_at, owner_id=None)
    assert expire_files(now) == 2
    assert [stored.name for stored in StoredFile.objects.all()] == ["1"]
    assert StoredChunk.objects.count() == 1


def test_finished_work_stays_finished() -> None:
    work = progress.begin("import", owner_id=1, total=10)
    progress.advance(work, 4)
    work.refresh_from_db()
    assert work.done == 4
    progress.finish(work, {"created": 4})
    progress.finish(work, {"created": 5}, failed=True)
    progress.advance(work, 9)
    work.refresh_from_db()
    assert (work.done, work.failed, work.result) == (4, False, {"created": 4})
    assert work.finished_at is not None


def test_another_identity_key_is_refused_at_once(settings: Any) -> None:
    verify_identity_key()
    verify_identity_key()
    settings.IDENTITY_KEY = "another"
    with pytest.raises(ImproperlyConfigured, match="IDENTITY_KEY is not the key"):
        verify_identity_key()
    assert Setting.objects.filter(name="identity_key_check").count() == 1
