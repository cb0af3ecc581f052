"""What one demo is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from apps.demo.calendar import Calendar, calendar
from apps.demo.company import Company, plan_company
from apps.demo.contacts import Recorder, plan_counts

# Contacts written in one transaction, and those of them held in memory at once.
CHUNK, PIECE = 250_000, 10_000


@dataclass(frozen=True)
class Plan:
    """What one demo is made of; equal plans make equal demos. Kept in the demo's mark, for a run that goes on.

    `domain` is that of the employees' addresses; only when the campaign will hold its addresses for internal
    (`domain_is_internal`), some contacts have one too.
    """

    employees: int
    contacts: int
    seed: int
    at: str
    domain: str
    domain_is_internal: bool
    time_zone: str

    def calendar(self) -> Calendar:
        """The demo's days."""
        return calendar(datetime.fromisoformat(self.at))

    def company(self) -> Company:
        """The demo's people."""
        return plan_company(self.employees, self.seed, self.calendar(), domain=self.domain, time_zone=self.time_zone)

    def recorder(self, company: Company) -> Recorder:
        """Who records what."""
        counts = plan_counts(company, self.contacts, self.seed)
        domain = self.domain if self.domain_is_internal else ""
        return Recorder(company, self.calendar(), self.seed, counts, domain)

    def chunks(self) -> Iterator[range]:
        """Runs of places in the company, about CHUNK contacts each."""
        return self._runs(range(self.employees), CHUNK)

    def pieces(self, places: range) -> Iterator[range]:
        """Runs of these places, about PIECE contacts each."""
        return self._runs(places, PIECE)

    def _runs(self, places: range, contacts: int) -> Iterator[range]:
        step = max(1, contacts // max(self.contacts, 1))
        for first in range(places.start, places.stop, step):
            yield range(first, min(first + step, places.stop))
