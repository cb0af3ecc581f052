"""HR's page for a correction of many by a file: uploaded, previewed, requested, granted by another HR member."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.results.freeze import freeze
from apps.results.models import FrozenResult, ResultCorrection
from tests import files
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words
from tests.fixtures import Clock
from tests.people import TESTER, record, with_account

pytestmark = pytest.mark.django_db
HOME = "/company/result/corrections/by-file/"
LIST = "staff_no,counted,target,exempt\nA001,102,,\nA002,3,,\nX999,5,,\n"


@pytest.fixture
def frozen(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> Campaign:
    """November, frozen with Alice at 99."""
    record(alice, 99)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    return Campaign.objects.get(pk=campaign.pk)


@pytest.fixture
def second(company: dict[str, Employee]) -> Employee:
    """A second HR member."""
    return with_account(company["D001"], "hr")


def send(client: Any, content: str = LIST) -> str:
    response = client.post(HOME, {"file": SimpleUploadedFile("late.csv", content.encode())})
    assert response.status_code == 302, words(response)
    files.make_previews()
    return str(response["Location"])


def typed(page: Any, **changed: str) -> dict[str, str]:
    seen = str(page.context["file_preview"].version)
    return {"reason": "The feed came late", "evidence": "Ticket 7", "seen": seen, **changed}


def test_from_the_file_to_the_new_version(frozen: Campaign, hr: Employee, second: Employee, as_: SignIn) -> None:
    client = as_(hr)
    assert HOME in links(client.get("/company/result/"))
    address = send(client)
    page = client.get(address)
    said = words(page)
    assert "2 would be corrected 1 line is rejected" in said
    assert "All 2 Turn red 0 No longer red 1" in said
    assert "Alice 艾 (A001) 99 → 102 100 → 100 no → no no longer red" in said
    assert "Alan (A002) 0 → 3 100 → 100 no → no stays red" in said
    assert "staff_no: No employee in this result has this staff number" in said
    assert b"X999" in b"".join(client.get(f"{address}rejected.csv").streaming_content)
    asked = client.post(f"{address}ask/", typed(page))
    assert client.post(f"{address}ask/", typed(page))["Location"] == asked["Location"], "a double click"
    correction = ResultCorrection.objects.get()
    assert asked["Location"] == f"/company/result/corrections/{correction.pk}/"
    other = as_(second)
    page = other.get(asked["Location"])
    assert "Before and after · 2 people" in words(page)
    assert "/team/A001/" in links(page)
    assert "Alan" not in words(other.get(f"{asked['Location']}?turn=not_red"))
    assert other.post(f"{asked['Location']}grant/", {"answer": "Seen"}).status_code == 302
    assert FrozenResult.objects.count() == 2
    assert "Alice 艾 (A001) 99 → 102" in words(other.get(asked["Location"])), "the page of a granted one stays"


def test_a_form_that_fails_comes_back_filled(frozen: Campaign, hr: Employee, as_: SignIn) -> None:
    client = as_(hr)
    address = send(client)
    page = client.get(address)
    answer = client.post(f"{address}ask/", typed(page, evidence=""))
    assert answer.status_code == 422
    assert "The feed came late" in answer.content.decode()
    assert client.post(f"{address}ask/", typed(page, seen="99")).status_code == 409
    assert not ResultCorrection.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,counted\nAlice,3\n", "No column identifies the employees."),
        ("staff_no,name\nA001,Alice\n", "No column has a new value."),
        ("staff_no,counted\nX999,3\n", "No standing would be corrected."),
    ],
)
def test_a_file_without_effect_says_so(frozen: Campaign, hr: Employee, as_: SignIn, content: str, said: str) -> None:
    client = as_(hr)
    assert said in words(client.get(send(client, content)))


def test_without_a_result_and_for_others_there_is_no_page(
    campaign: Campaign, hr: Employee, bob: Employee, auditor: Employee, as_: SignIn
) -> None:
    assert as_(hr).get(HOME).status_code == 404
    assert [as_(one).get(HOME).status_code for one in (bob, auditor)] == [404, 404]
