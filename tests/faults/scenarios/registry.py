"""Every scenario of the table, with its full count and its mutants. A scenario without a stack still receives the
ground.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.ground import Ground, Tally
from tests.faults.scenarios import (
    beats,
    broker,
    chaos,
    crowds,
    deadlines,
    freezes,
    kills,
    lost_messages,
    nights,
    outages,
    overlapping,
    passes,
    quiet_nights,
    senders,
    worst_files,
)

REDIS, RABBITMQ = "redis", "rabbitmq"
Run = Callable[[Ground, int, int, str], Tally]


@dataclass(frozen=True)
class Scenario:
    """`run(ground, trials, seed, broken)`; `broken` names a break with which one of `mutants[broken]` trials fails."""

    id: str
    run: Run
    full: int
    small: int
    # Trials per line of the results: a killed run repeats at most these.
    chunk: int
    mutants: dict[str, int] = field(default_factory=dict)
    brokers: tuple[str, ...] = (REDIS,)

    # Mutants that can fail with one broker only: the other compensates for them.
    redis_mutants: dict[str, int] = field(default_factory=dict)
    rabbit_mutants: dict[str, int] = field(default_factory=dict)

    def mutants_of(self, broker: str, *, small: bool) -> dict[str, int]:
        """The mutants to try, each with its number of trials; with `small` only the first one."""
        found = self.mutants | (self.rabbit_mutants if broker == RABBITMQ else self.redis_mutants)
        if small:
            return dict(list(found.items())[:1])
        return found


BOTH = (REDIS, RABBITMQ)
SCENARIOS = [
    Scenario("C1", crowds.one_person, full=200, small=1, chunk=20, mutants={"lock_nobody": 2, "without_index": 2}),
    Scenario("C3", chaos.checkpoints, full=100, small=1, chunk=5, mutants={"lock_nobody": 10}),
    Scenario("C4", overlapping.eight_imports, full=100, small=1, chunk=5, mutants={"lock_in_any_order": 3}),
    Scenario("D1", deadlines.to_the_microsecond, full=60, small=6, chunk=30, mutants={"zone_of_the_server": 6}),
    Scenario("D2", deadlines.late_writers, full=200, small=2, chunk=50, mutants={"no_line": 2}),
    Scenario(
        "D3", freezes.one_result, full=100, small=1, chunk=10,
        mutants={"any_order": 1, "forget_k": 1, "hold_nobody": 2},
    ),
    Scenario("D4", deadlines.attempts, full=500, small=20, chunk=500, mutants={"no_guards": 20}),
    Scenario(
        "F1-child", kills.child, full=300, small=4, chunk=20, brokers=BOTH,
        mutants={"take_notes_first": 30, "forget_checkpoints": 5, "acknowledge_early": 5},
    ),
    Scenario(
        "F1-parent", kills.parent, full=100, small=2, chunk=20, brokers=BOTH,
        mutants={"forget_checkpoints": 2, "take_notes_first": 30}, redis_mutants={"sweep_nothing": 5},
    ),
    Scenario(
        "F1-ranges", passes.two_of_three, full=100, small=1, chunk=10, brokers=BOTH,
        mutants={"end_ranges_first": 3, "close_unlocked": 10},
    ),
    # No mutant without checkpoints: a worker that should stop finishes its file first.
    Scenario("F2", outages.restarts, full=100, small=2, chunk=5, mutants={"forget_keys": 1}),
    Scenario(
        "F3", lost_messages.killed_before_the_message, full=100, small=2, chunk=10, mutants={"sweep_nothing": 2},
    ),
    Scenario("F4", outages.stops, full=50, small=1, chunk=5, mutants={"commit_without_waiting": 10}),
    Scenario(
        "F5-restart", broker.restarted, full=50, small=1, chunk=5, brokers=BOTH,
        mutants={"sweep_nothing": 1}, rabbit_mutants={"beat_tries_once": 2},
    ),
    Scenario("F5-wipe", broker.wiped, full=20, small=1, chunk=5, brokers=BOTH, mutants={"sweep_nothing": 1}),
    Scenario("F6-beats", beats.periods, full=1_000, small=3, chunk=25, mutants={"claim_always": 3}),
    Scenario("F6-dead", beats.dead_across_the_deadline, full=20, small=1, chunk=5, mutants={"freeze_nothing": 1}),
    Scenario(
        "Repair", nights.repaired, full=100, small=1, chunk=10,
        mutants={"recount_colours": 1, "repair_as_marks": 1, "keep_no_alarm": 1},
    ),
    Scenario("R1", lost_messages.nobody_works, full=100, small=1, chunk=10, mutants={"trust_stale_standings": 2}),
    Scenario(
        "N1", senders.killed, full=200, small=2, chunk=10,
        mutants={"repeat_everything": 1, "forget_the_lost": 1, "new_message_each_time": 2},
    ),
    Scenario("N2", quiet_nights.nights, full=500, small=15, chunk=100, mutants={"zone_of_the_company": 15}),
    Scenario("T3", worst_files.sixteen_at_once, full=3, small=0, chunk=1, mutants={"read_in_requests": 1}),
]  # fmt: skip
