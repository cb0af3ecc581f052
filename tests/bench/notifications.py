"""B16: a notification for every employee: planned in one statement, and sent through a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import seeding
from tests.bench.figures import Figure, Goal, compared
from tests.bench.running import Bench, expect, say


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B16.*. Raises WrongCount."""
    people = bench.size.people
    say(f"B16: notifications of {people:,} employees")
    seeding.start_company(bench.database, employees=people, contacts=people)
    bench.judge_company(people)
    result = bench.process("process", "notifications", bench.folder)
    expect("notifications", result, {"planned": 2 * people, "sent": people, "received": people, "waiting": 0})
    what = f"planning a notification of each of {people:,} employees, by two channels"
    yield Figure("B16.plan", what, result["plan_seconds"], "s", goal=Goal("value", "<=", 5))
    rate = people / result["send_seconds"]
    yield Figure("B16.send", "mails a second through a local SMTP server", rate, "/s", goal=Goal("value", ">=", 50))
    what = "the sender's peak of memory beside that of the first 500 mails"
    yield compared("B16.memory", what, result["last_mb"], "MB", result["first_mb"], Goal("ratio", "<=", 1.1))
