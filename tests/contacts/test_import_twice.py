"""A file submitted twice, twice at once, or again after a crash, is one file with one report.

A new upload of the same bytes is another file: it reports everyone as a duplicate.
"""

import io
import itertools
import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.campaigns.models import Campaign
from apps.contacts import batches, imports
from apps.contacts.file_receipt import receive_file
from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.core.files import read_file, store_file
from apps.core.models import StoredFile
from apps.employees.models import Employee
from apps.operations import tasks
from apps.standings.process_runs import sweep
from tests import files
from tests.crowd import Gate, at_once, meanwhile
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import NOON, TESTER, sign_in, standing

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "2"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)
LAYOUT = {"format": "csv", "encoding": "utf-8", "roles": ["name", "phone", "handle"]}
TEXT = "name,phone,handle\n" + "".join(f"Guest {n},{'12' if n % 10 == 3 else ''},h{n % 45}\n" for n in range(60))
# Of 60 lines, 6 have an invalid phone; the others are 42 people, 12 of them twice.
COUNTS = {"read": 60, "created": 42, "duplicate": 12, "rejected": 6}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_ENTRIES", 7)


def kept(text: str = TEXT) -> StoredFile:
    """Store the bytes of one upload."""
    expires = datetime.fromisoformat(NOON) + timedelta(days=1)
    return store_file(name="c.csv", content=[text.encode()], content_type="text/csv", expires_at=expires, owner_id=None)


def hand_in(employee: Employee, upload: StoredFile, key: str | None) -> Submission:
    """Submit the file as the confirmation does."""
    return receive_file(
        employee=employee, by=TESTER, source="csv", file_name="c.csv", sha256=bytes(upload.sha256), layout=LAYOUT,
        key=key, file=upload,
    )  # fmt: skip


def confirm(
    employee: Employee, upload: StoredFile, key: str | None = "file-1", *, queued: bool = True
) -> Submission:  # fmt: skip
    """Submit the file as the confirmation does, then import it as the worker or, not `queued`, as a freeze."""
    submission = hand_in(employee, upload, key)
    import_submission(submission.pk, queued=queued)
    submission.refresh_from_db()
    return submission


def rejects_of(submission: Submission) -> bytes:
    """Return the file of rejected lines."""
    assert submission.rejects
    return b"".join(read_file(submission.rejects))


def counted(told: dict[str, Any]) -> dict[str, int]:
    return {code: told[code] for code in COUNTS}


def nobody_twice(campaign: Campaign, employee: Employee) -> None:
    """Check that 42 people are stored once each, and that the standing counts them."""
    values = list(ContactIdentity.objects.filter(live=True).values_list("value", flat=True))
    assert len(values) == len(set(values)) == Contact.objects.count() == 42
    sweep()
    assert stored(campaign) == oracle(campaign)
    assert standing(campaign, employee).counted == 42


def test_one_upload_confirmed_twice_is_one_file_and_one_report(campaign: Campaign, alice: Employee) -> None:
    upload = kept()
    first = confirm(alice, upload)
    assert counted(first.report) == COUNTS
    report, rejects, at = first.report, rejects_of(first), first.done_at
    again = confirm(alice, upload)
    assert (again.pk, again.report, again.done_at) == (first.pk, report, at)
    assert rejects_of(again) == rejects
    assert Submission.objects.count() == 1
    nobody_twice(campaign, alice)


def test_one_upload_confirmed_eight_times_at_once_is_one_file_and_one_report(
    campaign: Campaign, alice: Employee
) -> None:
    upload = kept()
    answers = at_once(*[partial(confirm, alice, upload)] * 8)
    assert [one for one in answers if isinstance(one, Exception)] == []
    assert len({one.pk for one in answers}) == Submission.objects.count() == 1
    done = Submission.objects.get()
    assert (done.state, done.total, counted(done.report)) == ("done", 60, COUNTS)
    assert rejects_of(done).count(b"invalid_identity") == 6
    assert StoredFile.objects.count() == 1, "one file of rejects; what is recorded is not kept"
    nobody_twice(campaign, alice)


def test_mutant_without_its_key_an_upload_confirmed_eight_times_is_eight_files(
    campaign: Campaign, alice: Employee
) -> None:
    at_once(*[partial(confirm, alice, kept(), None, queued=False)] * 8)
    assert Submission.objects.count() == 8
    nobody_twice(campaign, alice)


class Crash(Exception):
    """A simulated crash of the machine."""


def crash_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> None:
    """Let the `call`-th call of `imports.name` crash, once."""
    real, calls = getattr(imports, name), itertools.count(1)

    def crashing(*arguments: Any) -> Any:
        if next(calls) == call:
            raise Crash
        return real(*arguments)

    monkeypatch.setattr(imports, name, crashing)


def again_after_a_crash(alice: Employee, monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> Submission:
    upload = kept()
    crash_at(monkeypatch, name, call)
    with pytest.raises(Crash):
        confirm(alice, upload)
    return confirm(alice, upload)


@pytest.mark.parametrize("name", ["_lock_checkpoint", "_record_entries", "store_rejects"])
def test_an_upload_confirmed_again_after_a_crash_is_one_file_and_one_report(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    call = random.Random(SEED).randrange(1, 10)
    print(f"seed {SEED}: crash in call {call} of {name}")
    done = again_after_a_crash(alice, monkeypatch, name, call)
    assert (done.state, done.total, counted(done.report)) == ("done", 60, COUNTS)
    assert rejects_of(done).count(b"invalid_identity") == 6
    assert Submission.objects.count() == 1
    assert set(Contact.objects.values_list("recorded_at", flat=True)) == {done.received_at}
    nobody_twice(campaign, alice)


def test_mutant_without_the_checkpoint_the_report_after_a_crash_is_wrong(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = imports._import_entries

    def from_the_first_line(submission: Submission, *rest: Any) -> Any:
        submission.done, submission.report = 0, {}
        submission.save(update_fields=["done", "report"])
        return real(submission, *rest)

    monkeypatch.setattr(imports, "_import_entries", from_the_first_line)
    done = again_after_a_crash(alice, monkeypatch, "_record_entries", 4)
    assert counted(done.report) != COUNTS
    nobody_twice(campaign, alice)


def test_a_new_upload_of_the_same_bytes_is_another_file_and_finds_everybody_there(
    campaign: Campaign, alice: Employee
) -> None:
    confirm(alice, kept(), "file-1")
    second = confirm(alice, kept(), "file-2")
    assert Submission.objects.count() == 2
    assert counted(second.report) == {"read": 60, "created": 0, "duplicate": 54, "rejected": 6}
    nobody_twice(campaign, alice)


def test_two_uploads_of_the_same_bytes_at_once_are_two_files_that_share_the_people(
    campaign: Campaign, alice: Employee
) -> None:
    answers = at_once(*(partial(confirm, alice, kept(), f"file-{n}", queued=False) for n in range(4)))
    assert [one for one in answers if isinstance(one, Exception)] == []
    reports = [counted(one.report) for one in Submission.objects.all()]
    assert sum(report["created"] for report in reports) == 42
    assert [report["created"] + report["duplicate"] for report in reports] == [54] * 4
    nobody_twice(campaign, alice)


def test_of_four_files_at_once_none_is_left_for_the_sweep(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are recorded one after the other, each started by the worker that finished the one before."""
    handed_in = [hand_in(alice, kept(), f"file-{n}").pk for n in range(4)]
    monkeypatch.setattr(tasks.enqueue, "enqueue_import", tasks.import_submission)
    assert at_once(*(partial(tasks.import_submission, one) for one in handed_in)) == [None] * 4
    assert list(Submission.objects.values_list("state", flat=True)) == ["done"] * 4


def test_one_key_of_two_employees_is_two_files(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    assert confirm(alice, kept()).pk != confirm(alan, kept()).pk
    assert [counted(one.report) for one in Submission.objects.all()] == [COUNTS] * 2


# -- the command -----------------------------------------------------------------------------------------------------


def command(employee: Employee) -> dict[str, Any]:
    return counted(import_contacts(raw=io.BytesIO(TEXT.encode()), by=TESTER, employee=employee).as_json())


def test_a_command_run_again_after_a_crash_tells_what_one_run_tells(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_at(monkeypatch, "_record_entries", 5)
    with pytest.raises(Crash):
        command(alice)
    assert command(alice) == COUNTS
    assert Submission.objects.count() == 1
    assert command(alice) == {"read": 60, "created": 0, "duplicate": 54, "rejected": 6}
    assert Submission.objects.count() == 2
    nobody_twice(campaign, alice)


def test_one_file_given_to_four_commands_at_once_records_nobody_twice(campaign: Campaign, alice: Employee) -> None:
    told = at_once(*[partial(command, alice)] * 4)
    assert [one for one in told if isinstance(one, Exception)] == []
    assert sum(one["created"] for one in told) == 42
    assert [one["created"] + one["duplicate"] for one in told] == [54] * 4
    nobody_twice(campaign, alice)


def test_a_command_that_starts_the_moment_another_has_handed_in_the_same_file_leaves_it_alone(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the second command takes the file from the first, which ends in a traceback."""
    gate, real = Gate(), imports.receive_file
    monkeypatch.setattr(imports, "receive_file", gate.after(real))
    with meanwhile(partial(command, alice)) as first:
        gate.wait()
        monkeypatch.setattr(imports, "receive_file", real)
        second = command(alice)
        gate.open()
    told = [first.result(), second]
    assert sum(one["created"] for one in told) == 42
    assert [one["created"] + one["duplicate"] for one in told] == [54] * 2
    nobody_twice(campaign, alice)


# -- through the page --------------------------------------------------------------------------------------------------


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the files that the page would have enqueued."""
    rung: list[Any] = []
    monkeypatch.setattr("apps.core.enqueue.enqueue_import", rung.append)
    return rung


def uploaded(client: Client, text: str = TEXT) -> str:
    """Upload a file; returns the address of the preview."""
    file = SimpleUploadedFile("contacts.csv", text.encode(), content_type="text/csv")
    response = client.post("/contacts/import/", {"file": file})
    assert response.status_code == 302
    files.make_previews()
    return response.headers["Location"]


SignedIn = Callable[[], Client]


@pytest.fixture
def as_alice(alice: Employee) -> SignedIn:
    return lambda: sign_in(Client(), alice)


def test_the_confirmation_pressed_twice_leads_to_one_file_and_one_report(
    campaign: Campaign, alice: Employee, as_alice: SignedIn, no_worker: list[Any], clock: Clock
) -> None:
    client = as_alice()
    preview = uploaded(client)
    assert client.get(preview).status_code == 200
    first, second = (client.post(f"{preview}confirm/", {"seen": "1"}) for _press in range(2))
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    submission = Submission.objects.get()
    assert set(no_worker) == {submission.pk}
    assert import_submission(submission.pk) is True
    third = client.post(f"{preview}confirm/", {"seen": "1"})
    assert third.headers["Location"] == first.headers["Location"]
    assert import_submission(submission.pk) is False
    submission.refresh_from_db()
    assert counted(submission.report) == COUNTS
    assert client.get(first.headers["Location"]).status_code == 200
    nobody_twice(campaign, alice)


def test_the_confirmation_pressed_at_once_in_eight_windows_leads_to_one_file(
    campaign: Campaign, alice: Employee, as_alice: SignedIn, no_worker: list[Any]
) -> None:
    for round_ in range(ROUNDS):
        print(f"round {round_}")
        preview = uploaded(as_alice())
        windows = [as_alice() for _window in range(8)]
        answers = at_once(*(partial(window.post, f"{preview}confirm/", {"seen": "1"}) for window in windows))
        assert [one for one in answers if isinstance(one, Exception)] == []
        assert [one.status_code for one in answers] == [302] * 8
        assert len({one.headers["Location"] for one in answers}) == 1
        assert Submission.objects.count() == round_ + 1
        results = at_once(*[partial(import_submission, no_worker[-1])] * 4)
        assert [one for one in results if isinstance(one, Exception)] == []
        assert results.count(True) == 1
        nobody_twice(campaign, alice)
