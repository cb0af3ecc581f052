"""HR's page for bulk adjustments by file: uploaded, previewed, corrected, requested, granted by another HR member,
deleted.
"""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import grant_role
from apps.campaigns.models import AdjustmentRequest, Campaign
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee
from tests import files, people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, rows, words

pytestmark = pytest.mark.django_db
HOME = "/company/adjustments/by-file/"
REASON = "school holidays"
GOOD = "staff_no,target,from,until\nA001,40,,\nS001,exempt,2026-11-05,2026-12-24\n"
BAD = "X999,40,,\nA002,many,,\n"


@pytest.fixture
def second(alan: Employee) -> Employee:
    """A second HR member."""
    grant_role(employee=alan, role="hr", by=people.TESTER)
    return alan


def send(client: Any, content: str | bytes, name: str = "leave.csv") -> str:
    """Upload a file; returns the address of its preview."""
    sent = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    response = client.post(HOME, {"file": sent})
    assert response.status_code == 302, words(response)
    files.make_previews()
    return str(response["Location"])


def hidden(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found, name
    return found[1]


def typed(page: Any, **changed: str) -> dict[str, str]:
    return {"kind": "leave", "reason": REASON, "seen": hidden(page, "seen"), **changed}


def test_from_the_file_to_the_persons_page(
    as_: SignIn, campaign: Campaign, stranger: Employee, hr: Employee, second: Employee
) -> None:
    client = as_(hr)
    assert HOME in links(client.get("/company/adjustments/"))
    address = send(client, GOOD + BAD)
    page = client.get(address)
    said = words(page)
    assert "2 people would be adjusted" in said
    assert "100 becomes 40" in said
    assert "100 becomes exempt" in said
    assert "from 5 Nov 2026 to 24 Dec 2026" in said
    assert "2 lines are rejected" in said
    assert "staff_no: No employee on the roster has this staff number" in said
    assert "target: “many” is neither a whole number" in said
    asked = client.post(f"{address}ask/", typed(page), follow=True)
    assert "Waiting for another user" in words(asked)
    request = AdjustmentRequest.objects.get()
    assert (request.file_name, request.reason, request.kind) == ("leave.csv", REASON, "leave")
    assert "File leave.csv" in words(client.get("/company/adjustments/?show=all"))
    assert not StoredFile.objects.exists()

    other = as_(second)
    page = other.get(f"/company/adjustments/{request.pk}/")
    assert "Approval adjusts 2 people" in words(page)
    assert "100 becomes exempt" in words(page)
    assert "pro rata" not in words(page)
    answer = other.post(f"/company/adjustments/{request.pk}/grant/", {"seen": hidden(page, "seen")}, follow=True)
    assert "Approved for 2 people." in words(answer)
    people.mark()
    own = words(as_(stranger).get("/"))
    assert "Exempt: not red" in own
    assert REASON in own
    assert "from 5 Nov 2026 to 24 Dec 2026" in own
    assert "Approved by Alan" in own
    taken = rows(other.get("/exports/adjustments.csv"))
    assert {(row["staff_no"], row["file"], row["by_rule"], row["state"]) for row in taken} == {
        ("A001", "leave.csv", "no", "in_force"), ("S001", "leave.csv", "no", "in_force"),
    }  # fmt: skip


def test_a_list_of_one_person_leaves_an_access_entry(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    """Otherwise HR reads one person's count, target and exemption without a trace."""
    client = as_(hr)
    client.get(send(client, GOOD))
    looks = AuditEntry.objects.filter(action="person.adjustment_read")
    assert not looks.exists()
    client.get(send(client, "".join(GOOD.splitlines(keepends=True)[:2])))
    assert looks.count() == 1


def test_rejected_lines_are_taken_away_corrected_and_pasted_back(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, GOOD + BAD)
    assert f"{address}rejected.csv" in links(client.get(address))
    first, second = taken = rows(client.get(f"{address}rejected.csv"))
    assert (first["staff_no"], first["line"], first["column"]) == ("X999", "4", "staff_no")
    assert "neither a whole number" in second["reason"]
    pasted = "\t".join(second) + "\n" + "\t".join({**second, "target": "30"}.values())
    again = client.post(HOME, {"pasted": pasted}, follow=True)
    files.make_previews()
    again = client.get(again.redirect_chain[-1][0])
    assert "1 person would be adjusted" in words(again)
    assert "100 becomes 30" in words(again)
    assert len(taken) == 2


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose a file, or paste the lines."),
        ({"pasted": " \n "}, "Choose a file, or paste the lines."),
        ({"file": SimpleUploadedFile("empty.csv", b"")}, "This file is empty."),
        ({"pasted": "x" * 2_000_001}, "These lines are larger than 2 MB."),
    ],
)
def test_a_form_without_a_list_says_so(
    as_: SignIn, campaign: Campaign, hr: Employee, sent: dict[str, Any], said: str
) -> None:
    answer = as_(hr).post(HOME, sent)
    assert answer.status_code == 422
    assert said in words(answer)
    assert not StoredFile.objects.exists()


def test_two_lists_at_once_are_not_guessed_between(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    both = {"file": SimpleUploadedFile("a.csv", GOOD.encode()), "pasted": GOOD}
    answer = as_(hr).post(HOME, both)
    assert answer.status_code == 422
    assert "not both" in words(answer)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,target\nAlice,40\n", "No column identifies the employees."),
        ("staff_no,name\nA001,Alice\n", "No column has the new target."),
        (b"PK\x03\x04" + bytes(64), "an archive or a picture"),
        ("\n \n", "cannot be read as a list of employees"),
    ],
)
def test_a_file_that_is_no_list_says_what_it_lacks(
    as_: SignIn, campaign: Campaign, hr: Employee, content: str | bytes, said: str
) -> None:
    client = as_(hr)
    address = send(client, content)
    assert said in words(client.get(address))
    answer = client.post(f"{address}ask/", {"kind": "leave", "reason": REASON, "seen": "x"})
    assert answer.status_code == 422
    assert said in words(answer)
    assert client.get(f"{address}rejected.csv").status_code == 404


def test_an_alphabet_that_the_file_does_not_name_is_chosen_by_eye(
    as_: SignIn, campaign: Campaign, hr: Employee
) -> None:
    client = as_(hr)
    address = send(client, "who,target,note\nA001,40,你好\n".encode("gb18030"))
    page = client.get(address)
    assert "Which of these lines is readable?" in words(page)
    assert "你好" in words(page)
    client.post(f"{address}look/", {"encoding": "gb18030"})
    files.make_previews()
    page = client.get(address)
    assert "1 person would be adjusted" in words(page)
    answer = client.post(f"{address}ask/", typed(page))
    assert answer.status_code == 302, words(answer)


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"reason": " "}, 422, "This field is required."),
        ({"kind": "nonsense"}, 422, "Select a valid choice."),
        ({"kind": "other"}, 422, "Describe the category in a few words."),
        ({"seen": "another"}, 409, "The list has changed since you saw it."),
    ],
)
def test_a_request_that_cannot_be_made_leaves_the_file_and_its_list(
    as_: SignIn, campaign: Campaign, hr: Employee, changed: dict[str, str], status: int, said: str
) -> None:
    client = as_(hr)
    address = send(client, GOOD + BAD)
    answer = client.post(f"{address}ask/", typed(client.get(address), **changed))
    assert answer.status_code == status
    assert said in words(answer)
    assert "2 people would be adjusted" in words(answer)
    assert "2 lines are rejected" in words(answer)
    assert not AdjustmentRequest.objects.exists()
    assert client.post(f"{address}ask/", typed(client.get(address))).status_code == 302


def test_a_double_click_requests_once(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    address = send(client, GOOD)
    form = typed(client.get(address))
    first, second = client.post(f"{address}ask/", form), client.post(f"{address}ask/", form)
    assert first["Location"] == second["Location"] == client.get(address)["Location"]
    assert AdjustmentRequest.objects.count() == 1


def test_a_file_is_its_senders_alone(as_: SignIn, campaign: Campaign, hr: Employee, second: Employee) -> None:
    """Another HR member decides about the list, but must not see its earlier, wrong versions."""
    address = send(as_(hr), GOOD)
    other = as_(second)
    assert other.get(address).status_code == 404
    assert other.get(f"{address}rejected.csv").status_code == 404
    assert other.post(f"{address}ask/", {"kind": "leave", "reason": "x"}).status_code == 404


def test_only_the_newest_few_files_are_kept(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    addresses = [send(client, GOOD, f"{n}.csv") for n in range(7)]
    assert [client.get(address).status_code for address in addresses] == [404, 404, 200, 200, 200, 200, 200]


def test_a_long_list_is_shown_whole_and_no_reject_is_lost(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    people.load(
        "staff_no,name,email\n" + "\n".join(f"L{n:03d},Name L{n:03d},l{n}@corp.example.com" for n in range(205))
    )
    content = "staff_no,target\n" + "".join(f"L{n:03d},{n + 1}\nX{n},9\n" for n in range(205))
    client = as_(hr)
    address = send(client, content)
    seen: set[str] = set()
    for number in (1, 2, 3):
        html = client.get(f"{address}?page={number}").content.decode()
        seen |= {f"L{n:03d}" for n in range(205) if f">Name L{n:03d}<" in html}
    assert len(seen) == 205
    assert "The first 100 of 205" in words(client.get(address))
    assert len(rows(client.get(f"{address}rejected.csv"))) == 205


def test_pages_make_as_many_queries_for_many_rows_as_for_few(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    people.load("staff_no,name,email\n" + "\n".join(f"L{n:03d},L,l{n}@corp.example.com" for n in range(300)))
    client, counts = as_(hr), []
    for size in (3, 300):
        stored = files.adjustments(hr, "staff_no,target\n" + "".join(f"L{n:03d},9\nX{n},9\n" for n in range(size)))
        client.get(f"{HOME}{stored.pk}/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"{HOME}{stored.pk}/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_an_end_for_all_of_a_file_names_the_file(
    as_: SignIn, campaign: Campaign, hr: Employee, second: Employee
) -> None:
    client = as_(hr)
    address = send(client, GOOD)
    client.post(f"{address}ask/", typed(client.get(address)))
    request = AdjustmentRequest.objects.get()
    other = as_(second)
    page = other.get(f"/company/adjustments/{request.pk}/")
    other.post(f"/company/adjustments/{request.pk}/grant/", {"seen": hidden(page, "seen")})
    other.post(
        f"/company/adjustments/{request.pk}/end/",
        {"reason": "over", "key": "6f1c1f9e-0000-4000-8000-000000000001", "person": "A001"},
    )
    ending = AdjustmentRequest.objects.latest("pk")
    assert ending.employee == people.person("A001")
    whole = {"reason": "over", "key": "6f1c1f9e-0000-4000-8000-000000000002"}
    other.post(f"/company/adjustments/{request.pk}/end/", whole)
    ending = AdjustmentRequest.objects.latest("pk")
    assert "End of an adjustment: File leave.csv" in words(client.get(f"/company/adjustments/{ending.pk}/"))
    listed = words(client.get("/company/adjustments/?show=all"))
    assert "End: as in the file" in listed
    assert "pro rata" not in listed


def test_without_a_campaign_there_is_nothing_to_adjust(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    assert "no campaign" in words(client.get(HOME)).lower()
    stored = files.adjustments(hr, GOOD)
    assert client.get(f"{HOME}{stored.pk}/").status_code == 404
