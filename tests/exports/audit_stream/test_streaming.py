"""An entry that is missing in the stream is one that an attacker with the database's password could hide."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import psycopg2
import pytest

from apps.core.audit import SYSTEM, Actor, audit, audit_each
from apps.core.models import AuditEntry, AuditOutboxRow, Setting
from apps.exports.audit_stream import streaming
from apps.exports.audit_stream.streaming import stored_position, stream_audit_trail, stream_or_log
from apps.exports.audit_stream.verification import verify
from apps.localstack.paths import BASE_DIR
from tests import plugin

pytestmark = pytest.mark.django_db


class Receiver:
    """Keeps lines; the `fails_after`th of a call never arrives."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fails_after: int | None = None

    def __call__(self, lines: Sequence[str]) -> None:
        if self.fails_after is not None:
            self.lines += lines[: self.fails_after]
            raise ConnectionResetError
        self.lines += lines

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def received(settings: Any) -> Receiver:
    settings.AUDIT_STREAM = "stdout"
    return Receiver()


def write(count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        audit("test.happened", by=SYSTEM, kind="number", id=number)


def test_each_entry_of_the_trail_is_sent_once_in_a_chain(received: Receiver) -> None:
    write(3)
    assert stream_audit_trail(received) == AuditEntry.objects.count()
    write(2, start=3)
    assert stream_audit_trail(received) == 2
    assert stream_audit_trail(received) == 0
    assert [entry["sequence"] for entry in received.entries] == list(range(1, len(received.lines) + 1))
    assert {entry["id"] for entry in received.entries} == set(AuditEntry.objects.values_list("pk", flat=True))
    assert verify(received.lines, stored_position()).problem == ""


def test_what_a_failed_receiver_had_already_comes_again_with_the_same_numbers(received: Receiver) -> None:
    write(5)
    received.fails_after = 2
    with pytest.raises(ConnectionResetError):
        stream_audit_trail(received)
    write(5, start=5)
    received.fails_after = None
    stream_audit_trail(received)
    finding = verify(received.lines, stored_position())
    assert (finding.problem, finding.repeated, finding.last) == ("", 2, AuditEntry.objects.count())


def test_batches_continue_the_chain(received: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH_SIZE", 3)
    audit_each("test.happened", by=SYSTEM, kind="number", details={number: {} for number in range(10)})
    stream_audit_trail(received)
    assert verify(received.lines, stored_position()).problem == ""
    assert not AuditOutboxRow.objects.exists()


def test_a_name_never_leaves_and_private_details_stay(received: Receiver) -> None:
    audit("account.signed_in", by=Actor(7, "Grace Hopper"), kind="account", id=7, label="Grace Hopper")
    audit(
        "adjustment.approved",
        by=Actor(7, "Grace Hopper"),
        kind="employee",
        id="E0042",
        label="Ann",
        detail={"target": 3},
    )
    audit("roster.touches_contacts", by=SYSTEM, kind="employee", id="E0043", label="Ann", detail={"people": 3})
    stream_audit_trail(received)
    signed_in, *private = received.entries[-3:]
    assert (signed_in["actor_id"], signed_in["actor"], signed_in["subject_id"]) == (7, None, "7")
    assert [(entry["subject_id"], entry["detail"]) for entry in private] == [("", {}), ("", {})]
    assert not any(name in line for line in received.lines for name in ("Grace", "Ann", "E004"))


def test_without_a_receiver_nothing_waits_and_a_later_stream_is_a_new_one(received: Receiver, settings: Any) -> None:
    """Numbers that went on would hide the entries in between."""
    write(2)
    stream_audit_trail(received)
    first = stored_position()
    settings.AUDIT_STREAM = ""
    write(2, start=2)
    stream_or_log()
    assert not AuditOutboxRow.objects.exists()
    settings.AUDIT_STREAM = "stdout"
    received.lines.clear()
    stream_audit_trail(received)
    assert len(received.lines) == AuditEntry.objects.count(), "the new stream begins with the first entry"
    assert first
    assert received.entries[0]["stream"] != first.stream


def test_a_receiver_that_is_down_is_reported_once_a_run_and_in_the_health_page(
    received: Receiver, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIT_STREAM = "syslog:tcp://127.0.0.1:1"
    write(1)
    with caplog.at_level(logging.ERROR):
        stream_or_log()
    assert [record.getMessage() for record in caplog.records] == [
        f"the audit stream was not received (ConnectionRefusedError): {AuditOutboxRow.objects.count()} entries wait"
    ]
    assert Setting.objects.filter(name="audit stream fails").exists()
    stream_audit_trail(received)
    settings.AUDIT_STREAM = ""
    stream_or_log()
    assert not Setting.objects.filter(name="audit stream fails").exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_after_later_ones_is_sent_too(received: Receiver) -> None:
    """Its id is smaller than the last one sent: a position in the order of ids would never come back to it."""
    stream_audit_trail(received)
    url = plugin.PATHS.database_url("app", plugin.DATABASE)
    slow = psycopg2.connect(url)
    try:
        with slow.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_auditentry (actor_label, action, subject_kind, subject_id, subject_label, detail)"
                " VALUES ('slow', 'test.slow', '', '', '', '{}')"
            )
        write(1)
        assert stream_audit_trail(received) == 1
        slow.commit()
    finally:
        slow.close()
    assert stream_audit_trail(received) == 1
    quick, late = received.entries[-2:]
    assert late["action"] == "test.slow"
    assert late["id"] < quick["id"]
    assert verify(received.lines).problem == ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_a_streamer_killed_in_the_middle_loses_no_entry(tmp_path: Any) -> None:
    audit_each("test.happened", by=SYSTEM, kind="number", details={number: {"n": "x" * 200} for number in range(1200)})
    own = {
        "DATABASE_URL": plugin.PATHS.database_url("app", plugin.DATABASE), "AUDIT_STREAM": "stdout",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    command = [sys.executable, str(BASE_DIR / "manage.py"), "stream_audit_trail"]
    # The pipe takes less than a batch: the process waits in the middle of one.
    with subprocess.Popen(command, env=os.environ | own, cwd=BASE_DIR, stdout=subprocess.PIPE) as first:
        assert first.stdout
        before = [first.stdout.readline() for _line in range(700)]
        first.send_signal(signal.SIGKILL)
        before += first.stdout.readlines()
    assert first.returncode == -signal.SIGKILL
    again = subprocess.run(command, env=os.environ | own, cwd=BASE_DIR, check=True, capture_output=True)
    lines = [line.decode() for line in (*before, *again.stdout.splitlines(keepends=True)) if line.endswith(b"}\n")]
    finding = verify(lines, stored_position())
    assert (finding.problem, finding.last) == ("", AuditEntry.objects.count())
    assert finding.repeated > 0, "it was killed between two batches, which proves nothing"
    assert {json.loads(line)["id"] for line in lines} == set(AuditEntry.objects.values_list("pk", flat=True))
