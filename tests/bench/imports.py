"""B5: files of contacts. The speed of imports compared with reading alone and with plain SQL, and their memory."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench.figures import Figure, Goal, compared
from tests.bench.files import Made, card_file, table_file
from tests.bench.running import Bench, expect, say
from tests.bench.seeding import stored

# The larger file holds five times the rows, of other people.
TIMES, FIRST_OF_MORE = 5, 50_000_000
IDENTITIES = 2
Result = dict[str, Any]


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B5.*. Raises WrongCount."""
    size = bench.size
    say("B5: writing the files")
    whole = table_file(bench.folder, size.rows, size.employees)
    more = table_file(bench.folder, TIMES * size.rows, size.employees, first=FIRST_OF_MORE)
    cards = card_file(bench.folder)
    say("B5: reading")
    reads = [_read(bench, whole) for _ in range(size.times)]
    say("B5: importing")
    bench.start_anew()
    first = import_made(bench, whole)
    again = import_made(bench, Made(whole.path, whole.read, 0, whole.created + whole.duplicate, whole.rejected))
    yield from _rates(reads, first, again)
    yield _cards(bench, cards)
    say("B5: plain SQL")
    yield _plain(bench, whole, first)
    say("B5: importing five times as much")
    yield from _memory((reads[0], _read(bench, more)), (first, import_made(bench, more)))


def _rate(result: Result) -> float:
    return float(result["read"] / result["seconds"])


def _rates(reads: list[Result], first: Result, again: Result) -> Iterator[Figure]:
    reading = median(_rate(read) for read in reads)
    rate, second = _rate(first), _rate(again)
    yield Figure("B5.rate", "import of a table, all in", rate, "rows/s", goal=Goal("value", ">=", 8_000))
    yield compared(
        "B5.share",
        "the same compared with reading and normalising",
        rate,
        "rows/s",
        reading,
        Goal("ratio", ">=", 0.8),
    )
    yield compared(
        "B5.again", "the same file again compared with the first time", second, "rows/s", rate, Goal("ratio", ">=", 3)
    )


def _memory(reads: tuple[Result, Result], imports: tuple[Result, Result]) -> Iterator[Figure]:
    flat = Goal("ratio", "<=", 1.1)
    yield Figure("B5.memory", "peak of the import", imports[0]["peak_mb"], "MB", goal=Goal("value", "<", 200))
    for name, what, (whole, more) in (
        ("B5.memory_growth", "peak of importing five times the rows", imports),
        ("B5.memory_growth_read", "peak of reading five times the rows", reads),
    ):
        yield compared(name, what, more["peak_mb"], "MB", whole["peak_mb"], flat)


def _cards(bench: Bench, cards: Made) -> Figure:
    """The same cards for one employee after another: new to each of them."""
    reading = median(_read(bench, cards)["seconds"] for _ in range(bench.size.times))
    seconds = median(
        import_made(bench, cards, f"BENCH-{number + 1:06}")["seconds"] for number in range(bench.size.times)
    )
    megabytes = cards.path.stat().st_size / 10**6
    what = f"{cards.read} cards of {megabytes:.1f} MB, beside reading only"
    return compared("B5.vcards", what, seconds, "s", reading, Goal("value", "<", 2))


def _plain(bench: Bench, whole: Made, first: Result) -> Figure:
    bench.start_anew()
    before = stored(bench.database)
    result = bench.process("process", "plain", whole.path)
    expect("plain SQL", result, {"created": whole.created})
    _expect_stored(bench, "plain SQL", before, whole.created)
    return compared(
        "B5.sql", "import beside plain SQL that stores its rows", _rate(first), "rows/s", _stored_rate(result)
    )


def _stored_rate(result: Result) -> float:
    return float(result["created"] / result["seconds"])


def _read(bench: Bench, made: Made) -> Result:
    result = bench.process("process", "read", made.path)
    expect(f"reading {made.path.name}", result, {"read": made.read})
    return result


def import_made(bench: Bench, made: Made, staff_no: str = "") -> Result:
    """Import a file in a separate process; its report and the stored rows must be correct."""
    before = stored(bench.database)
    result = bench.process("process", "import", made.path, *([staff_no] if staff_no else []))
    expect(f"importing {made.path.name}", result, made.counts())
    _expect_stored(bench, made.path.name, before, made.created)
    return result


def _expect_stored(bench: Bench, what: str, before: tuple[int, int], created: int) -> None:
    contacts, identities = stored(bench.database)
    added = {"contacts": contacts - before[0], "identities": identities - before[1]}
    expect(f"tables after {what}", added, {"contacts": created, "identities": IDENTITIES * created})
