"""The generated companies have the stated depth: a flat one would make every team's page look fast."""

import pytest

from tests.bench.seeding import levels


@pytest.mark.parametrize(("people", "depth"), [(2_000, 12), (50_000, 12), (1_000_000, 12), (13, 12), (100, 3)])
def test_every_employee_is_on_one_of_the_levels(people, depth):
    sizes = levels(people, depth)
    assert (len(sizes), sum(sizes), sizes[0]) == (depth + 1, people, 1)
    assert min(sizes) > 0
