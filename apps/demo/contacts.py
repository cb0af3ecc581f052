"""The contacts that the demo's employees recorded: how many, when, of whom, and their later changes. No database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from apps.demo.calendar import DAY, EARLY_DAYS, HOUR, MINUTE, Calendar, Curve, microseconds
from apps.demo.company import Company, Person
from apps.demo.fake_contacts import mix, outsider
from apps.demo.names import OFFICES

TARGET = 100
# (share of the employees, least, most) of the contacts they record where the mean is about 80.
SPREAD = ((0.04, 0, 0), (0.11, 1, 34), (0.54, 38, 96), (0.24, 104, 134), (0.04, 135, 199), (0.03, 200, 290))
# The fates of contacts per thousand; the others simply count.
FATES = {"ended": 20, "early": 15, "colleague": 13, "company": 9}
# The ways of recording contacts, per hundred.
SOURCES = ("page",) * 48 + ("paste",) * 14 + ("csv",) * 18 + ("vcard",) * 8 + ("api",) * 7 + ("feed",) * 5
TOGETHER = {"paste", "csv", "vcard"}
ENDS = ("removed",) * 5 + ("withdrawn",) * 3 + ("rejected",) * 2
# The contacts that do not count for the employee with exactly 99, so that the page can explain why.
SHOWN_UNCOUNTED = ("ended", "ended", "early", "colleague")
# Outsiders whom several employees may know: one contact in 32 is one of them.
KNOWN_TO_MANY = 32
HABITS = (-0.35, 0.15, 0.6, 1.4)


@dataclass(slots=True)
class Draft:
    """One contact as it will be stored; times in microseconds since 1970."""

    recorded_at: int
    stored_at: int
    name: str
    identities: list[tuple[str, str]]
    source: str
    confirmed_at: int | None = None
    ended_at: int | None = None
    end_reason: str | None = None


def plan_counts(company: Company, contacts: int, seed: int) -> list[int]:
    """The number of contacts for each index of `company.people`; on average exactly `contacts`.

    The employee shown at 99 has a fixed number; the others share the rest in the proportions of SPREAD.
    """
    rng = Random(f"counts {seed}")  # noqa: S311 # nosec B311 # invented numbers, no secrets
    groups = rng.choices(SPREAD, [share for share, _, _ in SPREAD], k=len(company.people))
    raw = [rng.randint(least, most) for _, least, most in groups]
    own = TARGET - 1 + len(SHOWN_UNCOUNTED)
    raw[company.at_99] = 0
    # The manager on show has reached the target, like some others in the team.
    raw[company.manager] = 118
    scale = max(contacts * len(raw) - own, 0) / max(sum(raw), 1)
    counts, reached, assigned = [], 0.0, 0
    for share in raw:
        reached += share * scale
        counts.append(round(reached) - assigned)
        assigned = round(reached)
    counts[company.at_99] = own
    return counts


class Recorder:
    """Draws the contacts of each employee of one company; the result depends on (seed, index) alone.

    With a `domain`, some contacts have an address there.
    """

    def __init__(self, company: Company, calendar: Calendar, seed: int, counts: list[int], domain: str) -> None:
        self.company, self.seed, self.counts, self.domain = company, seed, counts, domain
        self.now, self.opened = microseconds(calendar.now), microseconds(calendar.opens_at)
        self.curves = [Curve(calendar, growth) for growth in HABITS]
        self.firsts = [0]
        for count in counts:
            self.firsts.append(self.firsts[-1] + count)
        # Above every contact's own number: the numbers of people known to several employees.
        self.many = max(self.firsts[-1] // 20, 2_000)

    def contacts_of(self, place: int) -> list[Draft]:
        """The contacts of the employee at `place`, in the order of their recording."""
        person, count = self.company.people[place], self.counts[place]
        rng = Random(f"contacts {self.seed} {place}")  # noqa: S311 # nosec B311 # invented people, no secrets
        start, end = self._window(person)
        if end <= start:
            return []
        habit, moments = rng.choice(self.curves), dict[tuple[int, str], int]()
        shift = OFFICES[person.office][2] * HOUR
        used, drafts = set[tuple[str, str]](), list[Draft]()
        for slot, fate in zip(range(count), self._fates(place, count, start, rng), strict=True):
            source = SOURCES[int(rng.random() * 100)]
            if fate == "early":
                at = self.opened - 1 - int(rng.random() * EARLY_DAYS * DAY)
            else:
                at = habit.draw(rng, start, end, shift)
                if source in TOGETHER:
                    # All contacts of one file have the same instant.
                    at = moments.setdefault((at // DAY, source), at)
            name, identities = self._person(place, slot, fate, used)
            used.update(identities)
            drafts.append(self._draft(at, name, identities, source, fate, rng))
        drafts.sort(key=lambda draft: draft.recorded_at)
        return drafts

    def _window(self, person: Person) -> tuple[int, int]:
        """The time from the opening or the hiring until now or the leaving."""
        start = max(self.opened, microseconds(person.hired_at)) if person.hired_at else self.opened
        return start, min(self.now, microseconds(person.left_at)) if person.left_at else self.now

    def _fates(self, place: int, count: int, start: int, rng: Random) -> Iterator[str]:
        """The fate of each contact; an employee who joined after the opening recorded none before."""
        if place == self.company.at_99:
            yield from [*SHOWN_UNCOUNTED, *[""] * (count - len(SHOWN_UNCOUNTED))]
            return
        limits = list(FATES.items())
        for _ in range(count):
            draw = rng.random() * 1000
            for fate, share in limits:
                if draw < share:
                    yield "" if fate == "early" and start > self.opened else fate
                    break
                draw -= share
            else:
                yield ""

    def _person(
        self, place: int, slot: int, fate: str, used: set[tuple[str, str]]
    ) -> tuple[str, list[tuple[str, str]]]:
        """Name and identities of the contact in this slot: a person whom this employee has not recorded yet."""
        if fate == "colleague":
            people = self.company.people
            colleague = people[(place + 1 + mix(self.seed + place + slot) % (len(people) - 1)) % len(people)]
            identities = [("phone", colleague.phone)] if colleague.phone and slot & 1 else [("email", colleague.email)]
            if used.isdisjoint(identities):
                return colleague.name, identities
        number = self.firsts[place] + slot
        if mix(number ^ self.seed) % KNOWN_TO_MANY == 0:
            number = self.firsts[-1] + (mix(place) + slot) % self.many
        name, identities = outsider(self.seed, number)
        while not used.isdisjoint(identities):
            number += self.firsts[-1] + self.many
            name, identities = outsider(self.seed, number)
        if fate == "company" and self.domain:
            identities = [("email", f"visitor.{number}@{self.domain}")]
        return name, identities

    def _draft(
        self, at: int, name: str, identities: list[tuple[str, str]], source: str, fate: str, rng: Random
    ) -> Draft:
        """The contact with its changes between its recording and now."""
        delay = rng.random()
        # The feed brings earlier events; every other way stores at once.
        stored = min(at + int(delay * (6 * HOUR if source == "feed" else 40_000)), self.now)
        draft = Draft(at, stored, name, identities, source)
        if fate == "ended":
            draft.ended_at = at + 1 + int(rng.random() * (self.now - at - 1))
            draft.end_reason = rng.choice(ENDS)
        confirmed = at + MINUTE + int(delay**4 * 5 * DAY)
        if rng.random() < 0.88 and confirmed < (draft.ended_at or self.now):
            draft.confirmed_at = confirmed
        return draft
