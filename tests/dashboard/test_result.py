"""The result's pages: HR's download proves itself, and a correction needs a second person."""

import csv
import io
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse

from apps.campaigns.models import Campaign
from apps.dashboard.views.company import result
from apps.employees.models import Employee
from apps.results.freeze import freeze
from apps.results.models import FrozenResult, ResultCorrection
from apps.results.verification import read_key, read_signature, verify
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links
from tests.fixtures import Clock
from tests.people import TESTER, record, with_account

pytestmark = pytest.mark.django_db
ASK = {
    "reason": "The feed came late", "evidence": "Ticket 7", "staff_no_0": "A001", "counted_0": "100", "exempt_0": "",
}  # fmt: skip


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


def body(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def status(response: object) -> int:
    """The status of the response; a streamed file is read, which closes it."""
    if response.streaming:  # type: ignore[attr-defined]
        body(response)
    return int(response.status_code)  # type: ignore[attr-defined]


def test_the_four_files_of_the_page_prove_each_other(frozen: Campaign, hr: Employee, as_: SignIn) -> None:
    client = as_(hr)
    names = ("result-csv", "result-signature", "result-key", "result-verifier")
    standings, signature, key, program = (body(client.get(reverse(name))) for name in names)
    assert verify(io.BytesIO(standings), read_signature(signature), read_key(key)).verified
    assert b"def verify(" in program


def test_the_page_says_when_and_which_digest(frozen: Campaign, hr: Employee, auditor: Employee, as_: SignIn) -> None:
    digest = FrozenResult.objects.get().digest
    for reader in (hr, auditor):
        assert digest in as_(reader).get(reverse("result")).content.decode()
    assert "Request a correction" not in as_(auditor).get(reverse("result")).content.decode()
    assert digest[:12] in as_(hr).get(reverse("company")).content.decode()


def test_the_result_and_its_files_are_closed_to_other_employees(
    frozen: Campaign, hr: Employee, second: Employee, bob: Employee, alice: Employee, auditor: Employee, as_: SignIn
) -> None:
    as_(hr).post(reverse("correction-ask"), ASK)
    asked = ResultCorrection.objects.get().pk
    pages = [reverse(name) for name in ("result", "result-csv", "result-signature", "result-key", "result-verifier")]
    for address in [*pages, reverse("correction", args=[asked])]:
        assert [status(as_(one).get(address)) for one in (bob, alice, auditor, hr)] == [404, 404, 200, 200]
    for address in (reverse("correction-grant", args=[asked]), reverse("correction-refuse", args=[asked])):
        assert [status(as_(one).post(address)) for one in (bob, alice, auditor)] == [404, 404, 404]
    assert as_(auditor).get(reverse("correction-ask")).status_code == 404
    assert ResultCorrection.objects.get().state == "asked"


def test_the_requester_sees_no_button_and_the_second_person_grants(
    frozen: Campaign, hr: Employee, second: Employee, alice: Employee, as_: SignIn
) -> None:
    as_(hr).post(reverse("correction-ask"), ASK)
    asked = ResultCorrection.objects.get()
    page, grant = reverse("correction", args=[asked.pk]), reverse("correction-grant", args=[asked.pk])
    assert grant not in as_(hr).get(page).content.decode()
    assert as_(hr).post(grant).status_code == 422
    assert grant in as_(second).get(page).content.decode()
    assert as_(second).post(grant, {"answer": "Seen"}).status_code == 302
    assert as_(second).post(grant, {"answer": "Seen"}).status_code == 302, "a double click comes to the same page"
    assert FrozenResult.objects.count() == 2, "and decides once"
    shown = as_(alice).get("/").content.decode()
    assert "version 2" in shown
    assert "version 1" in as_(alice).get("/?result=1").content.decode()
    for wrong in ("3", "0", "x", "-1", "99999999999"):
        assert as_(alice).get(f"/?result={wrong}").status_code == 404
    assert "99" in body(as_(hr).get(reverse("result-csv") + "?result=1")).decode()


def test_the_requester_alone_withdraws(
    frozen: Campaign, hr: Employee, second: Employee, auditor: Employee, as_: SignIn
) -> None:
    as_(hr).post(reverse("correction-ask"), ASK)
    asked = ResultCorrection.objects.get()
    page, withdraw = reverse("correction", args=[asked.pk]), reverse("correction-withdraw", args=[asked.pk])
    for other in (second, auditor):
        assert withdraw not in as_(other).get(page).content.decode()
    assert [status(as_(other).post(withdraw)) for other in (second, auditor)] == [422, 404]
    shown = as_(hr).get(page).content.decode()
    assert withdraw in shown
    assert "Expires" in shown
    assert as_(hr).post(withdraw).status_code == 302
    assert "withdrawn" in as_(hr).get(page).content.decode()
    assert "withdrawn" in as_(hr).get(reverse("result")).content.decode()


def test_many_corrections_come_in_pages(
    frozen: Campaign, hr: Employee, as_: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a thousand requests make a page that no browser shows."""
    monkeypatch.setattr(result, "PAGE", 2)
    for number in range(3):
        as_(hr).post(reverse("correction-ask"), ASK | {"reason": f"Reason {number}"})
    page = as_(hr).get(reverse("result"))
    first = page.content.decode()
    assert ["Reason 2" in first, "Reason 1" in first, "Reason 0" in first] == [True, True, False]
    [following] = [link for link in links(page) if "after=" in link]
    assert "Reason 0" in as_(hr).get(following).content.decode()


def test_a_form_that_fails_comes_back_filled(frozen: Campaign, hr: Employee, as_: SignIn) -> None:
    for wrong in ({"staff_no_0": "nobody"}, {"evidence": ""}, {"counted_0": "-1"}, {"staff_no_0": "H001"}):
        response = as_(hr).post(reverse("correction-ask"), ASK | wrong)
        assert response.status_code == 422
        assert "The feed came late" in response.content.decode()
    assert not ResultCorrection.objects.exists()


def test_a_correction_takes_a_name_or_an_address_and_says_which_person_is_unknown(
    frozen: Campaign, hr: Employee, alice: Employee, as_: SignIn
) -> None:
    page = as_(hr).get(reverse("correction-ask")).content.decode()
    assert page.count('data-people="/people/"') == 5
    unknown = as_(hr).post(reverse("correction-ask"), ASK | {"staff_no_1": "Nemo", "counted_1": "1"})
    assert unknown.status_code == 422
    assert 'id="id_staff_no_1_error"' in unknown.content.decode()
    for typed in (alice.name, alice.email, f"{alice.name} (a001)"):
        assert as_(hr).post(reverse("correction-ask"), ASK | {"staff_no_0": typed}).status_code == 302, typed
        [line] = ResultCorrection.objects.latest("pk").lines.all()
        assert line.employee_id == alice.pk


def test_before_the_freeze_the_page_says_so(campaign: Campaign, hr: Employee, as_: SignIn) -> None:
    assert "no final result yet" in as_(hr).get(reverse("result")).content.decode()


def test_a_team_is_that_of_the_deadline(frozen: Campaign, bob: Employee, hr: Employee, as_: SignIn) -> None:
    from tests.people import load

    load("staff_no,name,email,department,manager_staff_no\nA002,Alan,alan@corp.example.com,Support,C001\n")
    page = as_(bob).get(reverse("team", args=["B001"])).content.decode()
    assert "Alan" in page
    assert "final result" in page


def test_the_way_to_the_result_keeps_the_campaign_that_was_chosen(frozen: Campaign, hr: Employee, as_: SignIn) -> None:
    for address in ("/", "/?campaign=november"):
        [link] = {one for one in links(as_(hr).get(address)) if one.startswith("/company/result/")}
        assert as_(hr).get(link).status_code == 200, link
        assert link.endswith(address[1:])


def test_every_version_of_a_result_leads_to_its_hand_over_and_hr_alone_is_led(
    frozen: Campaign, hr: Employee, second: Employee, auditor: Employee, as_: SignIn
) -> None:
    """Otherwise HR would build the payout file by hand, or use a version that a correction has replaced."""
    as_(hr).post(reverse("correction-ask"), ASK)
    as_(second).post(reverse("correction-grant", args=[ResultCorrection.objects.get().pk]), {"answer": "Seen"})
    for version, address, said in ((2, "", "version 2 ·"), (1, "?result=1", "version 1 (corrected since)")):
        [link] = [one for one in links(as_(hr).get(reverse("result") + address)) if "/handover/" in one]
        assert said in as_(hr).get(link).content.decode()
        asked = as_(hr).post(link, {"key": uuid.uuid4(), "form": "csv"})
        lines = body(as_(hr).get(asked.url.partition("?")[0] + "file/")).decode("utf-8-sig").splitlines()
        verdicts = {line["staff_no"]: line for line in csv.DictReader(lines)}
        assert verdicts["A001"]["verdict"] == ("eligible" if version == 2 else "not_eligible")
        assert {line["result_version"] for line in verdicts.values()} == {str(version)}
    assert "/handover/" not in as_(auditor).get(reverse("result")).content.decode()
    assert as_(auditor).get(reverse("export-new", args=["handover"])).status_code == 404
