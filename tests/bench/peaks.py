"""B15: the memory of a job for a large input compared with a small one. Constant memory works on any machine.

B5 measures imports of tables and B6 exports. A peak is that of the working process, not of the database's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.bench import rosters, seeding
from tests.bench.database import OWN_CAMPAIGN
from tests.bench.figures import Figure, Goal, compared
from tests.bench.files import card_file
from tests.bench.running import Bench, expect, say

# Megabytes that a large input may need more, for a cache or a batch of usual size.
GROWTH = 50
CONTACTS_EACH = 5
Peaks = dict[str, float]
WHAT = {
    "cards": "an address book of vCards", "roster": "a first roster", "look": "a look at a roster",
    "mark": "judging everybody", "recount": "comparing everybody", "backup": "a backup", "freeze": "freezing a result",
    "write": "writing it to a file", "verify": "proving that file",
}  # fmt: skip


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B15.*. Raises WrongCount."""
    few, many = (_peaks(bench, people, cards) for people, cards in zip(_sizes(bench), bench.size.cards, strict=True))
    for job, what in WHAT.items():
        small, large = bench.size.cards if job == "cards" else _sizes(bench)
        sizes = f"{large:,} beside {small:,}"
        goal = Goal("value", "<", round(few[job] + GROWTH))
        yield compared(f"B15.{job}", f"peak of {what}, {sizes}", many[job], "MB", few[job], goal)


def _sizes(bench: Bench) -> tuple[int, int]:
    return bench.size.people, bench.size.many


def _peaks(bench: Bench, people: int, cards: int) -> Peaks:
    peaks: Peaks = {}

    def measured(job: str, wanted: dict[str, int], *arguments: object) -> None:
        result = bench.process("process", *arguments)
        expect(f"{job} of {people:,}", result, wanted)
        peaks[job] = result["peak_mb"]

    say(f"B15: {people:,} people")
    _files(bench, measured, people, cards)
    company: dict[str, Any] = {"employees": people, "contacts": CONTACTS_EACH * people}
    seeding.start_company(bench.database, **company)
    measured("mark", {"people": people}, "company", bench.folder)
    measured("recount", {}, "command", bench.folder, "recount")
    measured("backup", {}, "command", bench.folder / "bench.backup", "backup {path}")
    seeding.start_company(bench.database, **company)
    bench.process("process", "over", bench.folder)
    measured("freeze", {}, "command", bench.folder, "freeze_campaign")
    result = bench.folder / "result.csv"
    measured("write", {}, "command", result, f"export_standings --campaign {OWN_CAMPAIGN} --output {{path}}")
    measured("verify", {}, "command", result, "verify_freeze {path}")
    return peaks


def _files(bench: Bench, measured: Callable[..., None], people: int, cards: int) -> None:
    """Uploads: an address book, and a roster that is loaded and previewed again."""
    bench.start_anew()
    measured("cards", {"created": cards}, "import", card_file(bench.folder, cards).path, "BENCH-000001")
    path, moved = (rosters.roster_file(bench.folder, people, shift) for shift in (0, 1))
    measured("roster", {"created": people}, "load_roster", path)
    measured("look", {"updated": people // 10}, "look", moved)
