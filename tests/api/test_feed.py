"""`feed/`: contacts reported by the messaging product. Any other sender could back-date what counts."""

from typing import Any

import pytest

from apps.accounts.api_tokens import create_token
from apps.accounts.models import Scope
from apps.accounts.services import account_for, grant_role
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.closed_periods import block_backdated_writes
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.privacy.erasure_subject import ErasureTarget, identities_of
from apps.results.close_submissions import begin_closing
from tests import people
from tests.api.conftest import ApiClient, code_of, with_token
from tests.erasing import erase
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
HEADER = "staff_no,name,handle,recorded_at,confirmed_at,ended_at\r\n"
GRACE = "A001,Grace,grace.h,2026-11-03T09:15:00+08:00,2026-11-04T10:00:00+08:00,\r\n"


@pytest.fixture
def feed(operator: Employee, campaign: Campaign, alice: Employee) -> ApiClient:
    return with_token(operator, Scope.FEED)


def send(client: ApiClient, text: str | bytes, kind: str = "text/csv") -> Any:
    body = text.encode() if isinstance(text, str) else text
    return client.generic("POST", "/api/v1/feed/", body, content_type=kind)


def test_its_times_are_trusted_and_a_repeat_changes_nothing(
    feed: ApiClient, alice: Employee, campaign: Campaign
) -> None:
    told = send(feed, HEADER + GRACE)
    assert told.status_code == 200
    assert told.json() == {"read": 1, "accepted": 1, "rejected": 0, "rejects": []}
    contact = Contact.objects.of(alice).get()
    assert (contact.recorded_at.isoformat(), contact.source) == ("2026-11-03T01:15:00+00:00", "feed")
    people.mark()
    assert people.standing(campaign, alice).counted == 1
    assert send(feed, HEADER + GRACE).json() == told.json()
    assert Contact.objects.count() == 1
    ended = GRACE.replace(",\r\n", ",2026-11-05T10:00:00+08:00\r\n")
    assert send(feed, HEADER + ended).json() == told.json()
    contact.refresh_from_db()
    assert contact.ended_at is not None


def test_the_trail_says_who_sent_a_feed_and_no_sum(feed: ApiClient, operator: Employee) -> None:
    """Otherwise one operator gives and takes contacts without a trace."""
    assert send(feed, HEADER + GRACE).status_code == 200
    entry = AuditEntry.objects.get(action="feed.received")
    assert entry.actor_label == account_for(operator).actor.label
    assert set(entry.detail) == {"sha256"}


def test_the_answer_never_depends_on_what_is_stored(
    feed: ApiClient, alice: Employee, alan: Employee, campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    """A row's result would tell the token's holder whose contact a person is, who ended, and who objected."""
    people.record_one(alice, ("handle", "@ended"))
    end_contact(contact_id=Contact.objects.get().pk, employee=alice, by=people.TESTER)
    people.record_one(alice, ("handle", "@known"))
    erase(ErasureTarget(identities_of([("handle", "@gone")])), reason="asked by letter", by=people.TESTER)
    rows = [f"A001,X,{who},2026-11-0{n}T09:15:00Z,," for n in (3, 4) for who in ("known", "new", "ended", "gone")]
    rows += ["A001,X,b@d,2026-11-03T09:15:00Z,,", "A001,X,h,yesterday,,", "X999,X,hh,2026-11-03T09:15:00Z,,"]
    alone = [send(feed, HEADER + row).json() for row in rows]
    assert alone[:8] == [{"read": 1, "accepted": 1, "rejected": 0, "rejects": []}] * 8
    assert [one["rejects"][0]["code"] for one in alone[8:]] == ["invalid_identity", "bad_time", "unknown_employee"]
    told = send(feed, HEADER + "\r\n".join(rows)).json()
    assert (told["read"], told["accepted"], told["rejected"], len(told["rejects"])) == (11, 8, 3, 3)
    clock.set("2026-12-01T00:00:01+08:00")
    begin_closing(campaign, people.TESTER)
    earlier = send(feed, HEADER + "A001,X,known,2026-11-02T09:15:00Z,,").json()
    assert earlier == {"read": 1, "accepted": 1, "rejected": 0, "rejects": []}


def test_the_first_hundred_rejects_are_listed_whatever_stored_facts_refuse(
    feed: ApiClient, alice: Employee, campaign: Campaign
) -> None:
    """Fewer than a hundred would reveal that stored data refused an earlier row."""
    erase(ErasureTarget(identities_of([("handle", "@gone")])), reason="asked by letter", by=people.TESTER)
    rows = ["A001,X,gone,2026-11-03T09:15:00Z,,", "A001,X,b@d,2026-11-03T09:15:00Z,,"] * 101
    told = send(feed, HEADER + "\r\n".join(rows)).json()
    assert (told["accepted"], told["rejected"], len(told["rejects"])) == (101, 101, 100)
    assert {one["code"] for one in told["rejects"]} == {"invalid_identity"}


def test_a_bad_row_is_named_and_takes_none_along(feed: ApiClient, alice: Employee) -> None:
    told = send(feed, HEADER + "X999,Nobody,n,,,\r\nA001,Bad,b,yesterday,,\r\n" + GRACE).json()
    assert (told["accepted"], told["rejected"]) == (1, 2)
    assert [one["line"] for one in told["rejects"]] == [2, 3]


@pytest.mark.parametrize("text", ["", "staff_no,name\r\nA001,Grace\r\n", "name,handle\r\nGrace,g\r\n", "\x00\x01\x02"])
def test_a_body_that_is_no_feed_is_refused_with_the_reason(feed: ApiClient, text: str, alice: Employee) -> None:
    refused = send(feed, text)
    assert refused.status_code == 422
    assert not Contact.objects.of(alice).exists()


def test_json_and_too_much_are_refused(feed: ApiClient) -> None:
    assert send(feed, "{}", "application/json").status_code == 415
    assert send(feed, b"x" * 2_000_001).status_code == 413


def test_without_the_role_it_is_not_there(
    feed: ApiClient, operator: Employee, alice: Employee, hr: Employee, campaign: Campaign
) -> None:
    """A token ends with the role, and no new one can be created without it."""
    grant_role(employee=operator, role="operator", by=people.TESTER, revoke=True)
    assert send(feed, HEADER + GRACE).status_code == 401
    for person in (operator, alice, hr):
        with pytest.raises(Refused):
            create_token(account=account_for(person), name="x", scopes=["feed:write"], by=people.TESTER)
    assert not Contact.objects.of(alice).exists()


def test_another_scope_of_the_operator_does_not_send(operator: Employee, campaign: Campaign) -> None:
    refused = send(with_token(operator, Scope.OWN, Scope.REPORTS), HEADER + GRACE)
    assert refused.status_code == 403
    assert code_of(refused.json()) == "insufficient_scope"


def test_while_a_result_is_made_it_waits(feed: ApiClient, alice: Employee) -> None:
    block_backdated_writes("test", blocked=True)
    assert send(feed, HEADER + GRACE).status_code == 409
    assert not Contact.objects.of(alice).exists()
    block_backdated_writes("test", blocked=False)
    assert send(feed, HEADER + GRACE).json()["accepted"] == 1
    assert Contact.objects.of(alice).count() == 1


def test_a_feed_of_line_ends_is_refused_unread(feed: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed is read while its client waits; other requests must not wait too."""
    monkeypatch.setattr("apps.api.views.feed.import_contacts", lambda **given: pytest.fail("it was read"))
    for ends in ("\n", "\r", "\r\n"):
        told = send(feed, HEADER + ends * 100_001)
        assert (told.status_code, code_of(told.json())) == (422, "unreadable_file")
        assert "line 100,001: more than 100,000 lines" in told.json()["detail"]
