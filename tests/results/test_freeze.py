"""The freeze: from the last second of a campaign to a verifiable result."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection

from apps.campaigns.models import Campaign
from apps.contacts.file_receipt import receive_file
from apps.contacts.models import Submission
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.operations import tasks
from apps.reports.standings_report import Standings
from apps.results import freeze as freeze_module
from apps.results import store_result
from apps.results.close_submissions import CutoffNotReached
from apps.results.freeze import freeze, freeze_due_campaigns, wait_for_feed
from apps.reviews.services import request_review
from apps.standings.campaign_lifecycle import cancel_campaign
from apps.standings.report_people import WholeCompany
from config import celery
from tests.commands import run, say
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.people import TESTER, november, record
from tests.results.deadline import verdicts

CUTOFF = "2026-12-01T00:00:00+08:00"
AFTER = "2026-12-01T00:05:00+08:00"


def test_after_the_cut_off_the_standings_become_what_the_oracle_says(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    record(alice, 100)
    record(alan, 99)
    clock.set(AFTER, ticks=True)
    result = freeze(campaign=campaign, by=TESTER, wait=False)
    assert result
    campaign = Campaign.objects.get()
    assert (campaign.state, result.rows, result.red) == ("frozen", 9, 8)
    assert verdicts(campaign) == oracle(campaign)
    red = {row[0]: row[4] for row in verdicts(campaign)}
    assert (red["A001"], red["A002"]) == (False, True)
    assert AuditEntry.objects.filter(action="campaign.frozen").count() == 1


def test_before_the_cut_off_nothing_is_frozen(campaign: Campaign, clock: Clock) -> None:
    clock.set("2026-11-30T23:59:59.999999+08:00")
    with pytest.raises(CutoffNotReached):
        freeze(campaign=campaign, by=TESTER, wait=True)
    assert Campaign.objects.get().state == "open"
    clock.set(CUTOFF)
    assert freeze(campaign=campaign, by=TESTER, wait=False)


def test_a_result_takes_longer_than_a_page_may_wait(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a company of a million, whose tree alone takes half a minute, would get no result."""
    record(alice, 2)
    clock.set(AFTER, ticks=True)
    monkeypatch.setattr(store_result, "STORE_TREE", f"SELECT pg_sleep(1.2); {store_result.STORE_TREE}")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '1s'")
    try:
        assert freeze(campaign=campaign, by=TESTER, wait=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def test_the_export_of_a_frozen_campaign_proves_itself(
    campaign: Campaign, alice: Employee, clock: Clock, tmp_path: Path
) -> None:
    record(alice, 100)
    clock.set(AFTER, ticks=True)
    told = run("freeze_campaign")
    file, key = tmp_path / "final.csv", tmp_path / "key.pem"
    exported = run("export_standings", "--campaign", "november", "--output", file)
    assert exported["digest"] == told["digest"] == json.loads((tmp_path / "final.csv.sig").read_text())["digest"]
    assert run("verify_freeze", file)["verified"]
    key.write_text(run("public_key")["public_key"])
    assert run("verify_freeze", file, "--signature", tmp_path / "final.csv.sig", "--public-key", key)["verified"]
    file.write_bytes(file.read_bytes().replace(b"A001,Alice", b"A009,Alice"))
    with pytest.raises(SystemExit):
        say("verify_freeze", file)


def test_a_feed_is_waited_for_until_the_given_instant(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    cutoff = campaign.rule.cutoff_at
    assert wait_for_feed(campaign=campaign, until=cutoff + timedelta(hours=2), by=TESTER)
    clock.set(cutoff + timedelta(hours=1), ticks=True)
    assert freeze_due_campaigns(TESTER) == []
    assert Campaign.objects.get().state == "closing"
    clock.set(cutoff + timedelta(hours=3), ticks=True)
    assert len(freeze_due_campaigns(TESTER)) == 1
    assert not wait_for_feed(campaign=campaign, until=cutoff + timedelta(hours=9), by=TESTER)


def test_a_feed_that_is_still_being_loaded_is_waited_for_too(campaign: Campaign, clock: Clock) -> None:
    cutoff = campaign.rule.cutoff_at
    wait_for_feed(campaign=campaign, until=cutoff + timedelta(hours=2), by=TESTER)
    clock.set(cutoff + timedelta(hours=1))
    loading = receive_file(employee=None, by=TESTER, source="feed", file_name="", sha256=b"x", layout={})
    clock.set(cutoff + timedelta(hours=2, minutes=1), ticks=True)
    Submission.objects.filter(pk=loading.pk).update(advanced_at=db_now())
    assert freeze_due_campaigns(TESTER) == []
    Submission.objects.filter(pk=loading.pk).update(state="done", done_at=db_now())
    assert len(freeze_due_campaigns(TESTER)) == 1


def test_a_backdated_campaign_is_frozen_by_the_command_alone(campaign: Campaign, clock: Clock) -> None:
    clock.set(campaign.rule.cutoff_at + timedelta(days=1), ticks=True)
    late = november(name="Late")
    freeze_due_campaigns(TESTER)
    assert {one.slug: one.state for one in Campaign.objects.all()} == {"november": "frozen", "late": "open"}
    assert freeze(campaign=late, by=TESTER, wait=False)


def test_a_campaign_is_cancelled_with_a_reason_and_not_after_its_close(campaign: Campaign, clock: Clock) -> None:
    second = november(name="Second")
    for reason in ("", " \n"):
        with pytest.raises(Refused):
            cancel_campaign(campaign=second, reason=reason, by=TESTER)
    assert run("cancel_campaign", "--campaign", "second", "--reason", "Opened by mistake")["state"] == "cancelled"
    entry = AuditEntry.objects.get(action="campaign.cancelled")
    assert (entry.subject_id, entry.detail["reason"]) == ("second", "Opened by mistake")
    with pytest.raises(CutoffNotReached):
        freeze(campaign=second, by=TESTER, wait=True)
    clock.set(AFTER, ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    with pytest.raises(Refused):
        cancel_campaign(campaign=campaign, reason="x", by=TESTER)


def test_one_campaign_that_cannot_be_frozen_does_not_hold_up_another(
    campaign: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = november(name="Second")
    real = freeze_module.store_result

    def fails_for_the_first(now: Campaign, *rest: Any) -> None:
        if now == campaign:
            raise RuntimeError("no")
        real(now, *rest)

    monkeypatch.setattr(freeze_module, "store_result", fails_for_the_first)
    clock.set(AFTER, ticks=True)
    assert [result.campaign for result in freeze_due_campaigns(TESTER)] == [second]


def test_the_command_says_the_same_the_second_time(campaign: Campaign, clock: Clock) -> None:
    with pytest.raises(CommandError, match="cut-off has not passed"):
        run("freeze_campaign")
    assert run("freeze_campaign", "--feed-until", "2026-12-01T01:00:00+08:00")["state"] == "open"
    clock.set("2026-12-01T02:00:00+08:00", ticks=True)
    first = run("freeze_campaign")
    assert run("freeze_campaign", "--campaign", "november") == first
    assert first["refused"] == []
    for wrong in (["--feed-until", "2026-12-02T01:00:00+08:00"],):
        with pytest.raises(CommandError):
            run("freeze_campaign", "--campaign", "november", *wrong)
    with pytest.raises(CommandError, match="no version 2"):
        say("export_standings", "--campaign", "november", "--result", 2)


def test_beat_asks_for_what_is_due(campaign: Campaign, clock: Clock) -> None:
    entry = celery.app.conf.beat_schedule["freeze-due"]
    assert entry["task"] == tasks.freeze_due.name
    tasks.freeze_due()
    assert Campaign.objects.get().state == "open"
    clock.set(CUTOFF, ticks=True)
    tasks.freeze_due()
    assert Campaign.objects.get().state == "frozen"


def test_red_employees_under_review_are_listed_and_marked(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    request_review(campaign=campaign, employee=alice, text="Two of mine are missing", key=uuid.uuid4(), by=TESTER)
    clock.set(AFTER, ticks=True)
    assert run("freeze_campaign")["red_under_review"] == ["A001"]
    rows = Standings(Campaign.objects.get(), WholeCompany(), show_reviews=True).page(limit=20).rows
    assert {row.staff_no for row in rows if row.under_review} == {"A001"}
