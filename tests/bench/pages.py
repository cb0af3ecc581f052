"""B7: the first page and the API's list, compared with a bare view of a signed-in user on the same server."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.bench.companies import company, readers
from tests.bench.figures import Figure, Goal, compared
from tests.bench.load import Load, Result, ask, get
from tests.bench.running import Bench, say
from tests.bench.stack import running_stack

CONNECTIONS = 16
LISTED = 100
# Every user of a list has at least so many employees below.
TEAM = 120
BARE, PAGE, LIST = "/bench/bare/", "/", f"/api/v1/standings/?limit={LISTED}"


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B7.*. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.people, contacts=size.page_contacts)
    known = readers(bench, size.readers, TEAM)
    people, leader = list(known.people.values()), [known.leaders[TEAM][1]]
    say("B7: the first page")
    with running_stack(bench, celery=False) as built:

        def load(path: str, sessions: list[str], connections: int = CONNECTIONS) -> Result:
            return ask(Load(built.address, get(path, sessions), connections, size.seconds))

        # A warm-up: each worker process has then read the data that it reads once.
        for path, sessions in ((BARE, people), (PAGE, people), (LIST, leader)):
            load(path, sessions)
        # In turns, repeatedly: other load on the machine affects all of them.
        rounds = [(load(BARE, people), load(PAGE, people), load(LIST, leader)) for _ in range(size.rounds)]
    bare, page, listed = (median(result.rate for result in one) for one in zip(*rounds, strict=True))
    worst = median(result.percentile(99) for _bare, result, _list in rounds)
    yield compared("B7.page", "`/` beside a bare view, 16 connections", page, "req/s", bare, Goal("ratio", ">=", 0.4))
    yield Figure("B7.p99", "slowest hundredth of `/`, 16 connections", worst, "ms", goal=Goal("value", "<", 150))
    what = f"a list of {LISTED} standings by the API beside a bare view"
    yield compared("B7.list", what, listed, "req/s", bare, Goal("ratio", ">=", 0.6))
