"""Tasks that workers run: a failure of one step must not keep the others from their turn."""

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from apps.core.models import StoredFile
from apps.operations import tasks
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


def test_a_day_that_cannot_change_the_org_tree_still_deletes_what_has_expired(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise expired files stay while a long roster preview holds the org tree."""

    def wait_too_long() -> int:
        raise OperationalError("canceling statement due to lock timeout")

    stored = StoredFile.objects.create(
        name="old.csv",
        content_type="x",
        size=0,
        sha256=b"",
        expires_at="2020-01-01T00:00:00Z",
    )
    monkeypatch.setattr(tasks.effective_dates, "process_effective_dates", wait_too_long)
    with pytest.raises(OperationalError):
        tasks.day_change()
    assert not StoredFile.objects.filter(pk=stored.pk).exists()


def time_out(*_arguments: object) -> None:
    raise OperationalError("canceling statement due to statement timeout")


def test_a_sweep_that_cannot_evaluate_still_finds_all_other_work(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one slow statement stops files, exports, result versions and erasures of the whole company."""
    done: list[str] = []
    for name in ("enqueue_summaries", "enqueue_forecasts", "enqueue_import"):
        monkeypatch.setattr(tasks.enqueue, name, lambda *_ids, name=name: done.append(name))
    monkeypatch.setattr(tasks.marking, "mark_outbox", time_out)
    monkeypatch.setattr(tasks, "stalled_files", lambda _now: ["file"])
    monkeypatch.setattr(tasks, "waiting_loads", time_out)
    monkeypatch.setattr(tasks.making, "due_campaigns", lambda _now: ["campaign"])
    monkeypatch.setattr(tasks.erasure_approvals, "finish_approved_erasures", lambda: done.append("erasures"))
    with pytest.raises(OperationalError, match="statement timeout"):
        tasks.sweep()
    assert done == ["enqueue_import", "enqueue_summaries", "enqueue_forecasts", "erasures"]


def test_a_failed_erasure_keeps_no_old_rows_and_the_first_error_is_raised(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise old notifications and webhook deliveries stay as long as one campaign's erasure fails."""
    done: list[str] = []

    def fail(*_arguments: object) -> None:
        raise ValueError("second")

    monkeypatch.setattr(tasks.retention, "erase_expired_daily", time_out)
    monkeypatch.setattr(tasks, "delete_old_notifications", fail)
    monkeypatch.setattr(tasks, "delete_old_deliveries", lambda _now: done.append("deliveries"))
    monkeypatch.setattr(tasks, "reencrypt_secrets", lambda: done.append("secrets"))
    with pytest.raises(OperationalError):
        tasks.retain()
    assert done == ["deliveries", "secrets"]


def test_the_time_limit_ends_the_whole_task(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the worker is killed in the middle of the next step, and its message is delivered again and again."""

    def take_too_long(_now: object) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(tasks.retention, "erase_expired_daily", take_too_long)
    monkeypatch.setattr(tasks, "delete_old_notifications", lambda _now: pytest.fail("the task went on"))
    with pytest.raises(SoftTimeLimitExceeded):
        tasks.retain()
