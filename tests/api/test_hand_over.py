"""The hand-over by API: a reward system pays each person once, whatever is repeated, delayed, doubled or corrected."""

import base64
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Account, Scope
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.notifications.planning import plan_notifications
from apps.notifications.webhooks import services
from apps.notifications.webhooks.event_types import EVENT_KINDS
from apps.notifications.webhooks.models import WebhookDelivery
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.results.freeze import freeze
from apps.results.models import FrozenResult
from apps.results.verification import (
    COVERED,
    RESULT,
    canonical_head,
    canonical_line,
    fingerprints,
    read_key,
    signed_by,
)
from tests import people, reviewing
from tests.api.conftest import ApiClient, code_of, fields_of, with_token
from tests.fixtures import Clock
from tests.people import TESTER

pytestmark = pytest.mark.django_db
ADDRESS = "campaigns/november/hand-over/"


@pytest.fixture
def frozen(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> Campaign:
    """November, frozen with Alice at 100, and all others red at 0."""
    people.record(alice, 100)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    return Campaign.objects.get(pk=campaign.pk)


@pytest.fixture
def rewards(frozen: Campaign, hr: Employee) -> ApiClient:
    return with_token(hr, Scope.REPORTS)


@pytest.fixture
def second(company: dict[str, Employee]) -> Account:
    return account_for(people.with_account(company["D001"], "hr"))


def correct(campaign: Campaign, asker: Account, decider: Account, *drafts: CorrectionDraft) -> None:
    correction = request_correction(
        campaign=campaign, drafts=drafts, reason="The feed came late", evidence="Ticket 7", by=asker
    )
    grant_correction(correction_id=correction.pk, by=decider, answer="Right.")


def pages(client: ApiClient, address: str) -> Iterator[dict[str, Any]]:
    following: str | None = address
    while following:
        page = client.read(following)
        yield page
        following = page["next"]


def verdicts(client: ApiClient, query: str = "") -> dict[str, str]:
    return {row["staff_no"]: row["verdict"] for page in pages(client, ADDRESS + query) for row in page["results"]}


class RewardSystem:
    """A receiver as docs/exports.md asks for: it trusts nothing but a verified result, and pays by staff number."""

    def __init__(self, client: ApiClient, public_key: str):
        self.client, self.key = client, public_key
        self.handled: set[str] = set()
        self.version, self.etag = 0, ""
        self.payments: list[str] = []
        self.disputed: set[str] = set()

    def receive(self, message_id: str, body: str) -> None:
        """One webhook, perhaps again, late or in another order."""
        event = json.loads(body)
        if message_id in self.handled or event["type"] not in ("campaign.frozen", "result.corrected"):
            return
        self.settle()
        self.handled.add(message_id)

    def settle(self) -> None:
        """Read and verify the whole newest version, then pay those who are not paid yet."""
        headers = {"if-none-match": self.etag} if self.etag else {}
        first = self.client.call("GET", ADDRESS + "?limit=2", **headers)
        if first.status_code == 304:
            return
        rows, page = list(first.json()["results"]), first.json()
        while page["next"]:
            page = self.client.read(page["next"])
            assert page["digest"] == first.json()["digest"], "pages of two versions"
            rows += page["results"]
        self.verify(first.json(), first["Result-Signature"], rows)
        if page["result_version"] < self.version:
            return
        self.version, self.etag = page["result_version"], first["ETag"]
        self.pay(rows)

    def verify(self, head: dict[str, Any], signature: str, rows: list[dict[str, Any]]) -> None:
        """The signature covers a document that only all rows of one version give."""
        form = head["canonical_form"]
        cells = [
            [{True: "yes", False: "no"}[row[name]] if name in ("exempt", "red") else str(row[name])
             for name in COVERED[form, RESULT]]
            for row in sorted(rows, key=lambda row: row["staff_no"])
        ]  # fmt: skip
        document: dict[str, Any] = {
            "form": form, "kind": RESULT, "campaign": head["campaign"], "cutoff": head["cutoff"],
            "rule_version": head["rule_version"], "result_version": head["result_version"],
        }  # fmt: skip
        digest, hashes, count = fingerprints(canonical_head(document), (canonical_line(form, row) for row in cells))
        document |= {"rows": count, "line_hashes": base64.b64encode(hashes).decode(), "digest": digest}
        assert (digest, count) == (head["digest"], head["rows"])
        assert signed_by({**document, "signature": signature}, read_key(self.key.encode()))

    def pay(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["verdict"] == "eligible" and row["staff_no"] not in self.payments:
                self.payments.append(row["staff_no"])
        eligible = {row["staff_no"] for row in rows if row["verdict"] == "eligible"}
        # Paid under an earlier version: people settle it, and no program takes money back.
        self.disputed = set(self.payments) - eligible


@pytest.fixture
def reward_system(rewards: ApiClient) -> RewardSystem:
    return RewardSystem(rewards, FrozenResult.objects.get().public_key)


@pytest.mark.parametrize("seed", range(3))
def test_each_person_is_paid_once_whatever_order_messages_come_in(
    frozen: Campaign, reward_system: RewardSystem, hr: Employee, second: Account, seed: int
) -> None:
    services.add_endpoint(
        url="https://rewards.example.com/", description="", event_types=list(EVENT_KINDS), scheme="hmac", by=TESTER
    )
    reward_system.settle()
    correct(frozen, account_for(hr), second, CorrectionDraft("A002", counted=120))
    reward_system.settle()
    correct(frozen, second, account_for(hr), CorrectionDraft("A001", counted=99))
    while plan_notifications(db_now()).events:
        pass
    messages = list(WebhookDelivery.objects.values_list("message_id", "body"))
    assert {json.loads(body)["type"] for _id, body in messages} >= {"result.corrected"}
    doubled = messages * 2
    random.Random(seed).shuffle(doubled)
    for message in doubled:
        reward_system.receive(*message)
    assert sorted(reward_system.payments) == ["A001", "A002"]
    assert (reward_system.version, reward_system.disputed) == (3, {"A001"})


def test_a_result_that_was_read_is_not_sent_again(frozen: Campaign, rewards: ApiClient) -> None:
    first = rewards.call("GET", ADDRESS)
    assert first["ETag"] == f'"{FrozenResult.objects.get().digest}"'
    again = rewards.call("GET", ADDRESS, **{"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])


def test_a_correction_between_two_pages_does_not_mix_versions(
    frozen: Campaign, rewards: ApiClient, hr: Employee, second: Account
) -> None:
    first = rewards.call("GET", ADDRESS + "?limit=3")
    correct(frozen, account_for(hr), second, CorrectionDraft("A002", counted=120))
    rest = list(pages(rewards, first.json()["next"]))
    assert {page["result_version"] for page in rest} == {1}
    assert {page["newest_version"] for page in rest} == {2}, "a reader must learn that the result was corrected"
    rows = first.json()["results"] + [row for page in rest for row in page["results"]]
    assert {row["staff_no"]: row["counted"] for row in rows}["A002"] == 0
    assert rewards.call("GET", ADDRESS, **{"if-none-match": first["ETag"]}).status_code == 200


def test_all_people_of_the_result_are_in_the_pages_once(frozen: Campaign, rewards: ApiClient) -> None:
    rows = [row["staff_no"] for page in pages(rewards, ADDRESS + "?limit=2") for row in page["results"]]
    assert len(rows) == len(set(rows)) == FrozenResult.objects.get().rows


def test_the_difference_of_two_versions_has_the_corrected_people_with_both_values(
    frozen: Campaign, rewards: ApiClient, hr: Employee, second: Account
) -> None:
    correct(frozen, account_for(hr), second, CorrectionDraft("A002", counted=120))
    [page] = pages(rewards, ADDRESS + "?since=1")
    [row] = page["results"]
    assert (row["staff_no"], row["verdict"], row["counted"]) == ("A002", "eligible", 120)
    assert row["before"] == {"counted": 0, "target": 100, "remaining": 100, "exempt": False, "red": True}
    assert (page["since"], page["result_version"]) == (1, 2)
    assert rewards.call("GET", ADDRESS + "?since=1")["ETag"] != rewards.call("GET", ADDRESS)["ETag"]


@pytest.mark.parametrize("query", ["?since=1", "?result=1&since=1", "?result=1&since=2"])
def test_a_version_is_compared_with_earlier_ones_alone(frozen: Campaign, rewards: ApiClient, query: str) -> None:
    problem = rewards.call("GET", ADDRESS + query).json()
    assert code_of(problem) == "not_found" or fields_of(problem) == {"since": "not_earlier"}


def test_a_red_person_under_review_is_withheld_until_the_answer(
    frozen: Campaign, rewards: ApiClient, alan: Employee, hr: Employee, clock: Clock
) -> None:
    review = reviewing.ask(frozen, alan)
    clock.set(clock.now() + timedelta(seconds=1), ticks=True)
    asked = rewards.call("GET", ADDRESS)
    assert verdicts(rewards)["A002"] == "under_review"
    assert asked["ETag"].startswith(f'"{FrozenResult.objects.get().digest}.reviews-')
    reviewing.answer(review, hr)
    clock.set(clock.now() + timedelta(seconds=1), ticks=True)
    assert verdicts(rewards)["A002"] == "not_eligible"
    assert rewards.call("GET", ADDRESS, **{"if-none-match": asked["ETag"]}).status_code == 200


def test_a_review_that_ends_between_two_pages_changes_none_of_them(
    frozen: Campaign, rewards: ApiClient, alan: Employee, hr: Employee, clock: Clock
) -> None:
    review = reviewing.ask(frozen, alan)
    clock.set(clock.now() + timedelta(seconds=1), ticks=True)
    first = rewards.read(ADDRESS + "?limit=1")
    reviewing.answer(review, hr)
    clock.set(clock.now() + timedelta(seconds=1), ticks=True)
    rest = list(pages(rewards, first["next"]))
    assert {page["reviews_as_of"] for page in rest} == {first["reviews_as_of"]}
    assert {row["verdict"] for page in rest for row in page["results"] if row["staff_no"] == "A002"} == {"under_review"}


@pytest.mark.parametrize("who", ["alice", "bob", "auditor", "operator"])
def test_only_hr_reads_it(frozen: Campaign, who: str, request: pytest.FixtureRequest) -> None:
    client = with_token(request.getfixturevalue(who), Scope.REPORTS)
    assert code_of(client.read(ADDRESS, 404)) == "not_found"


def test_each_version_that_was_read_stands_in_the_trail(
    frozen: Campaign, rewards: ApiClient, hr: Employee, second: Account
) -> None:
    list(pages(rewards, ADDRESS + "?limit=2"))
    correct(frozen, account_for(hr), second, CorrectionDraft("A002", counted=120))
    list(pages(rewards, ADDRESS + "?limit=2"))
    entries = AuditEntry.objects.filter(action="hand_over.read")
    assert sorted(entries.values_list("subject_id", flat=True)) == ["november 1", "november 2"]
    assert {entry.actor_id for entry in entries} == {account_for(hr).pk}


def test_before_the_freeze_there_is_nothing_to_hand_over(campaign: Campaign, hr: Employee) -> None:
    assert code_of(with_token(hr, Scope.REPORTS).read(ADDRESS, 404)) == "no_result"


def test_the_place_of_one_list_is_no_place_in_another(
    frozen: Campaign, rewards: ApiClient, hr: Employee, second: Account
) -> None:
    correct(frozen, account_for(hr), second, CorrectionDraft("A002", counted=120))
    following = rewards.read(ADDRESS + "?result=1&limit=1")["next"]
    problem = rewards.read(following.replace("result=1", "result=2"), 400)
    assert fields_of(problem) == {"after": "unknown_page"}
