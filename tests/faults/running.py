"""One run: a separate database with production's durability, a separate broker, and the missing trials."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator

from apps.localstack.embedded import EmbeddedDatabase
from tests import plugin

# The database keeps what it acknowledged, as in production; the tests' own does not.
plugin.server = EmbeddedDatabase(plugin.PATHS)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from tests.brokers import rabbitmq_missing, running  # noqa: E402
from tests.faults.ground import Enough, Ground, Tally  # noqa: E402
from tests.faults.scenarios.registry import RABBITMQ, SCENARIOS, Scenario  # noqa: E402
from tests.faults.stack import FaultStack  # noqa: E402
from tests.faults.table import Line, Row, append, read  # noqa: E402

KINDS = {"redis": "valkey", "rabbitmq": "rabbitmq"}


def run(options: argparse.Namespace) -> list[Row]:
    """Run the missing trials and return every requested row."""
    wanted = [one for one in SCENARIOS if one.id.startswith(tuple(options.id.split(",")))]
    rows = [(one, broker) for one in wanted for broker in one.brokers if options.broker in ("", broker)]
    if not rows:
        raise SystemExit(f"No row begins with {options.id}; there are {', '.join(one.id for one in SCENARIOS)}")
    with contextlib.suppress(KeyboardInterrupt), _database():
        for broker in dict.fromkeys(broker for _one, broker in rows):
            _over(broker, [one for one, its in rows if its == broker], options)
    lines = read(options.output)
    return [_row(one, broker, options, lines) for one, broker in rows]


def _row(one: Scenario, broker: str, options: argparse.Namespace, lines: list[Line]) -> Row:
    count = options.trials or (one.small if options.small else one.full)
    mine = [line for line in lines if (line.id, line.broker) == (one.id, broker)]
    return Row(one.id, broker, count, mine, tuple(one.mutants_of(broker, small=options.small)))


@contextlib.contextmanager
def _database() -> Iterator[None]:
    say("Making a database")
    plugin.create_database()
    try:
        yield
    finally:
        from django.db import connections

        connections.close_all()
        plugin.server.release()
        plugin.server.wait_until_stopped(within=30)


def _over(broker: str, scenarios: list[Scenario], options: argparse.Namespace) -> None:
    """All missing work over one broker: first the trials, then the mutants."""
    if broker == RABBITMQ and (reason := rabbitmq_missing()):
        for one in scenarios:
            append(options.output, Line(one.id, broker, options.seed, not_run=reason))
        return
    with running(KINDS[broker]) as server:
        plugin.PATHS.log.mkdir(exist_ok=True)
        stack = FaultStack(server, plugin.PATHS.log)
        try:
            ground = Ground(stack)
            for one in scenarios:
                _trials(ground, one, broker, options)
            if not options.no_mutants:
                _mutants(ground, scenarios, broker, options)
        finally:
            stack.stop()


def _trials(ground: Ground, one: Scenario, broker: str, options: argparse.Namespace) -> None:
    while True:
        row = _row(one, broker, options, read(options.output))
        missing = row.wanted - row.trials
        if missing <= 0 or row.failures:
            return
        seed = options.seed + row.trials
        tally = _try(ground, one, min(one.chunk, missing), seed, "", options)
        _keep(Line(one.id, broker, seed), tally, options)


def _mutants(ground: Ground, scenarios: list[Scenario], broker: str, options: argparse.Namespace) -> None:
    """Mutants with the same break one after another: their processes need no restart."""
    wanted = [(*pair, one) for one in scenarios for pair in one.mutants_of(broker, small=options.small).items()]
    for mutant, trials, one in sorted(wanted, key=lambda found: found[0]):
        if _row(one, broker, options, read(options.output)).caught(mutant) is None:
            tally = _try(ground, one, trials, options.seed, mutant, options)
            _keep(Line(one.id, broker, options.seed, mutant=mutant), tally, options)


def _try(ground: Ground, one: Scenario, trials: int, seed: int, broken: str, options: argparse.Namespace) -> Tally:
    began, revived = time.monotonic(), ground.stack.revived
    say(f"{one.id} over {ground.stack.broker.kind}, {trials} trials, seed {seed}{broken and ', mutant '}{broken}")
    try:
        tally = one.run(ground, trials, seed, broken)
    except Enough as enough:
        tally = enough.tally
    except Exception as error:
        traceback.print_exc()
        # With a mutant that proves nothing: it counts as missed.
        tally = Tally(trials=1, failures=[] if broken else [f"the trial itself broke: {error!r}"])
    if ground.stack.revived > revived:
        tally.count("processes that ended by themselves and were started again", ground.stack.revived - revived)
    say(f"   {tally.trials} trials, {len(tally.failures)} failures, {time.monotonic() - began:.1f} s")
    for failure in tally.failures[:3]:
        say(f"   {failure}")
    if tally.failures and not broken:
        kept = options.output.with_suffix("") / f"{one.id}-{seed}"
        shutil.copytree(plugin.PATHS.log, kept, dirs_exist_ok=True)
        say(f"   the logs: {kept}")
    return tally


def _keep(line: Line, tally: Tally, options: argparse.Namespace) -> None:
    line.trials, line.failures, line.counts = tally.trials, tally.failures, tally.counts
    line.recoveries = [round(took, 3) for took in tally.recoveries]
    append(options.output, line)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
