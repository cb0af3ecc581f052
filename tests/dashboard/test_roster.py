"""The roster on HR's pages: previewed as a difference, applied once, and leavers are out."""

import csv
import io
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.api_tokens import create_token
from apps.accounts.models import ApprovalRequest
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.roster import import_processing, imports
from apps.roster.models import RosterImport
from apps.roster.parser import OPTIONAL, REQUIRED
from tests import people, rosters
from tests.accounts import access_log_entries
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient
from tests.dashboard.test_import import text_of
from tests.fixtures import Clock
from tests.roster.test_imports import NEXT

pytestmark = pytest.mark.django_db


def send(client: StrictClient, content: str | bytes, name: str = "roster.csv") -> str:
    """Upload a file; returns the address of its page, after a worker has previewed it."""
    data = content.encode() if isinstance(content, str) else content
    response = client.post("/company/roster/", {"file": SimpleUploadedFile(name, data)})
    assert response.status_code == 302, text_of(response)
    import_processing.process_load(RosterImport.objects.latest("asked_at").pk)
    return str(response["Location"])


def confirm(client: StrictClient, address: str) -> Any:
    load = RosterImport.objects.get(pk=address.split("/")[3])
    return client.post(address + "apply/", {"digest": load.digest, "leavers": imports.leavers_to_type(load)})


def test_the_roster_that_is_downloaded_can_be_loaded_again_and_changes_nothing(
    as_: SignIn, hr: Employee, settings: Any
) -> None:
    settings.COMPANY_EMAIL_DOMAINS = ["corp.example.com"]  # one person may load who starts later with such an address
    people.load(
        "staff_no,name,email,phone,department,manager_staff_no,time_zone,started_on,left_on,chat_id\n"
        "A001,=Alice 艾,alice@corp.example.com,+8613812345678,R&D; -1,B001,Europe/Berlin,2026-02-03,2027-01-31,+ali\n"
        "J001,Joins Later,j001@corp.example.com,,Sales,B001,,2027-01-04,,\n"
        "A002,Alan,alan@corp.example.com,,Sales,B001,,,2026-11-20,\n"
    )
    client = as_(hr)
    file = b"".join(client.get("/company/roster/roster.csv").streaming_content)
    lines = {line["staff_no"]: line for line in csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""))}
    assert list(lines["A001"]) == [*REQUIRED, *OPTIONAL][:-1], "the columns of the template but the day of a change"
    assert (lines["A001"]["started_on"], lines["A001"]["left_on"]) == ("2026-02-03", "2027-01-31")
    assert (lines["J001"]["started_on"], lines["H001"]["started_on"]) == ("2027-01-04", "")
    assert "A002" not in lines, "has left"
    said = text_of(client.get(send(client, file)))
    assert "0 Join 0 Leave 0 Move 0 Change 9 Unchanged" in said
    assert AuditEntry.objects.filter(action="roster.downloaded").count() == 1


def test_hr_sees_who_joins_leaves_moves_and_why_a_line_is_rejected(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, NEXT)
    said = text_of(client.get(address))
    assert "1 Join 0 Leave 1 Move 1 Change 1 Rejected 5 Unchanged" in said
    assert "Apply 3 changes" in said
    client.post(address + "look/", {"complete": "yes"})
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    said = text_of(client.get(address))
    assert "1 Join 1 Leave 1 Move 1 Change 1 Rejected 5 Unchanged" in said
    assert "1 employee missing from this file is recorded as a leaver" in said
    assert "Leave · 1 Who What changes Line Alan A002 Last day: Sun 22 Nov 2026" in said
    assert "The e-mail is not valid." in text_of(client.get(address + "?show=rejected"))
    said = text_of(client.get(address + "?show=moved"))
    assert "Manager: Bob 白 (B001) becomes Carol Chen (C001)" in said


def test_a_roster_may_be_as_large_as_the_page_says(as_: SignIn, hr: Employee, settings: Any) -> None:
    """The file of a company of tens of thousands has several megabytes and must not need splitting."""
    client = as_(hr)
    lines = "".join(f"X{n:06},Person {n},x{n}@corp.example.com,{'Department ' * 20},\n" for n in range(15_000))
    sent = SimpleUploadedFile("all.csv", ("staff_no,name,email,department,manager_staff_no\n" + lines).encode())
    assert sent.size > 3_500_000
    assert client.post("/company/roster/", {"file": sent}).status_code == 302
    settings.MOST_UPLOAD_BYTES = 1_000
    large = SimpleUploadedFile("all.csv", b"x" * 200_000)
    response = client.post("/company/roster/", {"file": large})
    assert response.status_code == 413
    assert "vCard" not in text_of(response)


def test_a_double_click_applies_one_load(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, NEXT)
    for _time in range(2):
        assert confirm(client, address).status_code == 302
    assert "Changing the roster" in text_of(client.get(address))
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    said = text_of(client.get(address))
    assert "1 Joined 0 Left 1 Moved 1 Changed" in said
    assert "The roster is loaded." in said
    listed = text_of(client.get("/company/roster/"))
    assert "roster.csv" in listed
    assert "Hedda" in listed


def test_the_way_from_the_upload_to_the_result_needs_only_the_worker(
    as_: SignIn, hr: Employee, campaign: Campaign, eager: None,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    client = as_(hr)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post("/company/roster/", {"file": SimpleUploadedFile("new.csv", NEXT.encode())})
    with django_capture_on_commit_callbacks(execute=True):
        confirm(client, response["Location"])
    assert "The roster is loaded." in text_of(client.get(response["Location"]))
    assert people.standing(campaign, people.person("N001")).counted == 0


def test_hr_chooses_the_row_of_the_headings_and_whether_empty_cells_clear(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, "People of the company\nNumber,Name,Address,Mobile\nA001,Alice 艾,alice@corp.example.com,\n")
    said = text_of(client.get(address))
    assert "Row 2: Number · Name · Address · Mobile" in said
    client.post(address + "look/", {"header_line": "2", "clear_empty": "yes"})
    load = rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    roles = {"role_0": "staff_no", "role_1": "name", "role_2": "email", "role_3": "phone"}
    client.post(address + "look/", {"header_line": "2", "clear_empty": "yes", **roles})
    load = rosters.worked(load)
    assert (load.report["unchanged"], load.layout["clear_empty"]) == (1, True)
    assert 'name="clear_empty" value="yes" checked' in client.get(address).content.decode()
    client.post(address + "look/", {"header_line": "99", **roles})
    assert rosters.worked(load).layout["header_line"] == 2, "a row that is not offered changes nothing"


def test_an_older_preview_is_not_applied_and_the_new_difference_is_shown(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, NEXT)
    people.load("staff_no,name,email\nZ001,Zoe,zoe@corp.example.com")
    assert "Nothing was changed" in text_of(
        client.post(
            address + "apply/", {"digest": RosterImport.objects.get(file_name="roster.csv").digest}, follow=True
        )
    )
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    assert "The roster has changed since this file was previewed." in text_of(client.get(address))
    assert not Employee.objects.filter(staff_no="N001").exists()


def test_a_leaver_is_signed_out_and_their_tokens_end_at_once(
    as_: SignIn, hr: Employee, alan: Employee, noon: Clock
) -> None:
    account = account_for(alan)
    _token, secret = create_token(account=account, name="mine", scopes=["own"], by=people.TESTER)
    browser, program = as_(alan), StrictClient()
    asks = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    assert browser.get("/contacts/").status_code == 200
    assert program.get("/api/v1/contacts/", **asks).status_code == 200
    rosters.applied(NEXT, complete=True)
    assert browser.get("/contacts/").status_code == 302
    assert program.get("/api/v1/contacts/", **asks).status_code == 401


def test_hr_cannot_remove_their_own_employment(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, "staff_no,name,email\nA001,Alice 艾,alice@corp.example.com\n")
    client.post(address + "look/", {"complete": "yes"})
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    confirm(client, address)
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    assert "This file would end your own employment." in text_of(client.get(address))


def test_the_unchanged_template_changes_no_employee(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    response = client.get("/company/roster/template.csv")
    said = text_of(client.get(send(client, b"".join(response.streaming_content))))
    assert "0 Join 0 Leave 0 Move 0 Change 1 Rejected" in said
    assert "The manager EXAMPLE-2 is neither" in said


@pytest.mark.parametrize("shown", [["joined"], ["rejected"]])
def test_the_number_of_hidden_rows_is_shown(as_: SignIn, hr: Employee, shown: list[str], monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.roster.diff.MAX_EXAMPLES", 2)
    client = as_(hr)
    mail = "{0}@corp.example.com" if shown == ["joined"] else "{0}"
    rows = "".join(f"N{n},Nina {n},{mail.format(f'n{n}')}\n" for n in range(5))
    said = text_of(client.get(send(client, "staff_no,name,email\n" + rows)))
    assert "And 3 more. The CSV above has them all." in said


def test_an_import_page_makes_as_many_queries_for_thirty_people_as_for_three(as_: SignIn, hr: Employee) -> None:

    client, asked = as_(hr), []
    for size in (3, 30):
        rows = "".join(f"N{n},Nina {n},n{n}@corp.example.com\n" for n in range(size))
        address = send(client, "staff_no,name,email\n" + rows)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
            client.get("/company/roster/")
        asked.append(len(captured))
    assert asked[0] == asked[1]


def test_people_of_an_unknown_manager_are_named_once_and_can_be_loaded_without_one(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    rows = "N001,Nina,n1@corp.example.com,404\nN002,Otto,n2@corp.example.com,N001\nN003,Pia,n3@corp.example.com,N002\n"
    address = send(client, "staff_no,name,email,manager_staff_no\n" + rows)
    said = unescape(text_of(client.get(address + "?show=rejected")))
    assert "3 Rejected" in said
    why = "The manager 404 is neither the staff number nor the unique name of an employee."
    assert f"{why} 2 more lines depend on this line" in said
    assert said.count("The manager 404") == 1
    assert "Load people whose manager is unknown, without a manager" in said
    client.post(address + "look/", {"without_unknown_managers": "yes"})
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    said = text_of(client.get(address))
    assert "3 Join" in said
    assert "Rejected" not in said
    assert "1 person has a manager who is not on the roster, and is loaded without one." in said
    confirm(client, address)
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    assert [access_log_entries.boss_of(number) for number in ("N001", "N002", "N003")] == [None, "N001", "N002"]


def test_a_file_of_uncertain_encoding_needs_a_choice(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, "staff_no,name,email\nN001,王伟,wang@corp.example.com\n".encode("gb18030"))
    assert "王伟" in text_of(client.get(address))
    client.post(address + "look/", {"encoding": "gb18030"})
    said = text_of(client.get(address + "progress/"))
    assert "Comparing with the roster" in said
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    assert "1 Join" in text_of(client.get(address))


def approve(client: StrictClient, kind: str) -> Any:
    """The page of the one waiting request, after this person has approved it."""
    address = f"/company/approvals/{ApprovalRequest.objects.get(kind=kind, decision=None).pk}/"
    return client.post(f"{address}approve/", {"seen": client.get(address).context["seen"]}, follow=True)


def test_a_load_of_large_effect_waits_until_another_hr_user_approves_it(
    as_: SignIn, hr: Employee, settings: Any
) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.1
    client, second = as_(hr), as_(people.with_account(people.person("D001"), "hr"))
    address = send(client, NEXT)
    client.post(address + "look/", {"complete": "yes"})
    load = rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    confirm(client, address)
    rosters.worked(load)
    said = text_of(client.get(address))
    assert "A change this large needs a second person." in said
    assert "Apply 3 changes" not in said
    assert "1 employed person leaves" in said
    assert "needs approval" in text_of(client.get("/company/roster/"))
    assert "Approvals 1" in text_of(second.get("/company/roster/"))
    assert "Approved." in text_of(approve(second, "roster_load"))
    rosters.worked(load)
    assert "The roster is loaded." in text_of(client.get(address))
    response = client.post(address + "undo/", follow=True)
    assert "The load is undone when another HR user approves it" in text_of(response)
    assert "Approved." in text_of(approve(second, "roster_undo"))
    assert "the roster is as before this load" in text_of(client.get(address))


def test_a_load_that_ends_many_employments_wants_their_number_typed(as_: SignIn, hr: Employee, settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.1
    client = as_(hr)
    address = send(client, "staff_no,name,email\nH001,Hedda,hedda@corp.example.com\n")
    client.post(address + "look/", {"complete": "yes"})
    load = rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    page = client.get(address)
    said = text_of(page)
    assert "The employments of 8 of 9 employees end. Another HR user has to approve this file after you." in said
    assert page.content.count(b'<p class="message warning">') == 2, "who leaves, and that a second person approves"
    for typed in ("", "7", "eight", "9" * 30):
        response = client.post(address + "apply/", {"digest": load.digest, "leavers": typed})
        assert response.status_code == 422
        assert "Type 8, the number of people who leave, to confirm." in text_of(response)
        load.refresh_from_db()
        assert load.state == "previewed"
    client.post(address + "apply/", {"digest": load.digest, "leavers": " 8 "})
    assert rosters.worked(load).state == "requested"


def test_a_load_that_ends_few_employments_asks_for_no_number(as_: SignIn, hr: Employee, settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.5
    client = as_(hr)
    address = send(client, NEXT)
    client.post(address + "look/", {"complete": "yes"})
    load = rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    assert "to confirm" not in text_of(client.get(address))
    client.post(address + "apply/", {"digest": load.digest})
    assert rosters.worked(load).state == "done"


def test_new_addresses_are_shown_apart_and_wait(as_: SignIn, hr: Employee) -> None:
    client, second = as_(hr), as_(people.with_account(people.person("D001"), "hr"))
    rows = "A001,Alice 艾,alice.new@corp.example.com\nD001,Dana 董,dana.new@corp.example.com\n"
    address = send(client, "staff_no,name,email\n" + rows)
    said = text_of(client.get(address))
    assert "2 New addresses" in said
    assert "E-mail: alice@corp.example.com becomes alice.new@corp.example.com" in said
    confirm(client, address)
    rosters.worked(RosterImport.objects.get(file_name="roster.csv"))
    assert people.person("A001").email == "alice@corp.example.com"
    request = ApprovalRequest.objects.get(decision=None)
    said = text_of(second.get(f"/company/approvals/{request.pk}/"))
    assert "2 people get another e-mail address" in said
    assert said.index("Dana 董 D001") < said.index("Alice 艾 A001"), "who holds a role comes first"
    # Her own new address ends her session, and no other reader of the browser sees what she did.
    approve(second, "email_change")
    request.refresh_from_db()
    assert request.decision == "approved"
    assert people.person("A001").email == "alice.new@corp.example.com"


def test_a_recently_changed_account_gets_the_reason(as_: SignIn, hr: Employee, settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE, settings.APPROVAL_COOLDOWN_DAYS = 0, 3
    client = as_(hr)
    address = send(client, NEXT)
    said = text_of(client.get(confirm(client, address)["Location"]))
    assert "of your account changed in the last 3 days. Ask another person with your role to do this." in said
    assert RosterImport.objects.get(file_name="roster.csv").state == "previewed"


@pytest.mark.parametrize("address", ["/company/roster/", "/contacts/import/", "/company/adjustments/by-file/"])
def test_an_upload_above_the_limit_is_refused_in_words(
    campaign: Campaign, hr: Employee, as_: SignIn, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    client = as_(hr)
    files = [SimpleUploadedFile("a.csv", b"name,phone,staff_no,email,target\nx,13812345678,A001,,5") for _ in range(2)]
    assert client.post(address, {"file": files[0]}).status_code == 302
    monkeypatch.setattr("apps.core.files.MAX_UPLOADED_BYTES", 1)
    answer = client.post(address, {"file": files[1]})
    assert answer.status_code == 409
    assert "the limit for one person" in answer.content.decode()


@pytest.mark.parametrize(("source", "maintainer"), [("api", "A program loads"), ("scim", "The company directory")])
def test_the_page_says_who_maintains_the_roster_instead_of_a_form(
    as_: SignIn, hr: Employee, settings: Any, source: str, maintainer: str
) -> None:
    settings.ROSTER_SOURCE = source
    client = as_(hr)
    page = client.get("/company/roster/")
    assert maintainer in text_of(page)
    assert 'type="file"' not in page.content.decode()
    response = client.post("/company/roster/", {"file": SimpleUploadedFile("roster.csv", NEXT.encode())})
    assert response.status_code == 409
    assert f"(ROSTER_SOURCE={source})" in text_of(response)
