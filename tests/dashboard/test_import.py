"""File import: previewed before anything is written, submitted once, reported line by line, undone as a whole."""

import csv
import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.campaigns.models import Campaign
from apps.contacts.imports import import_submission
from apps.contacts.models import ColumnMapping, Contact, Submission
from apps.core.models import StoredFile
from apps.employees.models import Employee
from apps.operations import file_previews
from tests import files, people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
GUESTS = "name,phone\nWanda,13812345678\nVera,12\nWanda again,+86 138 1234 5678\n"


def send(client: StrictClient, content: bytes | str, name: str = "contacts.csv") -> str:
    """Upload a file; returns the address of its preview."""
    data = content.encode() if isinstance(content, str) else content
    response = client.post("/contacts/import/", {"file": SimpleUploadedFile(name, data)})
    assert response.status_code == 302, response.content.decode()
    files.make_previews()
    return str(response["Location"])


def look(client: StrictClient, address: str, **choices: str) -> Any:
    """Read a file another way, as a worker does; returns the page that shows it."""
    response = client.post(address.split("?")[0] + "look/", choices)
    assert response.status_code == 302, text_of(response)
    files.make_previews()
    return client.get(response["Location"])


def seen(client: StrictClient, address: str) -> dict[str, str]:
    """The values that the page submits on confirmation."""
    found = re.search(r'name="seen" value="(\d+)"', client.get(address).content.decode())
    return {"seen": found[1]} if found else {}


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def confirm(client: StrictClient, address: str, **choices: str) -> str:
    """Submit a previewed file with the chosen reading, and record it as the worker does; returns the address of its
    report.
    """
    if choices:
        look(client, address, **choices)
    response = client.post(address.split("?")[0] + "confirm/", seen(client, address))
    assert response.status_code == 302, text_of(response)
    submission = Submission.objects.order_by("-received_at")[0]
    import_submission(submission.pk)
    return str(response["Location"])


def test_a_preview_counts_the_whole_file_and_writes_nothing(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    page = client.get(send(client, GUESTS))
    said = text_of(page)
    assert "1 would be recorded 1 already recorded 1 would be rejected" in said
    assert page.content.index(b'id="rejects"') < page.content.index(b'id="shown"'), "what to correct comes first"
    assert "+8613812345678" in said
    assert "Record 1 contact" in said
    assert "You can confirm until Mon 30 Nov" in said
    assert not Contact.objects.exists()
    assert not Submission.objects.exists()


def test_a_confirmed_file_counts_from_its_submission(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    client = as_(alice)
    clock.set("2026-11-30T20:00:00+08:00")
    preview = send(client, GUESTS)
    known = seen(client, preview)
    clock.set("2026-11-30T23:59:59.999999+08:00")
    response = client.post(preview + "confirm/", known)
    clock.set("2026-12-01T00:10:00+08:00")
    import_submission(Submission.objects.get().pk)
    contact = Contact.objects.get()
    assert contact.recorded_at.isoformat() == "2026-11-30T15:59:59.999999+00:00"
    said = text_of(client.get(response["Location"]))
    assert "1 recorded 1 of them count now 1 already recorded 1 rejected" in said
    assert "Recorded people Name Phone, e-mail or handle Recorded Counts Wanda +8613812345678" in said
    assert "3 Vera · 12 Phone invalid_identity" in said


def test_the_report_says_which_recorded_people_count(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    rows = "".join(f"Guest {number},1381234{number:04}\n" for number in range(24))
    address = confirm(client, send(client, "name,phone,email\nBob,,bob@corp.example.com\nNo one,,\n" + rows))
    page = client.get(address)
    said = text_of(page)
    assert "25 recorded 24 of them count now" in said
    assert "The first 20 of 25. See all" in said
    assert "Enter a phone number, an e-mail or a handle." in said
    assert "3 No one Phone invalid_identity" in said
    assert f"/contacts/?batch={address.split('/')[-2]}&amp;reason=counts" in page.content.decode()


def test_a_workbook_is_previewed_and_recorded(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (["My customers", "2026"], ["Name", "Mobile"], ["王伟", 13812345678], ["Vera", None]):
        book.active.append(row)
    book.save(content)
    client = as_(alice)
    preview = send(client, content.getvalue(), "customers.xlsx")
    said = text_of(client.get(preview))
    assert "1 would be recorded 0 already recorded 1 would be rejected" in said
    assert "Record 1 contact" in said
    said = text_of(client.get(confirm(client, preview)))
    assert "4 Vera Phone invalid_identity" in said
    contact = Contact.objects.get()
    assert (contact.name, contact.source, contact.identities.get().value) == ("王伟", "csv", "+8613812345678")


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.contacts.previews.MAX_WORKBOOK_BYTES", 100)
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["name", "phone"])
    book.save(content)
    client = as_(alice)
    assert "The workbook unpacks to more than 100 bytes" in text_of(client.get(send(client, content.getvalue())))


def test_a_double_click_hands_a_file_in_once(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, GUESTS)
    known = seen(client, preview)
    first, second = (client.post(preview + "confirm/", known)["Location"] for _ in range(2))
    assert first == second
    assert Submission.objects.count() == 1


def test_the_rejected_lines_come_back_as_a_file_that_can_be_corrected(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    client = as_(alice)
    report = confirm(client, send(client, GUESTS + '"=cmd()",13\n'))
    response = client.get(report + "rejects.csv")
    assert "no-store" in response["Cache-Control"]
    data = b"".join(response.streaming_content)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [(row["name"], row["phone"], row["line"]) for row in rows] == [("Vera", "12", "3"), ("'=cmd()", "13", "5")]
    corrected = data.replace(b",12,", b",13912345678,")
    again = text_of(client.get(send(client, corrected)))
    assert "1 would be recorded" in again


def test_a_file_is_taken_back_whole_and_only_while_its_campaign_is_open(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    client = as_(alice)
    report = confirm(client, send(client, "handle\nw1\nw2\n"))
    people.record(alice, 1)
    assert "Undo this import" in text_of(client.get(report))
    client.post(report + "undo/")
    assert Contact.objects.filter(ended_at=None).count() == 1
    assert set(Contact.objects.exclude(ended_at=None).values_list("end_reason", flat=True)) == {"undone"}
    assert "Undone" in text_of(client.get(report))
    late = confirm(client, send(client, "handle\nw1\nw2\n"))
    clock.set("2026-12-01T00:00:00+08:00")
    assert "Undo this import" not in text_of(client.get(late))
    client.post(late + "undo/")
    assert Contact.objects.filter(ended_at=None).count() == 3


def test_a_person_of_a_file_that_waited_is_undone_with_that_file(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    client = as_(alice)
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    waiting = files.received(alice, "handle\nw1\n")
    later = confirm(client, send(client, "handle\nw1\n"))
    import_submission(waiting.pk)
    assert "Undo this import" not in text_of(client.get(later))
    client.post(later + "undo/")
    assert "Its contacts have ended" not in text_of(client.get(later))
    assert Contact.objects.get().ended_at is None
    earlier = f"/contacts/import/batch/{waiting.pk}/"
    assert "Undo this import" in text_of(client.get(earlier))
    client.post(earlier + "undo/")
    assert Contact.objects.get().end_reason == "undone"


def test_a_file_that_is_still_being_recorded_says_how_far_it_is(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    client = as_(alice)
    preview = send(client, GUESTS)
    response = client.post(preview + "confirm/", seen(client, preview))
    report = response["Location"]
    Submission.objects.update(done=1)
    said = text_of(client.get(report))
    assert "1 of 3 contacts" in said
    assert "minute left" in said
    assert 'data-hx-trigger="every 1s"' in client.get(report).content.decode()
    assert client.get(report + "progress/").status_code == 200
    assert "33 % done" in text_of(client.get("/contacts/import/"))
    Submission.objects.update(done=0)
    import_submission(Submission.objects.get().pk)
    assert client.get(report + "progress/").status_code == 286


def test_a_worker_is_notified_and_marks_afterwards(
    as_: SignIn, alice: Employee, campaign: Campaign, eager: None,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    client = as_(alice)
    preview = send(client, "handle\nw1\nw2\n")
    known = seen(client, preview)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(preview + "confirm/", known)
    assert people.standing(campaign, alice).counted == 2


def test_column_roles_can_be_chosen_and_are_remembered(
    as_: SignIn, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    client, odd = as_(alice), "wer,womit\nWanda,13812345678\n"
    preview = send(client, odd)
    assert "No column was recognised" in text_of(client.get(preview))
    said = text_of(look(client, preview, role_0="name", role_1="phone"))
    assert "1 would be recorded" in said
    assert not ColumnMapping.objects.exists()
    confirm(client, preview, role_0="name", role_1="phone")
    assert Contact.objects.get().name == "Wanda"
    assert "1 already recorded" in text_of(client.get(send(client, odd)))
    other = as_(alan)
    assert "No column was recognised" in text_of(other.get(send(other, odd)))


def test_a_column_can_be_left_out(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, "name,phone,email\nWanda,13812345678,wanda@outside.example.org\n")
    confirm(client, preview, role_0="name", role_1="", role_2="email")
    kinds = Contact.objects.get().identities.values_list("kind", flat=True)
    assert list(kinds) == ["email"]


def test_column_roles_outside_the_list_are_refused(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, "name,handle,when\nWanda,w1,2001-01-01T00:00:00Z\n")
    confirm(client, preview, role_0="staff_no", role_1="handle", role_2="recorded_at")
    contact = Contact.objects.get()
    assert (contact.name, contact.recorded_at.year) == ("Wanda", 2026)


def test_lines_for_other_employees_are_rejected(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    report = confirm(client, send(client, "staff_no,handle\nA001,w1\nA002,w2\n"))
    assert "names another employee" in text_of(client.get(report))
    assert Contact.objects.count() == 1


def test_when_the_alphabet_is_unsure_the_reader_is_asked(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, "Name,Phone\n王伟,13812345678\n".encode("gb18030"))
    said = text_of(client.get(preview))
    assert "Which of these lines is readable?" in said
    assert "王伟" in said
    assert "would be recorded" not in said
    assert client.post(preview + "confirm/").status_code == 422
    confirm(client, preview, encoding="gb18030")
    assert Contact.objects.get().name == "王伟"


def _workbook() -> bytes:
    """A spreadsheet: a zip whose bytes also decode as letters of some encodings."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", "<row><c>name</c><c>phone</c></row>" * 500)
    return made.getvalue()


WORKBOOK = _workbook()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "cannot be read"),
        (b"name,phone\n", "This file has no contacts"),
        (WORKBOOK, "choose Save as, then XLSX or CSV UTF-8"),
        (b"PK\x03\x04\x00\x00\xff\xfe\xfd", "choose Save as, then XLSX or CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"name,phone\n" * 9, "choose Save as, then XLSX or CSV UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20, "choose Save as, then XLSX or CSV UTF-8"),
        (bytes(range(1, 256)) * 20, ""),
    ],
)
def test_what_is_no_list_of_contacts_is_said_to_be_none(
    as_: SignIn, alice: Employee, campaign: Campaign, content: bytes, words: str
) -> None:
    client = as_(alice)
    response = client.get(send(client, content))
    assert response.status_code == 200
    assert words in text_of(response)
    assert "would be recorded" not in text_of(response)


def test_an_empty_or_missing_file_is_reported_at_the_field(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    for sent in ({}, {"file": SimpleUploadedFile("x.csv", b"")}):
        response = client.post("/contacts/import/", sent)
        assert response.status_code == 422
        assert 'aria-invalid="true"' in response.content.decode()
    assert not StoredFile.objects.exists()


def test_too_many_contacts_are_refused_before_any_is_recorded(
    as_: SignIn, alice: Employee, campaign: Campaign, settings: Any
) -> None:
    settings.MOST_CONTACTS_AT_ONCE = 2
    client = as_(alice)
    preview = send(client, "handle\nw1\nw2\nw3\n")
    response = client.get(preview)
    assert response.status_code == 413
    assert "more than 2 contacts" in text_of(response)
    assert client.post(preview + "confirm/").status_code == 422
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (
            "BEGIN:VCARD\nVERSION:3.0\nFN:Lee\n" + "".join(f"TEL:1381234567{n}\n" for n in range(7)) + "END:VCARD\n",
            "more than 6 phones",
        ),
        ("phone,email\n13812345678,a@b.example.org\n" * 4, "more than 6 phones"),
        ("email\n" + " ::: ".join(f"a{n}@b.example" for n in range(7)), "more than 6 phones"),
        ("phone\n" + ";".join(f"1381234567{n}" for n in range(7)), "more than 6 phones"),
        ("email\na@é1.example\na@é2.example\na@xn--9ca-3.example\n", "more than 2 different e-mail domains"),
        ("email\na@é1.example\na＠é2.example\na!1@é3.example\n", "more than 2 different e-mail domains"),
    ],
)
def test_a_file_that_is_slow_to_read_is_refused(
    as_: SignIn,
    alice: Employee,
    campaign: Campaign,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    sentence: str,
) -> None:
    """Otherwise one file holds the place for large files for minutes, and others cannot hand theirs in."""
    settings.MOST_CONTACTS_AT_ONCE = 2
    monkeypatch.setattr("apps.contacts.previews.MAX_SLOW_DOMAINS", 2)
    client = as_(alice)
    preview = send(client, file)
    assert sentence in text_of(client.get(preview))
    assert client.post(preview + "confirm/").status_code == 422
    assert not Submission.objects.exists()


def test_addresses_of_a_few_domains_that_are_not_ascii_are_no_slow_file(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.contacts.previews.MAX_SLOW_DOMAINS", 2)
    client = as_(alice)
    preview = send(client, "email,handle\n" + "".join(f"a{n}@é{n % 2}.example,@张三{n}\n" for n in range(9)))
    assert client.get(preview).status_code == 200
    assert client.post(preview + "confirm/").status_code == 302


def test_a_file_that_shows_endless_texts_is_not_confirmed(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a workbook of a kilobyte takes minutes of the import, just before the deadline."""
    monkeypatch.setattr("apps.contacts.previews.MAX_SHOWN_CHARS", 100)
    client = as_(alice)
    preview = send(client, "email,note\n" + "".join(f"a{n}@out.example,{'x' * 20}\n" for n in range(9)))
    assert "more than 100 characters" in text_of(client.get(preview))
    assert client.post(preview + "confirm/").status_code == 422


def test_an_employee_has_few_files_that_wait_to_be_recorded(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One employee's files would fill the disk, and a closing campaign has to record all of them first."""
    monkeypatch.setattr("apps.contacts.import_queue.MAX_UNFINISHED_FILES", 1)
    monkeypatch.setattr("apps.core.enqueue.enqueue_import", lambda submission: None)
    client = as_(alice)
    first, second = (send(client, f"handle\n@guest{n}\n") for n in range(2))
    assert client.post(first + "confirm/", {"seen": "1"}).status_code == 302
    answer = client.post(second + "confirm/", {"seen": "1"}, follow=True)
    assert "At most 1 of your files can be recorded at a time" in text_of(answer)
    assert Submission.objects.count() == 1
    import_submission(Submission.objects.get().pk)
    client.post(second + "confirm/", {"seen": "1"})
    assert Submission.objects.count() == 2


def test_a_body_that_is_too_large_is_refused_unread(
    as_: SignIn, alice: Employee, campaign: Campaign, settings: Any
) -> None:
    settings.MOST_UPLOAD_BYTES = 1_000
    client = as_(alice)
    response = client.post("/contacts/import/", {"file": SimpleUploadedFile("x.csv", b"x" * 200_000)})
    assert response.status_code == 413
    assert "export without photos" in text_of(response)
    assert not StoredFile.objects.exists()
    assert client.post("/contacts/add/", {"reach": "x" * 3_100_000}).status_code == 413


def test_a_look_ends_after_a_day(as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock) -> None:
    client = as_(alice)
    preview = send(client, GUESTS)
    clock.set(clock.now() + timedelta(days=1, seconds=1))
    assert client.get(preview).status_code == 404


def test_a_file_name_is_shown_and_never_obeyed(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, GUESTS, name='"><script>alert(1)</script>.csv')
    assert "<script>alert" not in client.get(preview).content.decode()
    report = confirm(client, preview)
    assert "<script>alert" not in client.get(report).content.decode()
    disposition = client.get(report + "rejects.csv")["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="rejected-\d{4}-\d\d-\d\d-[0-9a-f]{8}\.csv"', disposition)


def test_reimporting_an_export_adds_no_contacts(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    people.record_one(alice, ("phone", "13812345678"), ("email", "w@outside.example.org"), name='=Wanda, "W"')
    people.record(alice, 3)
    for address in ("/contacts/export.csv", "/contacts/export.vcf"):
        data = b"".join(client.get(address).streaming_content)
        said = text_of(client.get(send(client, data, name=address.rsplit("/", 1)[1])))
        assert "0 would be recorded 4 already recorded 0 would be rejected" in said
        assert "This file has no new contacts" in said


def test_a_refused_file_says_what_was_dealt_with(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    submission = files.received(alice, GUESTS)
    StoredFile.objects.all().delete()
    import_submission(submission.pk)
    said = text_of(client.get(f"/contacts/import/batch/{submission.pk}/"))
    assert "could not be read completely" in said
    assert "Nothing was recorded" in said


def test_a_line_with_an_existing_contact_names_it(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    people.record_one(alice, ("phone", "13812345678"), name="Wanda")
    report = confirm(client, send(client, "name,phone\nWilma,13812345678\nVera,13912345678\n"))
    said = text_of(client.get(report))
    assert "Lines already recorded" in said
    assert "2 Wanda" in said


def test_a_submitted_file_leads_to_its_report(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, GUESTS)
    report = confirm(client, preview)
    assert client.get(preview)["Location"] == report
    assert client.post(preview + "confirm/", {"role_0": "", "role_1": "handle"})["Location"] == report


def test_no_choice_takes_away_whose_contact_a_line_is(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    preview = send(client, "staff_no,handle\nA001,w1\nA002,w2\n")
    assert "owner (employee)" in text_of(client.get(preview))
    confirm(client, preview, role_0="", role_1="handle")
    assert Contact.objects.count() == 1


def test_a_choice_for_a_list_without_a_header_is_not_remembered_for_others(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    client = as_(alice)
    confirm(client, send(client, "Wanda,13812345678\n"), role_0="", role_1="phone")
    assert not ColumnMapping.objects.exists()


def test_only_the_newest_uploads_wait(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    # Submitted, but no worker has processed it.
    handed_in = send(client, GUESTS)
    client.post(handed_in + "confirm/", seen(client, handed_in))
    addresses = [send(client, f"handle\nw{n}\n") for n in range(7)]
    assert [client.get(address).status_code for address in addresses] == [404, 404, 200, 200, 200, 200, 200]
    assert Submission.objects.get().file is not None


def test_a_header_of_thousands_of_columns_is_refused_at_once(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    assert "cannot be read" in text_of(client.get(send(client, "phone" + "," * 5_000 + "\n12\n")))


def test_a_file_that_waits_says_so_and_appears_by_itself(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    address = f"/contacts/import/{files.sent(alice, GUESTS).pk}/"
    page = client.get(address).content.decode()
    assert "The file is waiting to be read." in page
    assert 'data-hx-trigger="load delay:300ms"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page, "also without scripts"
    assert client.get(address + "progress/").status_code == 200
    assert client.post(address + "confirm/").status_code == 422
    files.make_previews()
    done = client.get(address + "progress/")
    assert (done.status_code, "1 would be recorded" in text_of(done)) == (286, True)
    assert 'http-equiv="refresh"' not in client.get(address).content.decode()


def test_only_the_previewed_reading_is_submitted(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    """Another window changed the reading meanwhile: nothing is recorded that the employee has not previewed."""
    client = as_(alice)
    preview = send(client, "name,phone,email\nWanda,13812345678,wanda@outside.example.org\n")
    before = seen(client, preview)
    look(client, preview, role_0="name", role_1="", role_2="email")
    answer = client.post(preview + "confirm/", before)
    assert answer["Location"] == preview
    assert not Submission.objects.exists()


def test_a_page_that_reads_the_file_itself_is_noticed(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counterpart: a page that reads the file itself would let one small file stop the site."""
    client = as_(alice)
    address = f"/contacts/import/{files.sent(alice, GUESTS).pk}/"
    monkeypatch.setattr("apps.core.enqueue.enqueue_preview", file_previews.make_preview)
    with pytest.raises(AssertionError, match="a worker does"):
        client.post(address + "look/", {"encoding": "utf-8"})


def test_a_refused_file_says_where_and_what_the_limit_is(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    assert "The first 1,000 lines are blank." in text_of(client.get(send(client, "\n" * 1_001)))
    lines = text_of(client.get(send(client, "name,phone\n" + "\n" * 2_000_000)))
    assert "more than 2,000,000 lines, including blank lines" in lines
    cards = text_of(client.get(send(client, "BEGIN:VCARD\n" + "\n" * 1_000_000, name="a.vcf")))
    assert "more than 1,000,000 lines" in cards
