"""Several HR users at one moment: a request is decided once, and no user sees an error."""

import time
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from django.db import transaction

from apps.accounts import services as account_services
from apps.accounts.services import account_for, grant_role
from apps.campaigns.adjustments import approve
from apps.campaigns.adjustments.approve import grant_adjustment, recheck, refuse_adjustment, withdraw_adjustment
from apps.campaigns.adjustments.bulk_file import read_adjustments
from apps.campaigns.adjustments.bulk_previews import request_by_file
from apps.campaigns.adjustments.bulk_upload import preview_file
from apps.campaigns.adjustments.requests import request_revocation
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee
from tests import files
from tests.crowd import Gate, at_once, blocked, meanwhile, until
from tests.oracle import oracle, recount, stored
from tests.people import TESTER, adjust, ask, ask_for_late_joiners, load, mark, officer, person, standing

pytestmark = pytest.mark.django_db(transaction=True)


def faults(results: list[Any]) -> list[Exception]:
    return [one for one in results if isinstance(one, Exception) and not isinstance(one, Refused)]


def outcomes(results: list[Any]) -> tuple[int, list[str]]:
    """Return how many acts succeeded, and the messages of the refused ones. Any other exception fails the test."""
    said = [str(result) for result in results if isinstance(result, Refused)]
    wrong = [result for result in results if isinstance(result, Exception) and not isinstance(result, Refused)]
    assert not wrong
    return len(results) - len(said), said


def agree(campaign: Campaign) -> None:
    mark()
    assert stored(campaign) == oracle(campaign)
    assert recount(campaign) == []


def test_of_all_who_decide_at_once_one_does(campaign: Campaign, alice: Employee) -> None:
    asks, others = officer("asks"), [officer(f"officer {n}") for n in range(5)]
    for round_ in range(4):
        asked = ask(campaign=campaign, employee=alice, target=10 + round_)
        acts = [partial(grant_adjustment, request_id=asked.pk, by=one) for one in others[:3]]
        acts += [partial(refuse_adjustment, request_id=asked.pk, note="no", by=one) for one in others[3:]]
        acts.append(partial(withdraw_adjustment, request_id=asked.pk, by=asks))
        done, said = outcomes(at_once(*acts))
        assert (done, len(said)) == (1, 5)
        assert all("already" in one for one in said)
        asked.refresh_from_db()
        granted = Adjustment.objects.get(request=asked).granted_at
        assert (granted is not None) == (asked.decision == "granted")
        agree(campaign)
    steps = AuditEntry.objects.filter(action__in=["adjustment.granted", "adjustment.refused", "adjustment.withdrawn"])
    assert steps.count() == 4


def test_two_clicks_of_one_person_ask_once(campaign: Campaign, alice: Employee) -> None:
    key = AdjustmentRequest._meta.get_field("key").get_default()
    officer("asks")
    results = at_once(*[partial(ask, campaign=campaign, employee=alice, exempt=True, key=key)] * 6)
    assert len({one.pk for one in results}) == 1
    assert Adjustment.objects.count() == AdjustmentRequest.objects.count() == 1


def test_two_who_ask_for_one_person_at_once_ask_once(campaign: Campaign, alice: Employee) -> None:
    officer("asks")
    done, said = outcomes(at_once(*[partial(ask, campaign=campaign, employee=alice, exempt=True)] * 5))
    assert (done, len(said)) == (1, 4)
    assert all("already waiting for a decision" in one for one in said)


def test_an_end_granted_twice_at_once_ends_once(campaign: Campaign, alice: Employee) -> None:
    made = adjust(campaign=campaign, employee=alice, exempt=True)
    ending = request_revocation(request=made.request, employee=None, reason="x", by=officer("asks"))
    acts = [partial(grant_adjustment, request_id=ending.pk, by=officer(f"officer {n}")) for n in range(4)]
    assert outcomes(at_once(*acts))[0] == 1
    agree(campaign)


def file_of(campaign: Campaign, content: str) -> tuple[StoredFile, str]:
    """Return a previewed file of adjustments, and the digest of its list."""
    file = files.adjustments(None, content, campaign=campaign)
    found = preview_file(read_adjustments(BytesIO(content.encode())), campaign.rule, db_now(), acting_employee_id=None)
    return file, found.digest


def test_a_file_that_is_clicked_and_granted_by_many_at_once_counts_once(campaign: Campaign) -> None:
    """Otherwise a list is requested twice, or a second click raises an error although the first succeeded."""
    file, seen = file_of(campaign, "who,target\nA001,80\nA002,exempt\n")
    by = officer("asks")
    click = partial(
        request_by_file, campaign=campaign, stored=file, kind="leave", reason="x", expected_digest=seen, by=by
    )
    results = at_once(*[click] * 5)
    assert len({one.pk for one in results}) == 1
    request = AdjustmentRequest.objects.get()
    digest = recheck(request, campaign.rule, db_now(), None).digest
    acts = [
        partial(grant_adjustment, request_id=request.pk, expected_digest=digest, by=officer(f"officer {n}"))
        for n in range(4)
    ]  # fmt: skip
    done, said = outcomes(at_once(*acts))
    assert (done, len(said)) == (1, 3)
    assert AuditEntry.objects.filter(action="standing.adjusted").count() == 2
    agree(campaign)


def test_two_files_about_one_person_at_once_adjust_that_person_once(campaign: Campaign) -> None:
    """Both requests wait. Once one is granted, its adjustment makes the other leave this employee out."""
    lists = [file_of(campaign, f"who,target\nA001,{target}\nB001,9\n") for target in (70, 80)]
    by = [officer("asks"), officer("asks too")]
    asked = at_once(
        *(partial(
            request_by_file, campaign=campaign, stored=file, kind="leave", reason="x", expected_digest=seen, by=one)
          for (file, seen), one in zip(lists, by, strict=True))
    )  # fmt: skip
    waiting = [one for one in asked if isinstance(one, AdjustmentRequest)]
    assert waiting
    seen = {one.pk: recheck(one, campaign.rule, db_now(), None).digest for one in waiting}
    acts = [
        partial(grant_adjustment, request_id=pk, expected_digest=digest, by=officer(f"of {pk}"))
        for pk, digest in seen.items()
    ]
    assert outcomes(at_once(*acts))[0] == 1
    assert Adjustment.objects.filter(employee=person("A001")).exclude(granted_at=None).count() == 1
    agree(campaign)


def test_mutant_without_the_locks_more_than_one_decides(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the locks the database still refuses the second decision, but with an error instead of a message."""

    def unlocked(request_id: int, by: Any, **_options: Any) -> Any:
        request = AdjustmentRequest.objects.get(pk=request_id)
        held = approve.lock_for_adjustment(request.campaign_id, by)
        time.sleep(0.3)
        return request, held

    monkeypatch.setattr(approve, "_lock_request", unlocked)
    asked = ask(campaign=campaign, employee=alice, exempt=True)
    acts = [partial(grant_adjustment, request_id=asked.pk, by=officer(f"officer {n}")) for n in range(3)]
    results = at_once(*acts)
    assert faults(results)
    assert AuditEntry.objects.filter(action="adjustment.granted").count() == 1


def outcome(act: Any) -> Any:
    """Return the result of an act, or the message of its refusal."""
    try:
        return act()
    except Refused as refused:
        return refused.message


def grant_behind(other: Any, gate: Gate, asked: AdjustmentRequest, by: Any) -> Any:
    """Return the outcome of a grant that begins while `other` has an uncommitted, conflicting change."""
    with meanwhile(other):
        gate.wait()
        with meanwhile(partial(outcome, partial(grant_adjustment, request_id=asked.pk, by=by))) as granting:
            until(lambda: granting.done() or blocked() == 1)
            gate.open()
        return granting.result()


def test_a_role_taken_away_in_between_grants_nothing(
    campaign: Campaign, alice: Employee, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, by, gate = ask(campaign=campaign, employee=alice, exempt=True), account_for(hr).actor, Gate()
    monkeypatch.setattr(account_services, "audit", gate.before(account_services.audit))
    revoke = partial(grant_role, employee=hr, role="hr", by=TESTER, revoke=True)
    said = grant_behind(revoke, gate, asked, by)
    assert said == "Only HR users can adjust standings, and this account does not have that role now."
    agree(campaign)
    assert standing(campaign, alice).red


def test_a_campaign_that_closes_in_between_is_not_adjusted(campaign: Campaign, alice: Employee) -> None:
    asked, by, gate = ask(campaign=campaign, employee=alice, exempt=True), officer("grants"), Gate()

    def close() -> None:
        with transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(state="closing")
            gate.before(lambda: None)()

    said = grant_behind(close, gate, asked, by)
    assert said == "This campaign is being closed or is over. Adjustments are no longer possible."
    assert Adjustment.objects.get().granted_at is None


def test_an_own_adjustment_that_comes_in_between_is_seen_by_the_grant_for_many(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is checked after the employees' rows are locked, so no employee is adjusted twice."""
    header = "staff_no,name,email,started_on\n"
    load(header + "J12,Jo,jo@corp.example.com,2026-11-12\nJ20,Jim,jim@corp.example.com,2026-11-20")
    campaign.refresh_from_db()
    many = ask_for_late_joiners(campaign)
    seen = recheck(many, campaign.rule, db_now(), None).digest
    one, gate = ask(campaign=campaign, employee=person("J12"), exempt=True), Gate()
    real = approve.queue_reevaluation
    monkeypatch.setattr(approve, "queue_reevaluation", gate.after(real))
    with meanwhile(partial(grant_adjustment, request_id=one.pk, by=officer("grants"))):
        gate.wait()
        monkeypatch.setattr(approve, "queue_reevaluation", real)
        second = partial(grant_adjustment, request_id=many.pk, expected_digest=seen, by=officer("third"))
        with meanwhile(partial(outcome, second)) as granting:
            until(lambda: granting.done() or blocked() == 1)
            gate.open()
        assert granting.result() == "The list has changed since you saw it. Check it again."
    agree(campaign)
