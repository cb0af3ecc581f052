"""Companies of eight kinds that record contacts in bursts, as trials of the forecast. Equal seeds: equal companies."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp, sqrt

from apps.forecasts.model.backtest import Look, Trial
from apps.forecasts.model.history import History

RUSH, NO_RUSH, FILES, NETWORKS = "rush", "no rush", "files", "networks that end"
OUTAGE, LATE_START, MOVED, CHANGED = "outage", "late start", "moved deadline", "changed target"
KINDS = (RUSH, NO_RUSH, FILES, NETWORKS, OUTAGE, LATE_START, MOVED, CHANGED)
TEAM = 25


@dataclass(frozen=True)
class Company:
    """`level`: the mean final count without anything special. MOVED moves its deadline by 20 days."""

    kind: str
    seed: int
    level: float = 60
    target: int = 70
    people: int = 400
    days: int = 90

    @property
    def length(self) -> int:
        return self.days + 20 * (self.kind == MOVED)

    @property
    def final_target(self) -> int:
        return self.target * 3 // 4 if self.kind == CHANGED else self.target

    def plan(self, gone: int) -> tuple[int, int]:
        """The length and the target as known after some days."""
        length = self.days if gone < self.days * 0.6 else self.length
        return length, self.target if gone < self.days * 0.45 else self.final_target

    def recorded(self) -> dict[str, dict[int, int]]:
        chance = random.Random(f"{self.kind} {self.seed}")
        # Teams differ in what their members share.
        habits = [exp(chance.gauss(0, 0.15)) for _team in range(self.people // TEAM + 1)]
        return {f"p{i:05d}": _Person(self, chance, habits[i // TEAM]).days() for i in range(self.people)}

    def trial(self, former: Company | None = None) -> Trial:
        recorded = self.recorded()

        def look(share: float) -> Look:
            gone = int(self.length * share)
            length, target = self.plan(gone)
            return Look(History(length, recorded, dict.fromkeys(recorded, target)), gone)

        reached = {person: sum(days.values()) >= self.final_target for person, days in recorded.items()}
        teams = {person: i // TEAM for i, person in enumerate(recorded)}
        return Trial(self.kind, look, reached, teams, former.history() if former else None)

    def history(self) -> History:
        recorded = self.recorded()
        return History(self.length, recorded, dict.fromkeys(recorded, self.final_target))


class _Person:
    def __init__(self, company: Company, chance: random.Random, habit: float):
        self.company, self.chance = company, chance
        self.rate = company.level / company.days * habit * chance.gammavariate(1 / 0.9, 0.9)
        self.takes_part = chance.random() < 0.92
        self.begins = int(company.days * (0.12 + chance.random() ** 2 * 0.3)) if company.kind == LATE_START else 0
        self.network = company.level * 0.4 + chance.gammavariate(1.5, company.level * 0.6)
        has_file = company.kind == FILES and chance.random() < 0.5
        self.file_day = chance.randrange(company.length) if has_file else None
        self.counted, self.mood = 0, 1.0

    def days(self) -> dict[int, int]:
        days = {}
        for day in range(self.company.length if self.takes_part else 0):
            # Phases of more and less activity, some weeks long.
            if self.chance.random() < 0.05:
                self.mood = self.chance.gammavariate(1, 1)
            count = poisson(self.chance, self._rate(day))
            if day == self.file_day:
                count += self.chance.randrange(10, 60)
            if count:
                days[day] = count
                self.counted += count
        return days

    def _rate(self, day: int) -> float:
        kind, company = self.company.kind, self.company
        outage = kind == OUTAGE and 0.4 * company.days <= day < 0.4 * company.days + 8
        if day < self.begins or outage:
            return 0
        rate = self.rate * self.mood * (0.3 if day % 7 >= 5 else 1)
        if kind == NETWORKS:
            rate *= max(1 - self.counted / self.network, 0) * 1.8
        if kind in (RUSH, MOVED, CHANGED):
            share = day / company.length
            rate *= 0.6 + 2.4 * max(share * 4 - 3, 0) ** 2
            # Those who are near push hardest.
            if share > 0.85 and 0.6 <= self.counted / company.final_target < 1:
                rate *= 1.8
        return rate


def poisson(chance: random.Random, mean: float) -> int:
    if mean > 50:
        return max(round(chance.gauss(mean, sqrt(mean))), 0)
    limit, product, count = exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
