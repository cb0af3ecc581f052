"""A file is confirmed in one window while newer ones push it out or it expires: it is kept, or the page says it is
gone.

After a confirmed submission the bytes of the file must exist.
"""

from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.campaigns.models import Campaign
from apps.contacts import file_receipt
from apps.contacts.models import Submission
from apps.core.files import delete_files, expire_files
from apps.core.models import StoredFile
from apps.dashboard.views.contacts import import_preview as page
from apps.employees.models import Employee
from tests import files
from tests.crowd import Gate, meanwhile
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db(transaction=True)
SEEN = {"seen": "1"}
GONE = "the file is no longer stored"


def send(client: StrictClient, name: str) -> str:
    """Upload a file with one contact, which a worker reads; returns the address of its preview."""
    sent = SimpleUploadedFile(f"{name}.csv", f"handle\n{name}\n".encode())
    address = str(client.post("/contacts/import/", {"file": sent})["Location"])
    files.make_previews()
    return address


def push_out(client: StrictClient) -> None:
    for number in range(page.MAX_WAITING_UPLOADS):
        send(client, f"newer-{number}")


def test_a_file_being_submitted_is_not_pushed_out(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, gate = as_(alice), Gate()
    preview = send(client, "first")
    monkeypatch.setattr(file_receipt, "extend_file", gate.after(file_receipt.extend_file))
    with meanwhile(partial(client.post, preview + "confirm/", SEEN)) as confirming:
        gate.wait()
        push_out(as_(alice))
        expire_files(StoredFile.objects.latest("expires_at").expires_at)
        gate.open()
    assert "/contacts/import/batch/" in confirming.result()["Location"]
    assert Submission.objects.get().file is not None


def test_a_file_submitted_after_the_clean_up_query_is_not_deleted(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion's query began before the submission was committed."""
    client = as_(alice)
    preview = send(client, "first")

    def handed_in_meanwhile(doomed: Any) -> int:
        # Such a query sees the file as deletable, although it is submitted by now.
        found = list(doomed.values_list("pk", flat=True))
        with meanwhile(partial(client.post, preview + "confirm/", SEEN)):
            pass
        monkeypatch.setattr(
            type(doomed), "select_for_update", lambda rows, **_: StoredFile.objects.filter(pk__in=found)
        )
        try:
            return delete_files(doomed)
        finally:
            monkeypatch.undo()

    monkeypatch.setattr(page, "delete_files", handed_in_meanwhile)
    monkeypatch.setattr(page, "MAX_WAITING_UPLOADS", 1)
    send(as_(alice), "newer")
    assert Submission.objects.get().file is not None


def test_confirming_a_pushed_out_file_asks_to_upload_it_again(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    client, gate = as_(alice), Gate()
    preview = send(client, "first")
    monkeypatch.setattr(page, "receive_file", gate.before(page.receive_file))
    with meanwhile(partial(client.post, preview + "confirm/", SEEN, follow=True)) as confirming:
        gate.wait()
        push_out(as_(alice))
        gate.open()
    assert GONE in confirming.result().content.decode()
    assert not Submission.objects.exists()


def test_mutant_without_the_lock_a_file_is_pushed_out_while_being_submitted(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counterpart without the lock: the file is deleted."""

    def extend_unlocked(file_id: Any, until: Any) -> bool:
        return StoredFile.objects.filter(pk=file_id).exists()

    monkeypatch.setattr(file_receipt, "extend_file", extend_unlocked)
    with pytest.raises(Exception, match=r"contacts_submission_file_id|is not present"):
        test_a_file_being_submitted_is_not_pushed_out(as_, alice, campaign, monkeypatch)
