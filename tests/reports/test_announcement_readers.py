"""HR sees how many have read an announcement, and no number shows whether one person has."""

import random

import pytest

from apps.campaigns.announcements import mark_read
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.reports import company_progress as reports_progress
from apps.reports.announcement_readers import Readers, at_least, figures_of, reader_figures
from apps.reports.company_progress import company_progress
from apps.reports.small_groups import MIN_GROUP_SIZE
from apps.standings import build_summaries
from apps.standings.effective_dates import process_effective_dates
from tests import announcing, people
from tests.fixtures import Clock


@pytest.mark.parametrize(
    ("read", "people_", "shown"), [(0, 5, 0), (4, 5, 0), (5, 5, 0), (5, 6, 5), (9, 10, 5), (10, 10, 5), (49, 50, 45)]
)
def test_neither_all_nor_none_nor_one_more_is_told(read: int, people_: int, shown: int) -> None:
    assert at_least(read, people_) == shown


@pytest.mark.parametrize("seed", range(20))
def test_each_number_fits_at_least_five_states(seed: int) -> None:
    """Whatever the numbers are, nobody is known to have read it or not to have read it, also by subtraction."""
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(200):
        sizes = {f"g{n}": dice.choice([1, 2, 4, 5, 6, 9, 40]) for n in range(dice.randint(1, 7))}
        read = {name: dice.choice([0, size, dice.randint(0, size)]) for name, size in sizes.items()}
        figures = figures_of({name: (size, read[name]) for name, size in sizes.items()})
        if figures is None:
            assert sum(sizes.values()) < MIN_GROUP_SIZE
            continue
        rows = [figures.total, *figures.groups]
        assert all(row.people >= MIN_GROUP_SIZE for row in rows)
        assert all(row.at_least % MIN_GROUP_SIZE == 0 and row.at_least < row.people for row in rows)
        assert sum(row.people for row in figures.groups) == figures.total.people
        for group in figures.groups:
            others = [row for row in figures.groups if row is not group]
            # The total minus all of the others may be fewer than the group, and minus the fewest of them at least four.
            assert figures.total.at_least - sum(row.people for row in others) < group.people
            assert figures.total.at_least - sum(row.at_least for row in others) >= 0


@pytest.mark.django_db
def test_the_figures_are_of_todays_employees_in_the_campaign(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    head, lines = people.ROSTER.splitlines()[0], []
    lines += [f"X{n:03},Name {n},x{n}@corp.example.com,,Sales,B001" for n in range(9)]
    lines += [f"Y{n:03},Name {n},y{n}@corp.example.com,,Support,C001" for n in range(9)]
    people.load("\n".join([head, *lines]))
    campaign = people.november(scope=["Sales", "Support", "Board"])
    announcement = announcing.published(campaign)
    for staff_no in [f"X{n:03}" for n in range(7)] + ["Y000", "H001"]:
        mark_read(announcement=announcement, employee=people.person(staff_no))
    people.load("staff_no,name,email,left_on\nX000,Name 0,x0@corp.example.com,2026-11-23")
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    process_effective_dates()
    figures = reader_figures(announcement, campaign.rule)
    assert figures is not None
    # Sales and Support have eleven each; the board has one, and another department joins it.
    assert figures.total == Readers(None, 23, 5)
    assert [(group.department, group.people) for group in figures.groups] == [("Support", 11), (None, 12)]


@pytest.mark.django_db
def test_the_companys_total_is_that_of_the_stored_sums_in_a_large_company(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every employee's first page shows it: there it never reads all standings."""
    people.record(alice, 7)
    people.record(alan, 3)
    people.adjust(campaign=campaign, employee=alan, exempt=True)
    people.mark()
    small = company_progress(campaign, clock.now())
    for module in (build_summaries, reports_progress):
        monkeypatch.setattr(module, "MIN_SUMMARY_PEOPLE", 1)
    assert company_progress(campaign, clock.now()) is None, "no worker has made the sums"
    build_summaries.update_summaries()
    large = company_progress(campaign, clock.now())
    for progress in (small, large):
        assert progress is not None
        assert (progress.counted, progress.target) == (10, 800)


@pytest.mark.django_db
def test_a_handful_of_people_has_no_total(company: dict[str, Employee], clock: Clock) -> None:
    campaign = people.november(scope=["Support"])
    people.mark()
    assert company_progress(campaign, clock.now()) is None
