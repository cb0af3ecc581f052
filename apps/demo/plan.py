"""The parameters of one demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from apps.demo.calendar import Calendar, calendar
from apps.demo.company import Company, plan_company
from apps.demo.contacts import Recorder, plan_counts

# Contacts written in one transaction, and those of them in memory at once.
CHUNK, BATCH = 250_000, 10_000


@dataclass(frozen=True)
class Plan:
    """The parameters of one demo; equal plans make equal demos. Stored in the demo's mark, for a resumed run.

    `domain` is that of the employees' addresses. Some contacts have one too, but only if the campaign treats its
    addresses as internal (`domain_is_internal`).
    """

    employees: int
    contacts: int
    seed: int
    at: str
    domain: str
    domain_is_internal: bool
    time_zone: str

    def calendar(self) -> Calendar:
        return calendar(datetime.fromisoformat(self.at))

    def company(self) -> Company:
        return plan_company(self.employees, self.seed, self.calendar(), domain=self.domain, time_zone=self.time_zone)

    def recorder(self, company: Company) -> Recorder:
        counts = plan_counts(company, self.contacts, self.seed)
        domain = self.domain if self.domain_is_internal else ""
        return Recorder(company, self.calendar(), self.seed, counts, domain)

    def chunks(self) -> Iterator[range]:
        """Ranges of indexes in the company, about CHUNK contacts each."""
        return self._runs(range(self.employees), CHUNK)

    def batches(self, places: range) -> Iterator[range]:
        """Ranges of these indexes, about BATCH contacts each."""
        return self._runs(places, BATCH)

    def _runs(self, places: range, contacts: int) -> Iterator[range]:
        step = max(1, contacts // max(self.contacts, 1))
        for first in range(places.start, places.stop, step):
            yield range(first, min(first + step, places.stop))
