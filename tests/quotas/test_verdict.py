"""Red or not, the number everything hangs on."""

import pytest

from apps.employees.models import Employee
from apps.quotas.models import Campaign
from tests.people import mark, record, standing


@pytest.mark.parametrize(("contacts", "red"), [(99, True), (100, False), (101, False)])
def test_ninety_nine_is_red_and_a_hundred_is_not(campaign: Campaign, alice: Employee, contacts: int, red: bool) -> None:
    record(alice, contacts)
    mark()
    verdict = standing(campaign, alice)
    assert (verdict.counted, verdict.red, verdict.remaining) == (contacts, red, max(100 - contacts, 0))
