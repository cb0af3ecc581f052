"""D3: the facts alone reproduce the result byte for byte, on another database and in another process."""

from datetime import timedelta
from pathlib import Path

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.privacy.erase_person import erase_person
from apps.privacy.erasure_subject import identities_of
from apps.results.freeze import freeze
from apps.standings.recount import compare_all
from tests import canary, commands, plugin
from tests.fixtures import Clock
from tests.people import TESTER, adjust, ask, mark, record, record_one
from tests.standings.rebuilding import exported, rebuilt

pytestmark = pytest.mark.django_db(transaction=True)


def test_rebuilt_from_the_facts_on_an_empty_database_the_result_has_the_same_bytes(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, tmp_path: Path
) -> None:
    record(alice, 100)
    record(alan, 57)
    adjust(campaign=campaign, employee=alan, target=57)
    ask(campaign=campaign, employee=alice, target=1)
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=True)
    record(alan, 50)
    first = exported(tmp_path / "first", plugin.DATABASE)
    with rebuilt() as database:
        assert exported(tmp_path / "again", database, "freeze_campaign --campaign november") == first
    assert first[0].decode("utf-8-sig").count("\n") == 10


def test_the_facts_give_the_same_bytes_after_somebody_was_erased(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, tmp_path: Path
) -> None:
    """An employee who has 100 with that contact keeps 100, in a recount, in the proof and on another database."""
    record(alice, 99)
    for one in (alice, alan):
        record_one(one, ("phone", canary.PHONE), name=canary.NAME)
    mark()
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=True)
    first = exported(tmp_path / "first", plugin.DATABASE)
    done = erase_person(identities_of([("phone", canary.SPELLED)]), reason="by letter", by=TESTER)
    assert done.preview.contacts == 2
    assert canary.shown_by_tables() == {}
    campaign.refresh_from_db()
    assert compare_all(campaign).differences == []
    assert exported(tmp_path / "after", plugin.DATABASE) == first
    assert commands.run("verify_freeze", tmp_path / "after" / "final.csv")["verified"]
    with rebuilt() as database:
        assert exported(tmp_path / "again", database, "freeze_campaign --campaign november") == first
