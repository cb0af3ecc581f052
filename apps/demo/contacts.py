"""The contacts that the demo's employees recorded: how many, when, of whom, and their later changes. No database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple

from apps.core.time_zones import midnight
from apps.demo.calendar import Calendar, Curve
from apps.demo.company import Company
from apps.demo.names import draw_outsider

TARGET = 100
# (share of the employees, least, most) of the contacts they record where the mean is about 80.
SPREAD = ((0.04, 0, 0), (0.11, 1, 34), (0.54, 38, 96), (0.24, 104, 134), (0.04, 135, 199), (0.03, 200, 290))
# The manager on show has reached the target, like some others in the team.
COUNT_OF_MANAGER = 118
# What becomes of contacts, per thousand; the others simply count. Early ones were recorded before the opening.
FATES = ["ended"] * 20 + ["early"] * 15 + ["colleague"] * 13 + ["company"] * 9 + [""] * 943
# The contacts that do not count for the employee with exactly 99, so that the page can explain why.
SHOWN_UNCOUNTED = ["ended", "ended", "early", "colleague"]
EARLY_DAYS = 21
SOURCES = ["page"] * 48 + ["paste"] * 14 + ["csv"] * 18 + ["vcard"] * 8 + ["api"] * 7 + ["feed"] * 5
END_REASONS = ["removed"] * 5 + ["withdrawn"] * 3 + ["rejected"] * 2
# The growths of the employees' curves.
HABITS = (-0.35, 0.15, 0.6, 1.4)
# One contact in so many is a person from a small pool, whom several employees know.
KNOWN_TO_MANY, POOL = 32, 2_000


class Draft(NamedTuple):
    """One contact as it will be stored: its identities as (kind, value), and columns of its table."""

    identities: list[tuple[str, str]]
    name: str
    recorded_at: datetime
    stored_at: datetime
    source: str
    confirmed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


def draw_counts(company: Company, mean: int, rng: Random) -> list[int]:
    """The number of contacts for each index of `company.people`; on average exactly `mean`.

    The employee shown at 99 has a fixed number; the others share the rest in the proportions of SPREAD.
    """
    groups = rng.choices(SPREAD, [share for share, _, _ in SPREAD], k=len(company.people))
    weights = [rng.randint(least, most) for _, least, most in groups]
    # Weights, not counts: with --contacts they become larger or smaller in proportion.
    weights[company.at_99], weights[company.manager] = 0, COUNT_OF_MANAGER
    own = TARGET - 1 + len(SHOWN_UNCOUNTED)
    scale = max(mean * len(weights) - own, 0) / sum(weights)
    # Rounded sums, because rounded numbers would not add up.
    counts = [after - before for before, after in pairwise(round(s * scale) for s in accumulate(weights, initial=0))]
    counts[company.at_99] = own
    return counts


class Recorder:
    """Draws the contacts of each employee of one company, in the order of `company.people`.

    With a `domain`, some contacts have an address there.
    """

    def __init__(self, company: Company, calendar: Calendar, seed: int, mean: int, domain: str) -> None:
        self.company, self.now, self.opens_at, self.domain = company, calendar.now, calendar.opens_at, domain
        self.rng = Random(f"contacts {seed}")  # noqa: S311 # nosec B311 # invented people, no secrets
        self.curves = [Curve(calendar, growth) for growth in HABITS]
        self.counts = draw_counts(company, mean, self.rng)
        self.pool = [draw_outsider(self.rng) for _ in range(POOL)]

    def contacts(self) -> Iterator[tuple[int, Draft]]:
        """(index of the employee, contact) of all contacts, those of an employee in the order of their recording."""
        for index, count in enumerate(self.counts):
            for draft in sorted(self._contacts_of(index, count), key=lambda draft: draft.recorded_at):
                yield index, draft

    def _contacts_of(self, index: int, count: int) -> Iterator[Draft]:
        person, rng, used = self.company.people[index], self.rng, set[tuple[str, str]]()
        start = max(self.opens_at, midnight(person.hired_on))
        end = midnight(person.left_on, days=1) if person.left_on else self.now
        fates = SHOWN_UNCOUNTED if index == self.company.at_99 else rng.choices(FATES, k=count)
        curve = rng.choice(self.curves)
        for fate in [*fates, *[""] * (count - len(fates))]:
            # An employee who joined after the opening recorded nothing before it.
            if fate == "early" and start == self.opens_at:
                at = start - timedelta(seconds=1 + rng.random() * EARLY_DAYS * 86_400)
            else:
                at = curve.draw(rng, start, end)
            name, identities = self._draw_person(index, fate)
            while not used.isdisjoint(identities):
                name, identities = draw_outsider(rng)
            used.update(identities)
            yield self._draft(name, identities, at, fate)

    def _draw_person(self, index: int, fate: str) -> tuple[str, list[tuple[str, str]]]:
        rng, people = self.rng, self.company.people
        if fate == "colleague":
            # Any employee but this one.
            colleague = people[index - rng.randint(1, len(people) - 1)]
            return colleague.name, [("email", colleague.email)]
        name, identities = rng.choice(self.pool) if rng.random() * KNOWN_TO_MANY < 1 else draw_outsider(rng)
        if fate == "company" and self.domain:
            identities = [("email", f"visitor.{rng.randrange(10**9)}@{self.domain}")]
        return name, identities

    def _draft(self, name: str, identities: list[tuple[str, str]], at: datetime, fate: str) -> Draft:
        """The contact with its changes between its recording and now."""
        rng, source, ended_at = self.rng, self.rng.choice(SOURCES), None
        # The feed brings earlier events; every other way stores at once.
        stored_at = min(at + timedelta(seconds=rng.random() * (20_000 if source == "feed" else 0.04)), self.now)
        if fate == "ended":
            ended_at = at + (self.now - at) * rng.random()
        # Most are confirmed within a day, and a few take five.
        confirmed_at = at + timedelta(minutes=1, days=5 * rng.random() ** 4)
        confirmed = rng.random() < 0.88 and confirmed_at < (ended_at or self.now)
        reason = rng.choice(END_REASONS) if ended_at else None
        return Draft(identities, name, at, stored_at, source, confirmed_at if confirmed else None, ended_at, reason)
