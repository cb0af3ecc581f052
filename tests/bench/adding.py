"""B4: from the form that is sent to the new number on the page, alone and while many others add."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from tests.bench.client import CSRF
from tests.bench.companies import company, readers
from tests.bench.figures import Figure, Goal
from tests.bench.load import Load, Result, ask, begin, end
from tests.bench.running import Bench, WrongCount, expect, say
from tests.bench.stack import Stack, running_stack

BUSY = 50.0
# Seconds until the crowd is under way.
LEAD = 2.0
RECORDED = (201, 302)


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B4.*. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.people, contacts=size.page_contacts)
    known = readers(bench, size.readers)
    follower, *others = known.people.values()
    say("B4: adding, and waiting for the number")
    with running_stack(bench) as built:
        idle = _follow(bench, built, follower, "idle")
        crowd_name = called("crowd")
        crowd = begin(Load(built.address, adds(crowd_name, others, round(BUSY * size.busy)), rate=BUSY))
        time.sleep(LEAD)
        busy = _follow(bench, built, follower, "busy")
        added = end(crowd)
    expect_recorded(bench, crowd_name, added)
    yield _figure("B4.idle", "the form sent to the new number on the page, idle worker", idle, 500)
    yield _figure("B4.busy", f"the same at {BUSY:.0f} adds/s by others", busy, 2_000)
    yield Figure("B4.crowd", "slowest hundredth of those adds, from when each was due", added.percentile(99), "ms")


def _figure(id: str, what: str, result: Result, most: float) -> Figure:
    return Figure(id, what, result.median, "ms", goal=Goal("value", "<", most))


def _follow(bench: Bench, built: Stack, session: str, name: str) -> Result:
    name = called(name)
    asks = [form(session, f"{name}-{number}", in_place=True) for number in range(bench.size.follows)]
    result = ask(Load(built.address, asks, follow=True))
    expect_recorded(bench, name, result, (200,))
    return result


def called(name: str) -> str:
    """An unused name: a repeated measurement finds the earlier contacts in the company."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def form(session: str, handle: str, *, in_place: bool) -> dict[str, Any]:
    """The short form of `/`, as its script sends it or as a browser without scripts does."""
    fields = {"key": str(uuid.uuid4()), "name": f"Guest {handle}", "reach": f"@bench-{handle}"}
    headers = {"HX-Request": "true"} if in_place else {}
    return {"method": "POST", "path": "/contacts/add/", "session": session, "form": fields, "headers": headers}


def program(session: str, handle: str) -> dict[str, Any]:
    """The same by the API."""
    person = {"name": f"Guest {handle}", "handle": f"bench-{handle}"}
    headers = {"X-CSRFToken": CSRF, "Idempotency-Key": handle}
    return {"method": "POST", "path": "/api/v1/contacts/", "session": session, "json": person, "headers": headers}


def adds(name: str, sessions: Sequence[str], count: int) -> list[dict[str, Any]]:
    """So many adds by these people in turn, by form and by API alternately; each of a new person."""
    return [
        program(session, f"{name}-{number}") if number % 2 else form(session, f"{name}-{number}", in_place=False)
        for number in range(count)
        for session in [sessions[number % len(sessions)]]
    ]


def expect_recorded(bench: Bench, name: str, result: Result, recorded: Sequence[int] = RECORDED) -> None:
    """Raises WrongCount unless everything was acknowledged, and is stored once."""
    if set(result.statuses) - set(recorded):
        raise WrongCount(f"adding ({name}): answered {dict(result.statuses)}")
    expect(f"adding ({name})", {"stored": stored_now(bench, name)}, {"stored": len(result.answers)})


def stored_now(bench: Bench, name: str) -> int:
    like = f"bench-{name}-%"
    return int(bench.database.one(f"SELECT count(*) FROM contacts_contactidentity WHERE value LIKE '{like}' AND live"))
