"""Other programs read files by docs/exports.md: no column moves, disappears or appears unnoticed."""

import pytest

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.exports.kinds import KINDS, columns_of
from apps.exports.models import Export
from apps.results.freeze import freeze
from tests.fixtures import Clock
from tests.people import TESTER
from tests.published import published

WORDS = {"text", "number", "day", "instant"}


def test_every_file_is_published() -> None:
    assert set(published()) == set(KINDS)
    assert {kind for columns in published().values() for kind in columns.values()} == WORDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_has_the_columns_that_are_published(
    kind: str, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    frozen = Campaign.objects.get(pk=campaign.pk)
    example = Export(kind=kind, campaign=frozen, as_of=db_now(), result_version=1)
    assert list(columns_of(example).items()) == list(published()[kind].items())
