"""B8 and B9: the page of a team, small, large and huge, the charts of it, and the page of the company."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.companies import Readers, company, readers, spoil
from tests.bench.figures import Figure, Goal, compared
from tests.bench.load import Load, Result, ask, get
from tests.bench.marks import mark_of_one
from tests.bench.running import Bench, say
from tests.bench.stack import Stack, running_stack

FEW = 8
CHARTS = ("histogram", "teams", "bands", "curve")
OF_COMPANY = ("under", "departments", "histogram", "sources")


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B8.* of an everyday company. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.people, contacts=size.page_contacts)
    known = readers(bench, 1, FEW, size.people - 1)
    say("B8: the page of a team")
    with running_stack(bench, celery=False) as built:
        (own,) = known.people.values()
        leader, session = known.leaders[FEW]
        # In turns: other load on the machine affects both.
        turns = [(_look(bench, built, "/", own), _look(bench, built, f"/team/{leader}/", session))
                 for _ in range(size.rounds)]  # fmt: skip
        first, few = (min(result.median for result in one) for one in zip(*turns, strict=True))
        yield compared(
            f"B8.{FEW}", f"`/team/` with {FEW} people beside `/`", few, "ms", first, Goal("ratio", "<=", 1.3)
        )
        yield from _team(bench, built, known, size.people - 1, "large", 300)


def run_huge(bench: Bench) -> Iterator[Figure]:
    """The figures B8.* of a huge company, B9.*, and the time of one evaluation there. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.many, contacts=size.many_contacts)
    known = readers(bench, 1, size.many - 1)
    say("B9: the page of the company")
    with running_stack(bench, celery=False) as built:
        yield from _team(bench, built, known, size.many - 1, "huge", 800)
        yield _slow(bench, built, "B9.page", "/company/", known.hr, f"`/company/` of {size.many:,} people", 800)
        for key in OF_COMPANY:
            path = f"/charts/company/{key}.json"
            yield _slow(bench, built, f"B9.{key}", path, known.hr, f"its chart {key}", 800)
    spoil(bench)
    yield mark_of_one(bench, size.many, Goal("value", "<=", 30))


def _team(bench: Bench, built: Stack, known: Readers, below: int, name: str, most: int) -> Iterator[Figure]:
    staff_no, session = known.leaders[below]
    what = f"`/team/` with {below:,} people below"
    yield _slow(bench, built, f"B8.{name}", f"/team/{staff_no}/", session, what, most)
    for key in CHARTS:
        path = f"/charts/team/{staff_no}/{key}.json"
        yield _slow(bench, built, f"B8.{name}.{key}", path, session, f"its chart {key}", most)


def _slow(bench: Bench, built: Stack, id: str, path: str, session: str, what: str, most: int) -> Figure:
    """The slowest twentieth of one user's requests, one after another."""
    value = _look(bench, built, path, session).percentile(95)
    return Figure(id, what, value, "ms", goal=Goal("value", "<", most))


def _look(bench: Bench, built: Stack, path: str, session: str) -> Result:
    asks = get(path, [session])
    ask(Load(built.address, asks, seconds=0.1))
    return ask(Load(built.address, asks, seconds=bench.size.seconds))
