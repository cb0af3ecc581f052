"""B10: the last minutes before the deadline and the first after it, with all employees adding, and the result.

The database's clock starts shortly before the cut-off; the product itself is unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.bench.adding import RECORDED, adds, called
from tests.bench.companies import company, readers, spoil
from tests.bench.figures import Figure, Goal
from tests.bench.load import Answer, Load, ask
from tests.bench.running import Bench, WrongCount, expect, say
from tests.bench.stack import running_stack

RATE = 60.0
PATIENCE = 300.0
# The cut-off approaches only after the stack has started.
START = timedelta(seconds=2)
CLOCK = "CREATE OR REPLACE FUNCTION hundred_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT {}'"
STATE = "SELECT state FROM campaigns_campaign WHERE slug = 'bench'"
CUTOFF = "SELECT max(cutoff_at) FROM campaigns_campaignrule"
# All results compared with a plain count of contacts that were in time, not ended and not colleagues.
DIFFER = """
SELECT count(*) FROM results_frozenstanding AS final FULL JOIN employees_employee AS person ON person.id = employee_id
LEFT JOIN (SELECT employee_id, count(*) AS counted FROM contacts_contact, campaigns_campaignrule AS rule
           WHERE recorded_at >= opens_at AND recorded_at < cutoff_at AND (ended_at IS NULL OR ended_at >= cutoff_at)
             AND NOT EXISTS (SELECT FROM contacts_contactidentity AS mine
                             JOIN employees_employeeidentity AS theirs USING (kind, digest)
                             WHERE mine.contact_id = contacts_contact.id)
           GROUP BY 1) AS facts
    ON facts.employee_id = person.id
WHERE final.counted IS DISTINCT FROM coalesce(facts.counted, 0)
"""
STORED = """
SELECT value, recorded_at FROM contacts_contactidentity AS identity JOIN contacts_contact AS contact
ON contact.id = contact_id WHERE value LIKE %s
"""


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B10.*. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.people, contacts=size.page_contacts)
    known = readers(bench, size.readers)
    spoil(bench)
    name = called("late")
    asks = adds(name, list(known.people.values()), round(RATE * (size.before + size.after)))
    say(f"B10: {size.before} seconds before the deadline and {size.after} after it")
    with running_stack(bench) as built, _shortly_before_the_cutoff(bench, size.before) as ahead:
        result = ask(Load(built.address, asks, rate=RATE), wanted=range(600))
        errors = sum(answer.status not in RECORDED for answer in result.answers)
        _wait_until_frozen(bench)
    handles = [f"bench-{name}-{number}" for number in range(len(asks))]
    exact = _compare(bench, name, dict(zip(handles, result.answers, strict=True)), ahead)
    what = f"requests of {RATE:.0f}/s by {len(known.people):,} people that were not answered as recorded"
    yield Figure("B10.errors", what, errors, "requests", goal=Goal("value", "<=", 0))
    yield Figure("B10.p99", "their slowest hundredth, from when each was due", result.percentile(99), "ms",
                 goal=Goal("value", "<", 1_000))  # fmt: skip
    yield Figure("B10.exact", "acknowledged contacts, all stored once and counted as received", exact, "contacts")


@contextmanager
def _shortly_before_the_cutoff(bench: Bench, seconds: int) -> Iterator[timedelta]:
    """Let the database's clock go on from there; how far it is ahead of this machine's."""
    ahead = bench.database.one(CUTOFF) - timedelta(seconds=seconds) - START - datetime.now(UTC)
    with bench.database.as_owner() as cursor:
        cursor.execute(CLOCK.format(f"clock_timestamp() + interval ''{ahead.total_seconds()} seconds''"))
    try:
        yield ahead
    finally:
        with bench.database.as_owner() as cursor:
            cursor.execute(CLOCK.format("clock_timestamp()"))


def _wait_until_frozen(bench: Bench) -> None:
    """Until worker and beat have made the result. Raises WrongCount."""
    end = time.monotonic() + PATIENCE
    while bench.database.one(STATE) != "frozen":
        if time.monotonic() > end:
            raise WrongCount(f"the campaign is {bench.database.one(STATE)} long after its cut-off, not frozen")
        time.sleep(1)


def _compare(bench: Bench, name: str, answers: dict[str, Answer], ahead: timedelta) -> int:
    """How many were acknowledged. Raises WrongCount unless each is stored once and counts as it should."""
    cutoff = bench.database.one(CUTOFF)
    acknowledged = {handle: one for handle, one in answers.items() if one.status in RECORDED}
    with bench.database.as_owner() as cursor:
        cursor.execute(STORED, [f"bench-{name}-%"])
        rows = cursor.fetchall()
    stored: dict[str, datetime] = dict(rows)
    wrong = 0
    for handle, answer in acknowledged.items():
        answered = datetime.fromtimestamp(answer.at, UTC) + ahead
        recorded = stored.get(handle)
        # Received between when it was due and when it was answered, and so on the side of the cut-off it should be.
        wrong += recorded is None or not answered - timedelta(seconds=answer.latency) <= recorded <= answered
    late = sum(recorded >= cutoff for recorded in stored.values())
    if not 0 < late < len(stored):
        raise WrongCount(f"B10: {late} of {len(stored)} came after the cut-off: it was not crossed")
    found = {"stored": len(rows), "received at another time": wrong, "results that differ": bench.database.one(DIFFER)}
    expect("B10", found, {"stored": len(acknowledged), "received at another time": 0, "results that differ": 0})
    return len(acknowledged)
