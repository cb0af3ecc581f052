"""The freeze: from the last second of a campaign to a result that anybody can check."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.employees.models import Employee
from apps.ledger.models import AuditEntry
from apps.quotas.freeze.closing import NotYet
from apps.quotas.freeze.freezing import freeze
from apps.quotas.models import Campaign, FrozenStanding
from tests.commands import run, say
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.people import TESTER, record

CUTOFF = "2026-12-01T00:00:00+08:00"
AFTER = "2026-12-01T00:05:00+08:00"


def frozen(campaign: Campaign) -> list[tuple[Any, ...]]:
    rows = FrozenStanding.objects.filter(campaign=campaign, version=1).order_by("staff_no")
    return list(rows.values_list("staff_no", "counted", "target", "exempt", "red"))


def test_after_the_cut_off_the_standings_become_what_the_oracle_says(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    record(alice, 100)
    record(alan, 99)
    clock.set(AFTER, ticks=True)
    result = freeze(campaign=campaign, by=TESTER, patient=False)
    assert result
    campaign = Campaign.objects.get()
    assert (campaign.state, result.rows, result.red) == ("frozen", 9, 8)
    assert frozen(campaign) == oracle(campaign)
    assert {row[0]: row[4] for row in frozen(campaign)} | {"A001": False, "A002": True} == {
        row[0]: row[4] for row in frozen(campaign)
    }
    assert AuditEntry.objects.filter(action="campaign.frozen").count() == 1


def test_before_the_cut_off_nothing_is_frozen(campaign: Campaign, clock: Clock) -> None:
    clock.set("2026-11-30T23:59:59.999999+08:00")
    with pytest.raises(NotYet):
        freeze(campaign=campaign, by=TESTER, patient=True)
    assert Campaign.objects.get().state == "open"
    clock.set(CUTOFF)
    assert freeze(campaign=campaign, by=TESTER, patient=False)


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
