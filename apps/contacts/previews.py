"""What a file would do, before anything is written: the same reading and the same judgement, and no storing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from apps.contacts import rules
from apps.contacts.batches import batches
from apps.contacts.owners import Owners
from apps.contacts.reading import ContactFile, Entry
from apps.contacts.recording import Held, holdings, judge, left_today, sentences
from apps.contacts.rules import Outcome
from apps.employees.models import Employee
from apps.ledger.services import clock, verify_identity_key
from apps.ledger.tables import UnreadableFile

SHOWN = 20
SHOWN_REJECTS = 20


class TooMany(UnreadableFile):
    """More entries than may be handed in at once."""


@dataclass
class Preview:
    """The count of each outcome for the whole file, and the first entries as they would be stored."""

    counts: Counter = field(default_factory=Counter)
    left_out: int = 0
    shown: list[tuple[Entry, Outcome]] = field(default_factory=list)
    rejects: list[tuple[Entry, Outcome]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def created(self) -> int:
        return self.counts[rules.CREATED]

    @property
    def duplicate(self) -> int:
        return self.counts[rules.DUPLICATE]

    @property
    def rejected(self) -> int:
        return sum(self.counts[code] for code in rules.REJECTED)


def preview(file: ContactFile, *, employee: Employee, most: int) -> Preview:
    """Judge a whole file for one employee as it would fare now. Raises TooMany, UnreadableFile."""
    verify_identity_key()
    found, owners = Preview(), Owners(employee)
    held: Held = {}
    # Contacts that would be made are told from those that are there by numbers that no contact has.
    ids, told = count(-1, -1), sentences()
    left: dict[int, int] = {}
    for batch in batches(file.entries):
        if found.total + len(batch) > most:
            raise TooMany(f"more than {most} contacts at once")
        owned = [(entry, owners.of(entry)) for entry in batch]
        good = [(owner, entry.checked) for entry, owner in owned if isinstance(owner, int)]
        # What this file would bring stays beside what is there already.
        held = holdings(good) | held
        left = left or left_today([(employee.pk, entry.checked) for entry, _owner in owned], clock())
        for entry, owner in owned:
            outcome = owner if isinstance(owner, Outcome) else judge(owner, entry.checked, held, ids, told, left)
            _take(found, entry, outcome)
    return found


def _take(found: Preview, entry: Entry, outcome: Outcome) -> None:
    found.counts[outcome.code] += 1
    found.left_out += bool(entry.checked.left_out) and outcome.code == rules.CREATED
    if len(found.shown) < SHOWN:
        found.shown.append((entry, outcome))
    if outcome.code in rules.REJECTED and len(found.rejects) < SHOWN_REJECTS:
        found.rejects.append((entry, outcome))
