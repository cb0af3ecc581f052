"""Handles: the employee marks them as handles, they follow the configured syntax, and they are not colleagues."""

import io
import uuid

import pytest
from django.conf import settings as configured
from django.test import Client

from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, ContactIdentity
from apps.contacts.normalisation import normalise_draft
from apps.contacts.services.changes import correct_contact
from apps.contacts.services.intake_counts import count_handles_daily, latest_handle_count
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.identity_key import normalise_identity
from apps.core.phone_spelling import has_mistyped_letter, likely_phone
from apps.employees.models import Employee
from apps.privacy.erasure_subject import ErasureTarget, identities_of
from tests.erasing import erase
from tests.fixtures import Clock
from tests.people import TESTER, load, mark, record_one, sign_in, standing

pytestmark = pytest.mark.django_db


def typed(employee: Employee, text: str) -> str:
    """Return the HTML of the page after the employee submitted this text in the single input field."""
    response = sign_in(Client(), employee).post(
        "/contacts/add/", {"name": "", "reach": text, "key": str(uuid.uuid4())}, follow=True
    )
    return response.content.decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("asdf", "Start a handle with @."),
        ("王芳", "Start a handle with @."),
        ("A001", "Start a handle with @."),
        ("13o12345678", "Did you mean +86 130 1234 5678?"),
        ("l39-1234-5678", "Did you mean +86 139 1234 5678?"),
        ("139-1234-567x", "This is not a valid phone number."),
        ("@1wang", "This is not a valid handle."),
        ("@王芳", "This is not a valid handle."),
        ("@lıming_x", "This is not a valid handle."),
        ("@A001", "This is the staff number of a colleague"),
        ("@a001", "This is the staff number of a colleague"),
    ],
)
def test_what_is_no_handle_is_refused_with_its_mend(campaign: Campaign, alice: Employee, text: str, told: str) -> None:
    """Counting it would store a contact without a usable identity, and a number that other employees distrust."""
    assert told in typed(alice, text)
    assert not Contact.objects.exists()


def test_a_handle_with_its_sign_is_recorded_and_counts(campaign: Campaign, alice: Employee) -> None:
    typed(alice, "@Wang_Fang.88")
    mark()
    assert ContactIdentity.objects.get().value == "wang_fang.88"
    assert standing(campaign, alice).counted == 1


def test_an_invented_leaver_blocks_no_outsiders_handle(campaign: Campaign, alice: Employee, noon: Clock) -> None:
    """HR alone can load leavers; the numbers of people employed now stay refused."""
    load("staff_no,name,email,joined_on,left_on\nwang.prospect,W,w@acme.example,2026-11-01,2026-11-10\n")
    load("staff_no,name,email\nli.colleague,L,l@acme.example\n")
    assert [record_one(alice, ("handle", f"@{name}")).created for name in ("wang.prospect", "li.colleague")] == [1, 0]


@pytest.mark.parametrize("number", ["Zhang.San", "hr-A7"])
def test_a_staff_number_is_no_handle_in_any_spelling(campaign: Campaign, alice: Employee, number: str) -> None:
    load(f"staff_no,name,email\n{number},Z,z@corp.example.com\n")
    assert record_one(alice, ("handle", f"@{number.lower()}")).created == 0


@pytest.mark.parametrize("trusted", [False, True])
def test_a_file_has_its_bad_handles_rejected_by_line(alice: Employee, trusted: bool) -> None:
    cells = ["wangfang", "@wangfeng", "王芳", "13o12345678", "139-1234-567x", "a001", "C001", "1x"]
    rows = "".join(f"G,{one},2026-11-03T00:00:00Z\n" for one in cells)
    raw = io.BytesIO(f"name,handle,recorded_at\n{rows}".encode())
    told = import_contacts(raw=raw, by=TESTER, employee=alice, trust_times=trusted).as_json()
    assert told["created"] == 2
    assert [(one["line"], one["code"]) for one in told["rejects"]] == [
        (4, "invalid_identity"), (5, "invalid_identity"), (6, "invalid_identity"), (7, "not_external"),
        (8, "not_external"), (9, "invalid_identity"),
    ]  # fmt: skip
    assert "Did you mean +86 130 1234 5678?" in told["rejects"][1]["reason"]


def test_a_number_is_a_handle_only_for_who_says_so(alice: Employee) -> None:
    """In a handle column, l39... is refused as a mistyped phone number; after an @ it is accepted as a handle."""
    assert normalise_draft(Draft("", (("handle", "l3912345678"),))).refused is not None
    assert normalise_draft(Draft("", (("handle", "@l3912345678"),))).refused is None


def test_the_syntax_is_the_installations(alice: Employee, settings: type(configured)) -> None:
    settings.HANDLE_PATTERN = r"\d{5,10}"
    assert normalise_draft(Draft("", (("handle", "12345"),))).refused is None
    assert normalise_draft(Draft("", (("handle", "wangfang"),))).refused is not None


def test_what_was_recorded_before_stays_is_found_and_can_be_corrected(
    campaign: Campaign, alice: Employee, settings: type(configured)
) -> None:
    """A syntax configured later removes no contact, and erasures still find the person."""
    with_old = settings.HANDLE_PATTERN
    settings.HANDLE_PATTERN = r"\S+"
    contact_id = record_one(alice, ("handle", "王芳")).outcomes[0].contact_id
    assert contact_id is not None
    settings.HANDLE_PATTERN = with_old
    mark()
    assert standing(campaign, alice).counted == 1
    both = [("handle", "王芳"), ("phone", "13812345678")]
    new = correct_contact(contact_id=contact_id, employee=alice, identities=both, by=TESTER)
    assert Contact.objects.get(pk=new).identities.count() == 2
    with pytest.raises(Refused, match="not a valid handle"):
        correct_contact(contact_id=new, employee=alice, identities=[("handle", "王方")], by=TESTER)
    with pytest.raises(Refused, match="staff number"):
        correct_contact(contact_id=new, employee=alice, identities=[("handle", "@c001")], by=TESTER)
    assert erase(ErasureTarget(identities_of([("handle", "王芳")])), reason="by letter", by=TESTER)[1].contacts == 2


def test_identities_are_found_whatever_the_syntax_is_now() -> None:
    assert normalise_identity("handle", "王芳").value == "王芳"


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13o12345678", "+86 130 1234 5678"), ("l3912345678", "+86 139 1234 5678"),
        ("+86 139 I234 5678", "+86 139 1234 5678"),
        ("13812345678", "+86 138 1234 5678"), ("139-1234-567x", ""), ("oli", ""), ("", ""), ("1" * 400, ""),
    ],
)  # fmt: skip
def test_what_number_was_meant(text: str, phone: str) -> None:
    assert likely_phone(text, "CN") == phone


@pytest.mark.parametrize(
    ("text", "nearly"),
    [("139-1234-567x", True), ("13o12345678", True), ("13812345678", False), ("wang1234567", False), ("a12", False)],
)
def test_what_is_nearly_a_number(text: str, nearly: bool) -> None:
    assert has_mistyped_letter(text) is nearly


def test_hr_is_told_how_many_are_known_by_a_handle_alone(
    campaign: Campaign, alice: Employee, hr: Employee, alan: Employee
) -> None:
    """Handles are easy to invent, so HR sees the count; HR does not see whose contacts they are."""
    page = sign_in(Client(), hr)
    for n in range(25):
        record_one(alice, ("handle", f"@made.up{n}"))
    record_one(alan, ("handle", "@wanda"), ("phone", "13812345678"))
    assert "have only a handle" not in page.get("/company/").content.decode()
    assert count_handles_daily(db_now())
    assert not count_handles_daily(db_now())
    found = latest_handle_count()
    assert found is not None
    assert (found.contacts, found.handle_only) == (26, 25)
    mark()
    told = page.get("/company/").content.decode()
    assert "25 of 26 active contacts have only a handle" in told
    assert "This is a high share." in told
    assert "only a handle" not in page.get("/team/B001/").content.decode()
