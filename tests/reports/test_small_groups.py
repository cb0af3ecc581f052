"""Small groups are for their manager alone: sums for an auditor show none, and none can be derived."""

import random
from itertools import combinations

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.reports import group_totals
from apps.reports.group_totals import OTHERS
from apps.reports.small_groups import MIN_GROUP_SIZE, suppressed_groups
from apps.reports.standings_report import Standings
from apps.standings.report_people import WholeCompany
from tests.people import load, mark, november, person, record


@pytest.mark.parametrize(
    ("sizes", "folded"),
    [
        ({}, ""),
        ({"a": 5}, ""),
        ({"a": 5, "b": 9}, ""),
        ({"a": 4, "b": 9, "c": 8}, "ac"),
        ({"a": 1, "b": 2, "c": 30, "d": 6}, "abd"),
        ({"a": 2, "b": 3, "c": 30}, "ab"),
        ({"a": 4, "b": 4, "c": 5}, "ab"),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, "abcd"),
        ({"a": 4, "b": 5, "c": 5}, "ab"),
        ({"a": 4}, "a"),
        ({"a": 0, "b": 0, "c": 7, "d": 8}, "abc"),
    ],
)
def test_which_groups_are_folded(sizes: dict[str, int], folded: str) -> None:
    assert "".join(sorted(suppressed_groups(sizes))) == folded


@pytest.mark.parametrize("seed", range(20))
def test_no_small_group_is_shown_nor_found_by_subtraction(seed: int) -> None:
    """The reader can add shown groups and subtract them from the total."""
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(300):
        sizes = {f"g{n}": dice.choice([1, 2, 3, 4, 5, 6, 9, 40]) for n in range(dice.randint(1, 7))}
        total, others = sum(sizes.values()), suppressed_groups(sizes)
        shown = {key: size for key, size in sizes.items() if key not in others}
        assert all(size >= MIN_GROUP_SIZE for size in shown.values()), sizes
        if total < MIN_GROUP_SIZE:
            assert not shown, "of such a company no total is shown either"
            continue
        rest = sum(sizes[key] for key in others)
        assert sum(shown.values()) + rest == total
        if others:
            assert rest >= MIN_GROUP_SIZE, sizes
            assert len(others) > 1, "the others' numbers would be those of one group"
        # Subtracting shown groups, with or without the others, from the total never gives a suppressed group.
        names = list(shown)
        for some in (set(part) for n in range(len(names) + 1) for part in combinations(names, n)):
            for left in (set(sizes) - some, set(sizes) - some - others):
                assert len(left & others) != 1, sizes


def test_nothing_is_folded_without_need() -> None:
    for sizes in ({"a": 5, "b": 5}, {"a": 7}, {"a": 100, "b": 6, "c": 5}):
        assert not suppressed_groups(sizes)


LINES = [
    f"{department[0]}{n:03d},{department} {n},{department[0]}{n}@corp.example.com,{department}"
    for department, people in (("Big", 7), ("Even", 6), ("Few", 3), ("Lone", 1), ("Mid", 5))
    for n in range(people)
]


@pytest.fixture
def departments(noon: object) -> Campaign:
    """Departments of 7, 6, 5, 3 people and one; the few have contacts."""
    load("staff_no,name,email,department\n" + "\n".join(LINES))
    opened = november(target=2)
    for staff_no, count in (("F000", 2), ("F001", 1), ("L000", 3), ("M000", 2), ("B000", 1)):
        record(person(staff_no), count)
    mark()
    return opened


def test_small_departments_become_one_group_with_equal_sums(departments: Campaign) -> None:
    """Three people and one: with four in total, the next smallest department, of five, joins them."""
    standings = Standings(departments, WholeCompany())
    found = {group.key: group for group in group_totals.folded_departments(standings)}
    assert list(found) == ["Big", "Even", OTHERS]
    others = found[OTHERS]
    assert (others.people, others.red, others.at_target, others.counted, others.median) == (9, 6, 3, 8, 0)
    for name in ("people", "red", "at_target", "counted"):
        assert sum(getattr(group, name) for group in found.values()) == getattr(standings.totals(), name)


def test_large_departments_are_shown_as_they_are(departments: Campaign) -> None:
    load("staff_no,name,email,department\n" + "\n".join(line for line in LINES if line[0] not in "FL"), complete=True)
    mark()
    standings = Standings(departments, WholeCompany())
    assert group_totals.folded_departments(standings) == group_totals.departments(standings)


def test_a_company_of_four_has_no_group_to_show(noon: object) -> None:
    load("staff_no,name,email,department\n" + "\n".join(line for line in LINES if line[0] in "FL"))
    campaign = november()
    mark()
    assert len(group_totals.departments(Standings(campaign, WholeCompany()))) == 2
    assert group_totals.folded_departments(Standings(campaign, WholeCompany())) == []
    assert Employee.objects.count() == 4
