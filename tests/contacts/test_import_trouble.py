"""Temporary errors, and commands with different options: no contact is lost, and two readings of a file never mix."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from apps.campaigns.models import Campaign
from apps.contacts import import_queue, imports
from apps.contacts.batches import batches
from apps.contacts.drafts import NormalisedDraft
from apps.contacts.import_queue import next_files
from apps.contacts.imports import MAX_ATTEMPTS, import_submission
from apps.contacts.models import Contact, Submission
from apps.contacts.reading import Entry
from apps.core import previews as core_previews
from apps.core.models import FilePreview
from apps.core.previews import owner_lock, request_preview
from apps.employees.models import Employee
from apps.operations import tasks
from apps.results import close_submissions
from tests import files
from tests.commands import run
from tests.crowd import Gate, meanwhile
from tests.fixtures import Clock
from tests.people import TESTER, november


def test_a_lock_that_is_long_in_coming_refuses_no_file_however_often(
    alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = files.received(alice, "handle\nw1\nw2\n")

    def late(**_batch: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    with monkeypatch.context() as patch:
        patch.setattr(imports, "record_contacts", late)
        for _again in range(2 * MAX_ATTEMPTS):
            with pytest.raises(OperationalError):
                import_submission(submission.pk)
    submission.refresh_from_db()
    assert (submission.state, submission.attempts) == ("received", 0)
    import_submission(submission.pk)
    submission.refresh_from_db()
    assert (submission.state, submission.report["created"]) == ("done", 2)


def test_a_cut_off_import_goes_on_only_as_it_was_read(
    alice: Employee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("A,B\nw1,13812345678\nw2,13912345678\n")

    def dies(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(imports, "_lock_checkpoint", dies)
        with pytest.raises(KeyboardInterrupt):
            run("import_contacts", file, "--employee", "A001", "--columns", "A=handle")
    told = run("import_contacts", file, "--employee", "A001", "--columns", "B=phone,A=")
    assert told["created"] == 2
    assert Submission.objects.count() == 2
    assert {one.kind for contact in Contact.objects.all() for one in contact.identities.all()} == {"phone"}
    # With the same options as the first time, it continues the first run.
    run("import_contacts", file, "--employee", "A001", "--columns", "A=handle,B=")
    assert list(Submission.objects.values_list("state", flat=True)) == ["done", "done"]


def test_a_reading_that_breaks_off_before_the_checkpoint_is_not_the_end_of_the_file() -> None:
    """Continuing would treat the file as finished, and the people after the checkpoint would be lost."""

    def broken() -> Iterator[Entry]:
        yield Entry(2, NormalisedDraft("W", ()), ["W"])
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(batches(broken(), skip=5))


def blocked_by(first: Submission, waiting: list[Submission], monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return the results of the imports that a worker starts for `waiting` while `first` is being recorded."""
    gate = Gate()
    monkeypatch.setattr(imports, "_import_entries", gate.before(imports._import_entries))
    with meanwhile(lambda: import_submission(first.pk)) as recording:
        gate.wait()
        begun = [import_submission(one.pk) for one in waiting]
        gate.open()
    assert recording.result()
    return begun


@pytest.mark.django_db(transaction=True)
def test_one_file_of_a_person_is_recorded_at_a_time_and_the_next_is_asked_for(
    alice: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one employee's files occupy every worker, and other employees wait."""
    first, second, other = (files.received(who, f"handle\nw{n}\n") for n, who in enumerate((alice, alice, bob)))
    assert blocked_by(first, [second, other], monkeypatch) == [False, True]
    second.refresh_from_db()
    assert (second.state, second.attempts) == ("received", 0), "to wait is no attempt"
    assert next_files(first.pk) == [second.pk]
    assert import_submission(second.pk)
    assert next_files(second.pk) == []


@pytest.mark.django_db
def test_a_preview_and_an_import_of_one_person_take_turns(alice: Employee, bob: Employee) -> None:
    """Otherwise two files of one employee occupy both workers, and no status is evaluated meanwhile."""
    submission, other = files.received(alice, "handle\nw1\n"), files.received(bob, "handle\nw2\n")
    waiting = files.sent(alice, "handle\nw3\n")
    assert owner_lock(waiting.owner_id) in import_queue.queue_locks(submission)
    assert owner_lock(waiting.owner_id) not in import_queue.queue_locks(other)
    assert import_queue.next_own_preview(submission.pk) == [waiting.pk]
    assert import_queue.next_own_preview(other.pk) == []
    assert import_queue.next_own_file(waiting.pk) == [submission.pk]


@pytest.mark.django_db(transaction=True)
def test_one_large_file_is_recorded_at_a_time(alice: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_previews, "LARGE_BYTES", 10)
    first, second = files.received(alice, "handle\nwechat1\n"), files.received(bob, "handle\nwechat2\n")
    assert blocked_by(first, [second], monkeypatch) == [False]
    assert next_files(first.pk) == [second.pk]


@pytest.mark.django_db(transaction=True)
def test_the_next_large_file_to_be_recorded_is_another_persons(
    alice: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one employee's five files come before a colleague's, whose contacts are missing until then."""
    monkeypatch.setattr(core_previews, "LARGE_BYTES", 10)
    first, second, other = (files.received(who, f"handle\nwechat{n}\n") for n, who in enumerate((alice, alice, bob)))
    assert import_submission(first.pk)
    assert next_files(first.pk) == [other.pk, second.pk]


@pytest.mark.django_db(transaction=True)
def test_a_large_preview_gives_way_to_a_submitted_file_that_has_waited_longer(
    alice: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an employee who asks for previews again and again keeps a colleague's contacts from being recorded."""
    monkeypatch.setattr(core_previews, "LARGE_BYTES", 10)
    enqueued: list[object] = []
    monkeypatch.setattr(tasks.enqueue, "enqueue_import", enqueued.append)
    preview, submitted = files.sent(alice, "handle\nwechat1\n"), files.received(bob, "handle\nwechat2\n")
    tasks.make_preview(preview.pk)
    state = FilePreview.objects.filter(pk=preview.pk).values_list("state", flat=True)
    assert state.get() == "made", "the first turn of an account needs no earlier one"
    request_preview(preview, FilePreview.objects.get(pk=preview.pk).asked | {"encoding": "gb18030"})
    enqueued.clear()
    tasks.make_preview(preview.pk)
    assert (state.get(), enqueued) == ("waiting", [submitted.pk])
    tasks.import_submission(submitted.pk)
    tasks.make_preview(preview.pk)
    assert state.get() == "made"


@pytest.mark.django_db(transaction=True)
def test_mutant_without_the_queue_a_person_takes_every_worker(
    alice: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "advisory_lock", lambda name: nullcontext(True))
    with pytest.raises(AssertionError):
        test_one_file_of_a_person_is_recorded_at_a_time_and_the_next_is_asked_for(alice, bob, monkeypatch)


@pytest.mark.django_db(transaction=True)
def test_a_file_is_finished_for_a_freeze_although_another_of_the_person_is_being_recorded(
    alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was submitted before the cut-off: a file that waits for others would be refused in the end."""
    first, second = files.received(alice, "handle\nw1\n"), files.received(alice, "handle\nw2\n")
    gate = Gate()
    monkeypatch.setattr(imports, "_import_entries", gate.before(imports._import_entries))
    monkeypatch.setattr(close_submissions, "unfinished", lambda campaign: Submission.objects.filter(state="received"))
    with meanwhile(lambda: import_submission(first.pk)):
        gate.wait()
        left = close_submissions.finish_received(campaign)
        second.refresh_from_db()
        gate.open()
    assert (left, second.state) == (1, "done")


@pytest.mark.django_db(transaction=True)
def test_a_long_closing_refuses_no_file_that_a_worker_has_just_begun(
    alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contacts of the file were lost, and its employee stayed red in the final result."""
    campaign = november()
    clock.set("2026-11-30T23:50:00+08:00", ticks=True)
    submission = files.received(alice, "handle\nw1\n")
    clock.set("2026-12-01T00:00:10+08:00", ticks=True)
    close_submissions.begin_closing(campaign, TESTER)
    clock.set("2026-12-01T00:40:00+08:00", ticks=True)
    campaign.refresh_from_db()
    gate = Gate()
    monkeypatch.setattr(imports, "_import_entries", gate.before(imports._import_entries))
    with meanwhile(lambda: import_submission(submission.pk)):
        gate.wait()
        assert close_submissions.finish_received(campaign) == 1
        gate.open()
    submission.refresh_from_db()
    assert (submission.state, Contact.objects.count()) == ("done", 1)


@pytest.mark.django_db(transaction=True)
def test_a_file_that_always_fails_keeps_no_campaign_from_its_result(
    alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt that ends in an error is no progress, else the campaign would never freeze."""
    campaign = november()
    clock.set("2026-11-30T23:50:00+08:00", ticks=True)
    submission = files.received(alice, "handle\nw1\n")
    clock.set("2026-12-01T00:00:10+08:00", ticks=True)
    close_submissions.begin_closing(campaign, TESTER)
    monkeypatch.setattr(imports, "_import_entries", Mock(side_effect=RuntimeError("always")))
    clock.set("2026-12-01T00:40:00+08:00", ticks=True)
    campaign.refresh_from_db()
    assert close_submissions.finish_received(campaign) == 0
    submission.refresh_from_db()
    assert (submission.state, submission.report["refused"]) == ("refused", close_submissions.REFUSED_CODE)


@pytest.mark.django_db(transaction=True)
def test_the_task_asks_for_what_waited(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = files.received(alice, "handle\nw1\n"), files.received(alice, "handle\nw2\n")
    asked: list[object] = []
    monkeypatch.setattr(tasks.enqueue, "enqueue_import", asked.append)
    tasks.import_submission(first.pk)
    assert asked == [second.pk]
    tasks.import_submission(first.pk)
    assert asked == [second.pk], "a task that had nothing to do asks for nothing"
