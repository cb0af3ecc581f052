"""HR's adjustment pages, and what the employee and the manager see of an adjustment."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import grant_role
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, rows, words

pytestmark = pytest.mark.django_db
HOME = "/company/adjustments/"
REASON = "parental leave, back in spring"


@pytest.fixture
def second(alan: Employee) -> Employee:
    """A second HR member."""
    grant_role(employee=alan, role="hr", by=people.TESTER)
    return alan


def typed(**changed: str) -> dict[str, str]:
    usual = {
        "person": "A001", "kind": "leave", "what": "exempt", "reason": REASON,
        "key": "6f1c1f9e-0000-4000-8000-000000000001",
    }  # fmt: skip
    return {**usual, **changed}


def ask(client: Any, **changed: str) -> AdjustmentRequest:
    response = client.post(HOME + "ask/", typed(**changed))
    assert response.status_code == 302, words(response)
    return AdjustmentRequest.objects.latest("pk")


def test_from_asking_to_the_persons_page(
    as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee, second: Employee
) -> None:
    asked = ask(as_(hr), starts_on="2026-11-05", ends_on="2026-12-31")
    page = as_(hr).get(f"{HOME}{asked.pk}/")
    assert "Waiting for another user" in words(page)
    assert "grant/" not in page.content.decode()
    other = as_(second)
    assert "Waiting for me 1" in words(other.get(HOME))
    page = other.get(f"{HOME}{asked.pk}/")
    assert "Your decision" in words(page)
    assert "from 5 Nov 2026 to 31 Dec 2026" in words(page)
    assert as_(alice).get("/").content.decode().count("Exempt") == 0
    answer = other.post(f"{HOME}{asked.pk}/grant/", follow=True)
    assert "Approved for 1 person." in words(answer)
    people.mark()
    own = words(as_(alice).get("/"))
    assert "Exempt: not red" in own
    assert REASON in own
    assert "leave" in own
    assert "from 5 Nov 2026 to 31 Dec 2026" in own
    assert "Approved by Alan (A002)" in own or "Approved by Alan" in own


def test_a_manager_sees_that_and_not_why(as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee) -> None:
    people.adjust(campaign=campaign, employee=alice, target=40, reason=REASON)
    people.mark()
    page = words(as_(bob).get("/team/A001/"))
    assert "Target 40 instead of 100" in page
    assert "Adjusted by HR." in page
    for hidden in (REASON, "leave", "Approved by"):
        assert hidden not in page
    assert "target 40" in words(as_(bob).get("/team/B001/"))


def test_hr_sees_why_and_finds_the_request(as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee) -> None:
    made = people.adjust(campaign=campaign, employee=alice, target=40, reason=REASON)
    page = as_(hr).get("/team/A001/")
    assert REASON in words(page)
    assert f"{HOME}{made.request_id}/?person=A001" in links(page)
    assert f"{HOME}ask/?employee=A001" in links(page)
    assert f"{HOME}ask/?employee=H001" not in links(as_(hr).get("/team/H001/")), "nobody adjusts themself"


def test_hr_cannot_decide_their_own_request(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    asked = people.ask(campaign=campaign, employee=hr, exempt=True)
    page = as_(hr).get(f"{HOME}{asked.pk}/")
    assert "This is about you" in words(page)
    assert '<form class="stack"' not in page.content.decode()
    assert "Waiting for me 0" in words(as_(hr).get(HOME))
    answer = as_(hr).post(f"{HOME}{asked.pk}/grant/")
    assert answer.status_code == 409
    assert "another HR user has to decide" in words(answer)
    answer = as_(hr).post(HOME + "ask/", typed(person="H001"))
    assert answer.status_code == 409
    assert "other HR users" in words(answer)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"person": "X999"}, "No employee on the roster"),
        ({"what": "target"}, "Enter the new target."),
        ({"what": "target", "target": "0"}, "greater than or equal to 1"),
        ({"kind": "other"}, "in a few words"),
        ({"reason": " "}, "required"),
        ({"starts_on": "2026-11-31"}, "This is not a valid date."),
        ({"starts_on": "2026-11-20", "ends_on": "2026-11-10"}, "The end is before the start."),
        ({"starts_on": "2026-12-24"}, "after the deadline"),
        ({"ends_on": "9999-12-31"}, "These dates are not valid"),
    ],
)
def test_a_form_that_fails_comes_back_filled_with_its_message(
    as_: SignIn, campaign: Campaign, hr: Employee, changed: dict[str, str], said: str
) -> None:
    answer = as_(hr).post(HOME + "ask/", typed(**changed))
    assert answer.status_code == 422
    assert said in words(answer)
    if "reason" not in changed:
        assert REASON in answer.content.decode()
    assert not AdjustmentRequest.objects.exists()


def test_a_person_is_named_by_address_too(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    assert ask(as_(hr), person="ALICE@corp.example.com", what="target", target="30").employee.staff_no == "A001"
    assert (Adjustment.objects.get().target, Adjustment.objects.get().exempt) == (30, None)


def test_steps_that_come_too_late_say_so(as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee) -> None:
    asked = people.ask(campaign=campaign, employee=alice, exempt=True)
    client = as_(hr)
    assert client.post(f"{HOME}{asked.pk}/refuse/").status_code == 422
    client.post(f"{HOME}{asked.pk}/refuse/", {"note": "no leave is known"})
    for step in ("grant", "refuse", "withdraw", "end"):
        answer = client.post(f"{HOME}{asked.pk}/{step}/", {"note": "x", "reason": "x", "key": typed()["key"]})
        assert answer.status_code == 409, step
        assert "already" in words(answer) or "nothing to end" in words(answer)
    page = words(client.get(f"{HOME}{asked.pk}/"))
    assert "refused" in page
    assert "no leave is known" in page


def test_an_end_is_requested_granted_and_shown(
    as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee, second: Employee
) -> None:
    made = people.adjust(campaign=campaign, employee=alice, exempt=True)
    client = as_(hr)
    assert "Request end for Alice" in words(client.get(f"{HOME}{made.request_id}/"))
    answer = client.post(
        f"{HOME}{made.request_id}/end/", {"reason": "back early", "key": typed()["key"]}, follow=True
    )  # fmt: skip
    assert "Requested to end" in words(answer)
    ending = AdjustmentRequest.objects.latest("pk")
    as_(second).post(f"{HOME}{ending.pk}/grant/")
    people.mark()
    assert "Red: 100 to go" in words(as_(alice).get("/"))
    assert "over" in words(client.get(f"{HOME}{made.request_id}/"))
    assert client.get(f"{HOME}?show=in_force").content.decode().count('class="lead"') == 0


def test_the_list_is_filtered_searched_and_paged(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    for number in ("A001", "S001", "C001"):
        people.adjust(campaign=campaign, employee=people.person(number), target=50)
    people.ask(campaign=campaign, employee=people.person("D001"), exempt=True)
    client = as_(hr)

    def found(query: str) -> int:
        return client.get(HOME + query).content.decode().count('class="lead"')

    assert [found(f"?show={shown}") for shown in ("mine", "waiting", "in_force", "all", "nonsense")] == [1, 1, 3, 4, 1]
    assert found("?show=all&q=alice") == found("?show=all&q=A001") == 1
    assert found("?show=all&q=%00nobody") == 0
    assert found("?show=all&after=1") == 4, "an address that is no page of the list shows the first one"


def joined(number: str, day: str) -> str:
    return f"{number},Name {number},{number.lower()}@corp.example.com,Sales,{day}"


@pytest.fixture
def late(campaign: Campaign) -> Campaign:
    rows = [joined("J12", "2026-11-12"), joined("J20", "2026-11-20")]
    people.load("staff_no,name,email,department,started_on\n" + "\n".join(rows))
    people.mark()
    return campaign


def hidden(response: Any, name: str) -> str:
    html = response.content.decode()
    return str(html.split(f'name="{name}" value="', 1)[1].split('"', 1)[0])


def test_a_rule_is_previewed_requested_and_granted(as_: SignIn, late: Campaign, hr: Employee, second: Employee) -> None:
    client, address = as_(hr), HOME + "by-rule/"
    assert "Show list" in words(client.get(address))
    people.adjust(campaign=late, employee=people.person("J20"), exempt=True)
    seen = client.get(f"{address}?joined_after=2026-11-01&department=Sales")
    said = words(seen)
    assert "1 person would be adjusted" in said
    assert "100 becomes 64" in said
    assert "has an adjustment of their own" in said
    form = {
        "joined_after": "2026-11-01", "department": "Sales", "reason": "came later", "seen": hidden(seen, "seen"),
        "key": hidden(seen, "key"),
    }  # fmt: skip
    assert client.post(address, {**form, "reason": ""}).status_code == 422
    stale = client.post(address, {**form, "seen": "another list"})
    assert stale.status_code == 409
    assert "has changed since you saw" in words(stale)
    assert client.post(address, form).status_code == 302
    assert client.post(address, form).status_code == 302, "sent twice"
    request = AdjustmentRequest.objects.get(joined_after="2026-11-01")
    other = as_(second)
    page = other.get(f"{HOME}{request.pk}/")
    assert "Approval adjusts 1 person" in words(page)
    assert other.post(f"{HOME}{request.pk}/grant/", {"seen": "x"}).status_code == 409
    answer = other.post(f"{HOME}{request.pk}/grant/", {"seen": hidden(page, "seen")}, follow=True)
    assert "Approved for 1 person." in words(answer)
    people.mark()
    assert people.standing(late, people.person("J12")).target == 64


@pytest.mark.parametrize("query", ["?joined_after=", "?joined_after=x", "?joined_after=2026-12-24"])
def test_a_rule_that_cannot_be_read_says_so(as_: SignIn, late: Campaign, hr: Employee, query: str) -> None:
    page = as_(hr).get(f"{HOME}by-rule/{query}")
    assert page.status_code in (200, 422)
    assert 'aria-invalid="true"' in page.content.decode()


def test_a_long_list_is_shown_whole_page_by_page(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    rows = [joined(f"L{n:03d}", "2026-11-12") for n in range(205)]
    people.load("staff_no,name,email,department,started_on\n" + "\n".join(rows))
    client, seen = as_(hr), set()
    for number in (1, 2, 3):
        html = client.get(f"{HOME}by-rule/?joined_after=2026-11-01&page={number}").content.decode()
        seen |= {f"L{n:03d}" for n in range(205) if f">Name L{n:03d}<" in html}
    assert len(seen) == 205


def test_without_a_campaign_there_is_nothing_to_adjust(as_: SignIn, hr: Employee) -> None:
    for address in (HOME, HOME + "ask/", HOME + "by-rule/"):
        assert "no campaign" in words(as_(hr).get(address)).lower()


def test_another_campaigns_request_is_shown_in_its_own(
    as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    sprint = people.november(name="Sprint", target=2)
    asked = people.ask(campaign=sprint, employee=alice, target=1)
    elsewhere = as_(hr).get(f"{HOME}{asked.pk}/?campaign=november")
    assert (elsewhere.status_code, elsewhere["Location"]) == (302, f"{HOME}{asked.pk}/?campaign=sprint")
    assert as_(hr).get(elsewhere["Location"]).status_code == 200


def test_the_csv_has_everything_that_was_asked_and_runs_nothing(
    as_: SignIn, campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    people.adjust(campaign=campaign, employee=alice, target=40, reason="=1+1")
    people.ask(campaign=campaign, employee=alan, exempt=True, kind="other", kind_text="-care")
    first, second = rows(as_(hr).get("/exports/adjustments.csv"))
    assert list(first) == [
        "request", "staff_no", "name", "kind", "kind_text", "target", "exempt", "from", "until", "reason", "by_rule",
        "file", "asked_by", "asked_at", "decided_by", "decided_at", "granted_at", "refusal", "end_asked_by",
        "end_granted_by", "end_reason", "ended_at", "state", "asked_by_staff_no", "decided_by_staff_no",
        "end_asked_by_staff_no", "end_granted_by_staff_no",
    ]  # fmt: skip
    assert {name: first[name] for name in ("staff_no", "target", "exempt", "from", "until", "reason", "state")} == {
        "staff_no": "A001", "target": "40", "exempt": "", "from": "2026-11-01", "until": "", "reason": "'=1+1",
        "state": "in_force",
    }  # fmt: skip
    assert (first["asked_by"], first["decided_by"], first["by_rule"]) == ("asks", "grants", "no")
    assert first["granted_at"].endswith("+08:00")
    assert (second["exempt"], second["kind_text"], second["state"], second["granted_at"]) == (
        "yes", "'-care", "waiting", "",
    )  # fmt: skip
    assert "/exports/adjustments.csv" in links(as_(hr).get("/exports/"))
    assert "/exports/adjustments.csv" not in links(as_(alice).get("/exports/"))


def questions(as_: SignIn, size: int) -> dict[str, int]:
    point = transaction.savepoint()
    try:
        lines = [joined(f"N{n:03d}", "2026-11-12") for n in range(size)]
        people.load("staff_no,name,email,department,started_on\n" + "\n".join(lines))
        campaign = people.november()
        made = [people.adjust(campaign=campaign, employee=people.person(f"N{n:03d}"), target=9) for n in range(size)]
        people.mark()
        client, counts = as_(people.with_account(people.person("H001"), "hr")), {}
        addresses = ["", "?show=all", "?show=in_force&q=name", f"{made[0].request_id}/", "ask/"]
        client.get(HOME)
        for address in [*addresses, "by-rule/?joined_after=2026-11-01", "/exports/adjustments.csv"]:
            with CaptureQueriesContext(connection) as asked:
                response = client.get(address if address.startswith("/") else HOME + address)
            assert response.status_code == 200
            if response.streaming:
                b"".join(response.streaming_content)
            counts[address.split("/")[0] if address[:1].isdigit() else address] = len(asked)
        return dict(zip(range(len(counts)), counts.values(), strict=True))
    finally:
        transaction.savepoint_rollback(point)


def test_thirty_adjustments_cost_as_many_queries_as_three(as_: SignIn, company: dict[str, Employee]) -> None:
    """At 50,000 employees a query per row is an outage."""
    assert questions(as_, 30) == questions(as_, 3)
