"""Trouble that passes, and commands that differ: neither costs anybody a contact, or mixes two readings of one file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError

from apps.contacts import imports
from apps.contacts.batches import batches
from apps.contacts.imports import ATTEMPTS, import_submission
from apps.contacts.models import Contact, Submission
from apps.contacts.reading import Entry
from apps.contacts.rules import Checked
from apps.employees.models import Employee
from tests import files
from tests.commands import run


def test_a_lock_that_is_long_in_coming_refuses_no_file_however_often(
    alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = files.received(alice, "handle\nw1\nw2\n")

    def late(**_batch: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    with monkeypatch.context() as patch:
        patch.setattr(imports, "record_checked", late)
        for _again in range(2 * ATTEMPTS):
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
        patch.setattr(imports, "_hold", dies)
        with pytest.raises(KeyboardInterrupt):
            run("import_contacts", file, "--employee", "A001", "--columns", "A=handle")
    told = run("import_contacts", file, "--employee", "A001", "--columns", "B=phone,A=")
    assert told["created"] == 2
    assert Submission.objects.count() == 2
    assert {one.kind for contact in Contact.objects.all() for one in contact.identities.all()} == {"phone"}
    # Read as the first time, it goes on with the first.
    run("import_contacts", file, "--employee", "A001", "--columns", "A=handle,B=")
    assert list(Submission.objects.values_list("state", flat=True)) == ["done", "done"]


def test_a_reading_that_breaks_off_before_the_checkpoint_is_not_the_end_of_the_file() -> None:
    """Going on, it would pass for a file that is over, and whoever stands behind would be lost."""

    def broken() -> Iterator[Entry]:
        yield Entry(2, Checked("W", ()), ["W"])
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(batches(broken(), skip=5))
