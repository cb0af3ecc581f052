"""Sends the audit trail to AUDIT_STREAM: each entry at least once, with the same sequence every time.

A trigger adds a row to core_auditoutbox for each entry, in the transaction of the entry: ids are not in the order of
commits, so a position in the trail would miss the entry of a long transaction. Numbers are assigned and committed
before the first line goes out. The rows are deleted after the receiver has everything.
"""

import logging
import time
import uuid
from dataclasses import asdict
from datetime import UTC
from json import dumps
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.core.health import record_audit_stream
from apps.core.models import AuditEntry, AuditOutboxRow, Setting
from apps.core.sql import execute, statement
from apps.exports.audit_export import AUDITORS_ONLY, PRIVATE
from apps.exports.audit_stream.lines import Position, position_of, seal
from apps.exports.audit_stream.receivers import Send, receiver

logger = logging.getLogger(__name__)
# The setting with the position: what the receiver has for certain.
POSITION = "audit stream"
BATCH_SIZE = 500
# A backlog may take hours: the task ends in time and beat asks again.
MAX_SECONDS = 60.0

ENQUEUE_WHOLE_TRAIL = statement("exports", "audit_stream", "enqueue_whole_trail")
ASSIGN_NUMBERS = statement("exports", "audit_stream", "assign_numbers")


def stream_audit_trail(send: Send | None = None) -> int:
    """Send what waits, by `send` or to AUDIT_STREAM; returns how many lines. Concurrent calls are safe.

    Without AUDIT_STREAM, delete what waits. Raises OSError when the receiver refuses, and InvalidReceiver.
    """
    if send is None and not settings.AUDIT_STREAM:
        _discard()
        return 0
    send = send or receiver(settings.AUDIT_STREAM)
    _begin()
    sent, end = 0, time.monotonic() + MAX_SECONDS
    while time.monotonic() < end:
        _assign_numbers()
        batch = _send_batch(send)
        if not batch:
            break
        sent += batch
    return sent


def stream_or_log() -> None:
    """Send to AUDIT_STREAM, and report a receiver that refuses in the log and in /health/ready."""
    try:
        stream_audit_trail()
    except OSError as error:
        waiting = AuditOutboxRow.objects.count()
        logger.error("the audit stream was not received (%s): %s entries wait", type(error).__name__, waiting)
        record_audit_stream(failing=True)
    else:
        record_audit_stream(failing=False)


def stored_position() -> Position | None:
    value = Setting.objects.filter(name=POSITION).values_list("value", flat=True).first()
    return Position(**value) if value else None


def _begin() -> None:
    """The first time, begin a stream with the first entry of the trail."""
    if stored_position():
        return
    with transaction.atomic():
        # Of two workers the second waits here, and finds the row of the first.
        position = asdict(Position(str(uuid.uuid4())))
        _setting, created = Setting.objects.get_or_create(name=POSITION, defaults={"value": position})
        if created:
            execute(ENQUEUE_WHOLE_TRAIL)


def _discard() -> None:
    """A stream that is switched on again is another one: its numbers must not hide what was deleted here."""
    with transaction.atomic():
        Setting.objects.filter(name=POSITION).delete()
        execute("DELETE FROM core_auditoutbox")


def _assign_numbers() -> None:
    """Number the next entries, unless some with numbers wait. Committed, so that a second attempt repeats them."""
    with transaction.atomic():
        position = _locked_position()
        if position and not AuditOutboxRow.objects.filter(sequence__isnull=False).exists():
            execute(ASSIGN_NUMBERS, {"last": position.sequence, "size": BATCH_SIZE})


def _send_batch(send: Send) -> int:
    with transaction.atomic():
        position = _locked_position()
        if position is None:
            return 0
        numbers = AuditOutboxRow.objects.filter(sequence__gt=position.sequence).order_by("sequence")
        ids = list(numbers.values_list("entry_id", flat=True))
        entries = AuditEntry.objects.with_hidden_subjects(PRIVATE | AUDITORS_ONLY).in_bulk(ids)
        lines = []
        for entry_id in ids:
            line = seal(_shown(entries[entry_id]), position)
            position = position_of(line)
            lines.append(dumps(line))
        if lines:
            send(lines)
            AuditOutboxRow.objects.filter(entry_id__in=ids).delete()
            Setting.objects.filter(name=POSITION).update(value=asdict(position))
    return len(lines)


def _locked_position() -> Position | None:
    """The position, locked until the transaction ends; None while another process sends."""
    row = Setting.objects.select_for_update(skip_locked=True).filter(name=POSITION).first()
    return Position(**row.value) if row else None


def _shown(entry: Any) -> dict[str, Any]:
    """What leaves Hundred of an entry: a number in place of a person's label. Adjustments of single employees, and
    imports that touch contacts, have neither subject nor details.
    """
    return {
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_id": entry.actor_id,
        # Without an account it is a command, a database role or the system.
        "actor": entry.actor_label if entry.actor_id is None else None,
        "action": entry.action,
        "subject_kind": entry.subject_kind,
        "subject_id": entry.shown_id,
        "detail": entry.shown_detail,
        "origin": entry.origin,
        "transaction": entry.transaction,
    }
