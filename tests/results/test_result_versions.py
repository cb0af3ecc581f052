"""A worker makes the correction of a large result: once, despite crashes and double clicks, with visible progress."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core import enqueue, progress
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.operations import tasks
from apps.results import corrections, result_versions
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.results.freeze import freeze
from apps.results.models import FrozenResult, FrozenStanding, ResultCorrection
from tests.crowd import Gate, at_once, meanwhile
from tests.dashboard.strict import words
from tests.fixtures import Clock
from tests.people import TESTER, record, sign_in, with_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> ResultCorrection:
    """November, frozen with Alice at 2, and a correction of it; every result is large, with chunks of three rows."""
    record(alice, 2)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    monkeypatch.setattr(result_versions, "SYNC_LIMIT_ROWS", 0)
    monkeypatch.setattr(result_versions, "CHUNK_ROWS", 3)
    monkeypatch.setattr(progress, "UPDATE_SECONDS", 0.0)
    return ask(Campaign.objects.get(), hr, counted=100)


@pytest.fixture
def second(company: dict[str, Employee]) -> Account:
    """A second HR member, who decides."""
    return account_for(with_account(company["D001"], "hr"))


def ask(campaign: Campaign, hr: Employee, **wanted: Any) -> ResultCorrection:
    return request_correction(
        campaign=campaign, drafts=[CorrectionDraft("A001", **wanted)], reason="x", evidence="y", by=account_for(hr)
    )


def count_of(version: int) -> int:
    return FrozenStanding.objects.get(version=version, staff_no="A001").counted


def test_it_is_granted_at_once_and_made_by_a_worker(
    asked: ResultCorrection, second: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(corrections, "enqueue_result_version", rung.append)
    assert grant_correction(correction_id=asked.pk, by=second) is None
    assert rung == [asked.pk]
    tasks.make_version(asked.pk)
    assert (count_of(1), count_of(2)) == (2, 100)
    result = FrozenResult.objects.get(version=2)
    assert (result.rows, result.created_by_label) == (9, second.actor.label)
    told = result_versions.latest_progress(asked)
    assert told is not None
    assert (told.total, told.failed, told.finished_at is not None) == (18, False, True)


def test_until_the_version_exists_the_one_before_is_the_result_and_no_other_is_granted(
    asked: ResultCorrection, second: Account, hr: Employee
) -> None:
    other = ask(asked.campaign, hr, exempt=True)
    grant_correction(correction_id=asked.pk, by=second)
    newest = Campaign.objects.get().newest_result
    assert newest is not None
    assert newest.version == 1
    with pytest.raises(Refused, match="still being created"):
        grant_correction(correction_id=other.pk, by=second)
    result_versions.ensure_version(asked.pk)
    with pytest.raises(Refused, match="request the correction again"):
        grant_correction(correction_id=other.pk, by=second)
    again = ask(asked.campaign, hr, exempt=True)
    assert grant_correction(correction_id=again.pk, by=second) is None
    result_versions.ensure_version(again.pk)
    assert [one.version for one in FrozenResult.objects.all()] == [1, 2, 3]


def test_a_double_click_grants_once(asked: ResultCorrection, second: Account) -> None:
    answers = at_once(*(partial(grant_correction, correction_id=asked.pk, by=second) for _ in range(4)))
    assert answers == [None] * 4
    assert AuditEntry.objects.filter(action="correction.granted").count() == 1


def test_five_workers_at_once_make_it_once(asked: ResultCorrection, second: Account) -> None:
    grant_correction(correction_id=asked.pk, by=second)
    made = at_once(*(partial(result_versions.ensure_version, asked.pk) for _ in range(5)))
    assert not [one for one in made if isinstance(one, Exception)], made
    assert (FrozenResult.objects.count(), FrozenStanding.objects.filter(version=2).count()) == (2, 9)
    assert AuditEntry.objects.filter(action="correction.made").count() == 1


def test_mutant_without_the_lock_the_database_still_lets_one_win(
    asked: ResultCorrection, second: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pool that loses locks: the campaign's row lock and the unique key remain."""
    grant_correction(correction_id=asked.pk, by=second)
    monkeypatch.setattr(result_versions, "advisory_lock", everybody)
    made = at_once(*(partial(result_versions.ensure_version, asked.pk) for _ in range(5)))
    assert [one.version for one in made] == [2] * 5, made
    assert FrozenStanding.objects.filter(version=2).count() == 9


def everybody(name: str) -> Any:
    from contextlib import nullcontext

    return nullcontext(True)


def test_a_worker_that_dies_half_way_leaves_nothing_and_the_sweep_retries(
    asked: ResultCorrection, second: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_correction(correction_id=asked.pk, by=second)
    gate, backend = Gate(), list[int]()
    monkeypatch.setattr(result_versions, "store_version", gate.before(result_versions.store_version))

    def make() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend.append(cursor.fetchone()[0])
        with pytest.raises(Exception, match=r"terminat|closed|connection"):
            result_versions.ensure_version(asked.pk)

    with meanwhile(make):
        gate.wait()
        told = result_versions.latest_progress(asked)
        assert told is not None
        assert (told.done, told.total) == (9, 18), "seen from outside of its transaction"
        killed = terminate(backend[0])
        gate.open()
    assert killed
    assert not FrozenStanding.objects.filter(version=2).exists()
    monkeypatch.setattr(enqueue, "enqueue_result_version", result_versions.ensure_version)
    tasks.sweep()
    assert (count_of(1), count_of(2)) == (2, 100)


def terminate(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        return bool(cursor.fetchone()[0])


def test_the_page_shows_how_far_it_is_and_then_the_version(
    asked: ResultCorrection, second: Account, client: Any
) -> None:
    sign_in(client, second.employee)
    granted = client.post(reverse("correction-grant", args=[asked.pk]), {"answer": ""}, follow=True)
    assert "Version 2 is being created" in words(granted)
    assert "Approved. The new version is being created" in words(granted)
    page = reverse("correction", args=[asked.pk])
    assert "It starts in a moment." in words(client.get(page))
    assert "being created" in words(client.get(reverse("result")))
    attempt = progress.begin(f"correction:{asked.pk}", total=20_000)
    progress.advance(attempt, 4_000)
    assert "4,000 of 10,000 people copied · less than a minute left" in words(client.get(page))
    progress.advance(attempt, 16_000)
    assert "6,000 of 10,000 people signed" in words(client.get(page))
    progress.finish(attempt, {}, failed=True)
    result_versions.ensure_version(asked.pk)
    assert "Version 2 is now the result. 9 people in the result" in words(client.get(page))
