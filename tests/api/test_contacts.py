"""Own contacts over the API: recording, the same request twice, ending, restoring, renaming, listing."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, Source, Submission
from apps.core.models import OutboxRow
from apps.employees.models import Employee
from apps.operations.tasks import day_change
from tests import people
from tests.api.conftest import ApiClient, Signed, code_of, fields_of
from tests.fixtures import Clock
from tests.people import november

pytestmark = pytest.mark.django_db
Program = Callable[[Employee], ApiClient]
GRACE = {"name": "Grace 葛", "email": "grace@outside.example.org", "phone": "138 0013 8000"}


@pytest.fixture
def wake_ups(monkeypatch: pytest.MonkeyPatch, alice: Employee, campaign: Campaign) -> list[str]:
    """Grows with each wake-up of the workers."""
    wake_ups: list[str] = []
    monkeypatch.setattr("apps.core.outbox.enqueue_marking", lambda: wake_ups.append("marking"))
    return wake_ups


def recorded(client: ApiClient, body: Any = None) -> int:
    """The id of a new contact."""
    return client.send("contacts/", body or GRACE, 201)["outcomes"][0]["contact"]


def test_one_person_is_recorded_and_counts(
    program: Program, alice: Employee, campaign: Campaign, wake_ups: list[str]
) -> None:
    client = program(alice)
    report = client.send("contacts/", GRACE, 201)
    assert (report["created"], report["duplicate"], report["rejected"]) == (1, 0, 0)
    contact = client.read(f"contacts/{report['outcomes'][0]['contact']}/")
    assert contact["name"] == "Grace 葛"
    assert {"kind": "phone", "value": "+8613800138000"} in contact["identities"]
    assert {"kind": "email", "value": "grace@outside.example.org"} in contact["identities"]
    assert (contact["counts"], contact["reason"], contact["source"]) == (True, None, "api")
    assert wake_ups == ["marking"]
    assert OutboxRow.objects.filter(employee_id=alice.pk).exists()


def test_many_are_reported_one_by_one_and_a_bad_one_takes_no_neighbour_along(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    sent = [GRACE, {"name": "Nobody"}, {"phone": "12"}, {"email": "GRACE@outside.example.org"}, {"handle": "@hana"}]
    report = program(alice).send("contacts/", {"contacts": sent}, 201)
    outcomes = report["outcomes"]
    assert [one["index"] for one in outcomes] == [0, 1, 2, 3, 4]
    codes = ["created", "invalid_identity", "invalid_identity", "duplicate", "created"]
    assert [one["code"] for one in outcomes] == codes
    assert outcomes[2]["field"] == "phone"
    assert outcomes[3]["existing_contact"] == outcomes[0]["contact"]
    assert (report["created"], report["duplicate"], report["rejected"]) == (2, 1, 2)


def test_nothing_new_is_no_error(program: Program, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    recorded(client)
    assert client.send("contacts/", GRACE, 200)["outcomes"][0]["code"] == "duplicate"


def test_five_hundred_at_a_time_and_no_more(program: Program, alice: Employee, campaign: Campaign) -> None:
    sent = [{"handle": f"guest{n}"} for n in range(501)]
    client = program(alice)
    problem = client.send("contacts/", {"contacts": sent}, 400)
    assert fields_of(problem) == {"contacts": "max_length"}
    assert not Contact.objects.exists()
    assert client.send("contacts/", {"contacts": sent[:500]}, 201)["created"] == 500


def test_the_same_request_sent_again_has_one_effect_and_the_same_answer(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    client = program(alice)
    headers = {"idempotency-key": "order 4711"}
    first = client.call("POST", "contacts/", GRACE, **headers)
    again = client.call("POST", "contacts/", GRACE, **headers)
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (201, first.json())
    assert Contact.objects.count() == Submission.objects.count() == 1


def test_a_repeated_request_gets_every_text_again_and_none_is_stored(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    """Otherwise one token fills the database with texts about people, and an erasure has to search all of them."""
    sent = [
        GRACE, {"name": "Nobody"}, {"phone": "13o12345678"}, {"email": "GRACE@outside.example.org"},
        {"phone": "+1 212 555 0123"}, {"phone": "+1 212 555 0123 ext. 5"}, {"handle": "A001"},
    ]  # fmt: skip
    client = program(alice)
    headers = {"idempotency-key": "order 4712"}
    first = client.call("POST", "contacts/", {"contacts": sent}, **headers)
    assert sum(bool(outcome["message"]) for outcome in first.json()["outcomes"]) >= 4
    again = client.call("POST", "contacts/", {"contacts": sent}, **headers)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    [submission] = Submission.objects.all()
    assert {name for outcome in submission.report["outcomes"] for name in outcome} <= {
        "code", "column", "contact_id", "existing_contact_id",
    }  # fmt: skip
    assert (submission.handed_in, submission.duplicates) == (7, first.json()["duplicate"])


def test_outcomes_are_deleted_after_two_days_and_their_numbers_stay(
    program: Program, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    """Otherwise a program that sends its people again all day fills the database for ever."""
    clock.set("2026-11-10T12:00:00+08:00", ticks=True)
    client, headers = program(alice), {"idempotency-key": "order 4713"}
    client.send("contacts/", {"contacts": [GRACE, GRACE, {"phone": "12"}]}, 201, **headers)
    clock.set("2026-11-12T11:59:00+08:00", ticks=True)
    day_change()
    assert "outcomes" in Submission.objects.get().report
    clock.set("2026-11-12T12:01:00+08:00", ticks=True)
    day_change()
    submission = Submission.objects.get()
    assert (submission.report, submission.key) == ({"handed_in": 3, "duplicate": 1}, None)
    assert (submission.handed_in, submission.duplicates) == (3, 1)
    assert client.send("contacts/", {"contacts": [GRACE, GRACE, {"phone": "12"}]}, 200, **headers)["duplicate"] == 2


def test_a_reused_key_with_other_people_loses_no_contact_silently(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    client = program(alice)
    client.send("contacts/", GRACE, 201, **{"idempotency-key": "1"})
    problem = client.send("contacts/", {"handle": "hana"}, 422, **{"idempotency-key": "1"})
    assert code_of(problem) == "idempotency_key_reused"
    assert fields_of(problem) == {"Idempotency-Key": "idempotency_key_reused"}
    # Another key, or the same key of another employee, is another request.
    client.send("contacts/", {"handle": "hana"}, 201, **{"idempotency-key": "11"})


def test_a_key_is_each_ones_own(program: Program, alice: Employee, alan: Employee, campaign: Campaign) -> None:
    for employee in (alice, alan):
        program(employee).send("contacts/", GRACE, 201, **{"idempotency-key": "1"})
    assert Contact.objects.count() == 2


def test_a_key_that_is_none_is_refused(program: Program, alice: Employee) -> None:
    client = program(alice)
    for key in ("", "   ", "x" * 256):
        problem = client.send("contacts/", GRACE, 400, **{"idempotency-key": key})
        assert fields_of(problem) == {"Idempotency-Key": "invalid_key"}


def test_a_contact_ends_once_and_comes_back(
    program: Program, alice: Employee, campaign: Campaign, wake_ups: list[str]
) -> None:
    client = program(alice)
    contact = recorded(client)
    ended = client.send(f"contacts/{contact}/end/")
    assert (ended["end_reason"], ended["counts"], ended["reason"]) == ("removed", False, "ended")
    assert code_of(client.send(f"contacts/{contact}/end/", None, 409)) == "already_ended"
    restored = client.send(f"contacts/{contact}/restore/")
    assert (restored["ended_at"], restored["counts"]) == (None, True)
    assert code_of(client.send(f"contacts/{contact}/restore/", None, 409)) == "not_ended"
    assert len(wake_ups) == 3


def test_a_person_recorded_again_since_is_not_restored(program: Program, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    contact = recorded(client)
    client.send(f"contacts/{contact}/end/")
    recorded(client)
    assert code_of(client.send(f"contacts/{contact}/restore/", None, 409)) == "identity_taken"


def test_nothing_is_restored_into_a_campaign_that_is_closing(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    client = program(alice)
    contact = recorded(client)
    client.send(f"contacts/{contact}/end/")
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.CLOSING)
    assert code_of(client.send(f"contacts/{contact}/restore/", None, 409)) == "campaign_over"


def test_a_campaign_that_never_had_the_contact_does_not_keep_it_ended(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    """Otherwise a slip of the finger costs a contact because another campaign is over."""
    client = program(alice)
    contact = recorded(client)
    client.send(f"contacts/{contact}/end/")
    later = november(name="Later", slug="later", opens_on=date(2026, 11, 24), deadline=date(2026, 12, 24))
    Campaign.objects.filter(pk=later.pk).update(state=Campaign.State.CLOSING)
    assert client.send(f"contacts/{contact}/restore/")["ended_at"] is None


def test_a_name_is_edited_in_place(program: Program, alice: Employee, campaign: Campaign, wake_ups: list[str]) -> None:
    client = program(alice)
    contact = recorded(client)
    before = client.read(f"contacts/{contact}/")
    assert client.change(f"contacts/{contact}/", {"name": "  Grace\u200b  Hopper "}) == {
        **before,
        "name": "Grace Hopper",
    }
    assert len(wake_ups) == 1, "a name changes no verdict"


def test_no_other_field_can_be_written(program: Program, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    contact = recorded(client)
    before = client.read(f"contacts/{contact}/")
    shown = set(before) - {"name"}
    fields = {field.name for field in Contact._meta.get_fields() if field.name != "name"}
    for field in sorted(shown | fields | {"employee_id", "kind", "value"}):
        evil = {field: "2020-01-01T00:00:00Z"}
        rename = client.change(f"contacts/{contact}/", {"name": "x", **evil}, 400)
        assert fields_of(rename) == {field: "unknown_field"}
        one = client.send("contacts/", {"handle": "hana", **evil}, 400)
        assert fields_of(one) == {field: "unknown_field"}
        many = client.send("contacts/", {"contacts": [{"handle": "hana", **evil}]}, 400)
        assert fields_of(many) == {f"contacts.0.{field}": "unknown_field"}
    assert client.read(f"contacts/{contact}/") == before
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("address", "body", "field"),
    [
        ("contacts/", {"name": "Wang", "phone": 13800138000}, "phone"),
        ("contacts/", {"phone": "13800138000", "email": 0}, "email"),
        ("contacts/", {"contacts": [{"name": 7, "phone": "13800138000"}]}, "contacts.0.name"),
        ("contacts/search/", {"q": 138}, "q"),
        ("contacts/search/", {"q": "x", "limit": "5"}, "limit"),
        ("contacts/search/", {"q": "x", "batch": 5}, "batch"),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_guessed_at(
    program: Program, alice: Employee, campaign: Campaign, address: str, body: dict[str, Any], field: str
) -> None:
    assert fields_of(program(alice).send(address, body, 400)) == {field: "invalid"}
    assert not Contact.objects.of(alice).exists()


def test_a_contact_is_closed_to_other_employees(
    as_: Signed, program: Program, alice: Employee, bob: Employee, dana: Employee, hr: Employee, campaign: Campaign
) -> None:
    contact = recorded(program(alice))
    before = program(alice).read(f"contacts/{contact}/")
    for other in (bob, dana, hr):
        client = as_(other)
        theirs = client.read(f"contacts/{contact}/", 404)
        assert theirs == client.read("contacts/999999999/", 404) | {"instance": theirs["instance"]}
        client.change(f"contacts/{contact}/", {"name": "x"}, 404)
        client.send(f"contacts/{contact}/end/", None, 404)
        client.send(f"contacts/{contact}/restore/", None, 404)
        assert client.read("contacts/")["results"] == []
        assert client.send("contacts/search/", {"q": "grace"})["results"] == []
    assert program(alice).read(f"contacts/{contact}/") == before


def test_the_list_is_searched_and_filtered_by_reason(program: Program, alice: Employee, campaign: Campaign) -> None:
    client = program(alice)
    colleague, gone = {"name": "Bob", "email": "bob@corp.example.com"}, {"name": "Gone", "handle": "gone_100."}
    sent = {"contacts": [GRACE, colleague, gone]}
    ids = [one["contact"] for one in client.send("contacts/", sent, 201)["outcomes"]]
    client.send(f"contacts/{ids[2]}/end/")

    def found(query: str) -> list[int]:
        return [one["id"] for one in client.read(f"contacts/?{query}")["results"]]

    assert found("") == ids[::-1]
    assert found("reason=counts") == [ids[0]]
    assert found("reason=not_counting") == [ids[1]]
    assert found("reason=not_external") == [ids[1]]
    assert found("reason=ended") == [ids[2]]
    assert found("reason=claimed") == []
    assert fields_of(client.read("contacts/?reason=luck", 400)) == {"reason": "invalid_choice"}

    def searched(q: str, **filters: str) -> list[int]:
        return [one["id"] for one in client.send("contacts/search/", {"q": q, **filters})["results"]]

    assert searched("grace") == searched("GRACE@outside") == searched("138-0013") == searched("葛") == [ids[0]]
    assert searched("_100.") == [ids[2]]
    assert searched("nobody") == []
    assert searched("o", reason="counts") == searched("o", source="api", reason="counts") == [ids[0]]
    assert searched("grace", source="csv") == []
    refused = client.send("contacts/search/", {"q": "g", "reason": "luck"}, 400)
    assert fields_of(refused) == {"reason": "invalid_choice"}


def test_what_is_searched_for_is_in_no_address(program: Program, alice: Employee, campaign: Campaign) -> None:
    """A phone number would appear in every log on the way."""
    client = program(alice)
    recorded(client)
    assert fields_of(client.read("contacts/?q=grace", 400)) == {"q": "unknown_field"}
    assert client.call("POST", "contacts/search/?q=grace", {"q": "grace"}).status_code == 400
    assert client.call("GET", "contacts/search/").status_code == 405
    assert fields_of(client.send("contacts/search/", {}, 400)) == {"q": "required"}
    assert fields_of(client.send("contacts/search/", {"q": "x" * 201}, 400)) == {"q": "max_length"}
    assert fields_of(client.send("contacts/search/", {"q": "x", "as_of": "now"}, 400)) == {"as_of": "unknown_field"}


def test_pages_of_a_search_follow_each_other_without_a_gap(
    program: Program, alice: Employee, campaign: Campaign
) -> None:
    people.record(alice, 7)
    recorded(program(alice))
    client, after, seen = program(alice), None, []
    for _page in range(9):
        page = client.send("contacts/search/", {"q": "guest", "limit": 3, "after": after})
        seen += [one["id"] for one in page["results"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)
    refused = client.send("contacts/search/", {"q": "guest", "after": "made-up"}, 400)
    assert fields_of(refused) == {"after": "unknown_page"}


def test_the_list_is_filtered_by_the_way_in_and_by_the_batch(
    program: Program, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    client = program(alice)
    sent = recorded(client)
    file = people.record(alice, 2, source=Source.CSV)
    ids = [one.contact_id for one in file.outcomes]

    def found(query: str) -> list[int]:
        return [one["id"] for one in client.read(f"contacts/?{query}")["results"]]

    assert found("source=api") == [sent]
    assert found("source=csv") == found(f"batch={file.submission_id}") == ids[::-1]
    assert found("source=vcard") == found(f"batch={file.submission_id}&source=api") == []
    assert fields_of(client.read("contacts/?source=pigeon", 400)) == {"source": "invalid_choice"}
    assert fields_of(client.read("contacts/?batch=1", 400)) == {"batch": "invalid"}


def test_anothers_batch_answers_like_an_unknown_one(
    program: Program, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    alans = people.record(alan).submission_id
    assert len(program(alan).read(f"contacts/?batch={alans}")["results"]) == 1
    client = program(alice)
    theirs = client.read(f"contacts/?batch={alans}", 404)
    nobodys = client.read("contacts/?batch=00000000-0000-0000-0000-000000000000", 404)
    assert theirs == nobodys | {"instance": theirs["instance"]}


def test_pages_follow_each_other_without_a_gap(program: Program, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 5)  # in one submission: one instant for all
    people.record(alice, 2)
    client, address, seen = program(alice), "contacts/?limit=3", []
    while address:
        page = client.read(address)
        seen += [one["id"] for one in page["results"]]
        address = (page["next"] or "").removeprefix("http://testserver")
    assert seen == sorted(Contact.objects.values_list("pk", flat=True), reverse=True)
    assert fields_of(client.read("contacts/?after=made-up", 400)) == {"after": "unknown_page"}


def test_without_a_campaign_contacts_are_listed_unjudged(program: Program, alice: Employee) -> None:
    client = program(alice)
    recorded(client)
    page = client.read("contacts/")
    assert page["campaign"] is None
    assert page["results"][0]["reason"] is None


def test_what_is_recorded_at_the_last_moment_counts(
    program: Program, clock: Clock, alice: Employee, campaign: Campaign
) -> None:
    client = program(alice)
    clock.set("2026-11-30T23:59:59.999000+08:00", ticks=True)
    in_time = recorded(client)
    clock.set("2026-12-01T00:00:00+08:00", ticks=True)
    late = recorded(client, {"handle": "hana"})
    assert client.read(f"contacts/{in_time}/")["counts"] is True
    assert client.read(f"contacts/{late}/")["reason"] == "outside_period"
