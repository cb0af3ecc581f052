"""Killed imports: the next start continues, and the final state equals that of an undisturbed run.

The processes are real and die by SIGKILL. A seed determines each file and each moment; FAULT_ROUNDS sets the rounds.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.contacts import imports
from apps.contacts.import_queue import stalled_files
from apps.contacts.imports import MAX_ATTEMPTS
from apps.contacts.models import Contact, Submission
from apps.contacts.services.submissions import lock_employees
from apps.core.files import read_file
from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent
from apps.standings.process_runs import sweep
from tests import people, plugin
from tests.contacts.submitting import contacts, own_file, records_done, submit_file
from tests.crowd import TIMEOUT_SECONDS, blocked, until
from tests.fixtures import Clock
from tests.oracle import digest, oracle, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "2"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)
BATCH = 20
# The application name of the processes that are killed here, so that the tests ignore all other connections.
NAMED = {**os.environ, "PGAPPNAME": "killed"}


class Starter:
    """Starts imports as processes (starter.py), one at a time."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / f"out-{id(self)}.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contacts.starter"], cwd=BASE_DIR, env=NAMED, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip

    def start(self, **asked: Any) -> int:
        """Start an import; returns its pid."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"batch": BATCH, "out": str(self.out), **asked}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """Wait for the end; returns 0, or the number of the signal or status it ended with."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def run(self, **asked: Any) -> int:
        self.start(**asked)
        return self.ended()

    def told(self) -> Any:
        return json.loads(self.out.read_text())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    one = Starter(tmp_path)
    yield one
    one.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Starter]:
    one = Starter(tmp_path)
    yield one
    one.close()


# -- the imported file, and its visible result -------------------------------------------------------------------------


def file_of(dice: random.Random, rows: int) -> str:
    """Return rows for several employees: repetitions, colleagues, bad cells, unknown employees and missing quotes."""
    owners = ["A001,", "A002,", "B001,", ",stranger@x", ",sam@corp.example.com", ",Hedda@Corp.example.com"]
    lines = ["staff_no,employee_email,name,phone,email,handle"]
    for number in range(rows):
        owner, name = dice.choice(owners[:3] + owners[4:]), f"Guest {number}"
        mail, handle = f"g{dice.randrange(rows)}@outside.example.org", f"h{number}"
        kind = dice.random()
        if kind < 0.04:
            lines.append(f"{owner},{name},12,,{handle}")
        elif kind < 0.08:
            lines.append(f"{dice.choice(['X404,', ',stranger@x', ','])},{name},,{mail},")
        elif kind < 0.10:
            lines.append(f'{owner},"{name},,{mail},{handle}')
        elif kind < 0.14:
            lines.append(f"{owner},Colleague,,{dice.choice(['alan', 'carol', 'uwe'])}@corp.example.com,")
        elif kind < 0.20:
            lines.append(f'{owner},"={name}, ""the\nother""",,{mail},')
        else:
            lines.append(f"{owner},{name},138{dice.randrange(10**8):08d},{dice.choice([mail, ''])},")
    return "\n".join(lines) + "\n"


class Seen(NamedTuple):
    """The visible result of an import, without the instants and ids that differ between two runs."""

    told: Any
    rejects: bytes
    contacts: list[tuple[Any, ...]]
    verdicts: str
    submissions: list[tuple[Any, ...]]


def seen(told: Any, rejects: bytes, campaign: Campaign) -> Seen:
    sweep()
    assert stored(campaign) == oracle(campaign)
    states = list(Submission.objects.values_list("state", "done", "total", "attempts", "report"))
    for report in (told, *(state[-1] for state in states)):
        # Another run assigns other contact ids.
        if "duplicates" in report:
            report["duplicates"] = [one["line"] for one in report["duplicates"]]
    received = set(Submission.objects.values_list("received_at", flat=True))
    assert set(Contact.objects.values_list("recorded_at", flat=True)) <= received
    return Seen(told, rejects, contacts(), digest(stored(campaign)), states)


def fresh_house(clock: Clock) -> Campaign:
    """Reset the database to the roster and an open campaign, at noon."""
    connection.close()
    plugin.empty_database()
    clock.set(people.NOON, ticks=True)
    people.load(people.ROSTER)
    opened = people.november()
    people.mark()
    return opened


def connected() -> int:
    """Return how many connections of killed processes the database still has."""
    named = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
    with connection.cursor() as cursor:
        cursor.execute(named, [NAMED["PGAPPNAME"]])
        return int(cursor.fetchone()[0])


def let_go() -> None:
    """Wait until the database has noticed the death of the killed process."""
    until(lambda: not connected())


def kill_somewhere(pid: int, dice: random.Random, batches: int) -> None:
    """Kill a started import: at once, or at a random moment within one of the next batches."""
    target, end = records_done() + BATCH * dice.randrange(batches + 1), time.monotonic() + TIMEOUT_SECONDS
    while records_done() < target and time.monotonic() < end and not _gone(pid):
        time.sleep(0.002)
    time.sleep(dice.random() * dice.choice([0.005, 0.03]))
    if not _gone(pid):
        os.kill(pid, signal.SIGKILL)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# -- the command -------------------------------------------------------------------------------------------------------


def command(starter: Starter, file: Path, kills: random.Random | None, broken: str = "") -> tuple[Any, bytes, int]:
    """Run `import_contacts`, killed and restarted until it ends.

    Returns its last JSON, its rejects, and how often it died.
    """
    rejects, died = file.with_suffix(".rejects"), 0
    asked: dict[str, Any] = {"argv": ["import_contacts", str(file), "--json", "--rejects", str(rejects)]}
    while True:
        pid = starter.start(**asked, **({"break": broken} if broken else {}))
        if kills and died < 5:
            kill_somewhere(pid, kills, 4)
        status = starter.ended()
        if status == 0:
            return starter.told(), rejects.read_bytes(), died
        assert status == signal.SIGKILL
        died += 1
        let_go()


def test_an_import_that_is_killed_again_and_again_ends_as_if_nothing_had_been(
    clock: Clock, starter: Starter, tmp_path: Path
) -> None:
    """After a crash in the middle, no contact is lost or doubled, and the report is that of one run."""
    deaths = 0
    for round_ in range(ROUNDS):
        print(f"seed {SEED + round_}")
        dice = random.Random(SEED + round_)
        file = tmp_path / "contacts.csv"
        file.write_text(file_of(dice, 500), encoding="utf-8")
        campaign = fresh_house(clock)
        told, rejects, _died = command(starter, file, None)
        undisturbed = seen(told, rejects, campaign)
        campaign = fresh_house(clock)
        told, rejects, died = command(starter, file, dice)
        deaths += died
        assert seen(told, rejects, campaign) == undisturbed
        assert Submission.objects.count() == 1
    print(f"{deaths} deaths in {ROUNDS} rounds")
    assert deaths >= 2 * ROUNDS


def test_contacts_of_a_killed_import_count_from_the_first_receipt(
    clock: Clock, starter: Starter, tmp_path: Path
) -> None:
    """A file submitted before the cut-off counts, however often and however late its recording starts again."""
    print(f"seed {SEED}")
    file, dice = tmp_path / "contacts.csv", random.Random(SEED)
    file.write_text(file_of(dice, 400), encoding="utf-8")
    fresh_house(clock)
    clock.set("2026-11-30T23:59:59.900+08:00", ticks=True)
    pid = starter.start(argv=["import_contacts", str(file)])
    until(lambda: records_done() >= 2 * BATCH)
    assert connected() == 1
    os.kill(pid, signal.SIGKILL)
    assert starter.ended() == signal.SIGKILL
    let_go()
    received = Submission.objects.get().received_at
    clock.set("2026-12-01T00:10:00+08:00", ticks=True)
    assert starter.run(argv=["import_contacts", str(file)]) == 0
    assert Contact.objects.filter(stored_at__gt=received + timedelta(minutes=10)).exists()
    assert set(Contact.objects.values_list("recorded_at", flat=True)) == {received}
    assert Submission.objects.count() == 1


def _waiting() -> set[int]:
    """Return the processes that wait for a lock; unlike `blocked`, also right inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT pid FROM pg_locks WHERE NOT granted")
        return {pid for (pid,) in cursor.fetchall()}


def test_an_import_started_again_before_the_database_missed_the_dead_one_still_goes_on(
    clock: Clock, starter: Starter, other: Starter, tmp_path: Path
) -> None:
    """A restart by an operator or a supervisor is faster than a statement that waits for a lock."""
    file = tmp_path / "contacts.csv"
    file.write_text("staff_no,handle\n" + "".join(f"A001,h{n}\n" for n in range(80 * BATCH)), encoding="utf-8")
    fresh_house(clock)
    command_line = ["import_contacts", str(file), "--json"]
    pid = starter.start(argv=command_line)
    until(lambda: records_done() >= BATCH)
    with transaction.atomic():
        lock_employees([people.person("A001").pk])
        until(lambda: len(_waiting()) == 1)
        dead = _waiting()
        os.kill(pid, signal.SIGKILL)
        starter.ended()
        other.start(argv=command_line)
        until(lambda: bool(_waiting()) and not _waiting() & dead)
    other.ended()
    let_go()
    assert Submission.objects.count() == 1
    assert other.told()["created"] == 80 * BATCH


def test_mutant_without_the_checkpoint_the_report_of_a_killed_import_is_not_that_of_one_run(
    clock: Clock, starter: Starter, tmp_path: Path
) -> None:
    print(f"seed {SEED}")
    file, dice = tmp_path / "contacts.csv", random.Random(SEED)
    file.write_text(file_of(dice, 400), encoding="utf-8")
    campaign = fresh_house(clock)
    told, rejects, _died = command(starter, file, None)
    undisturbed = seen(told, rejects, campaign)
    campaign = fresh_house(clock)
    pid = starter.start(argv=["import_contacts", str(file)])
    until(lambda: records_done() >= 3 * BATCH)
    os.kill(pid, signal.SIGKILL)
    starter.ended()
    let_go()
    told, rejects, _died = command(starter, file, None, broken="forget_checkpoints")
    after = seen(told, rejects, campaign)
    assert after.told["created"] < undisturbed.told["created"]
    assert after.told["duplicate"] > undisturbed.told["duplicate"]
    assert after.contacts == undisturbed.contacts, "the unique index stands behind the checkpoint"


def test_the_command_itself_killed_at_any_moment_ends_as_one_run(clock: Clock, tmp_path: Path) -> None:
    """As an operator runs it: `manage.py import_contacts` with its own batch size, also killed before it has begun."""
    print(f"seed {SEED}")
    file, dice = tmp_path / "contacts.csv", random.Random(SEED)
    file.write_text(file_of(dice, 9_000), encoding="utf-8")
    line = [sys.executable, "manage.py", "import_contacts", str(file), "--json"]
    results = []
    for kills in (0, 2 * ROUNDS):
        campaign = fresh_house(clock)
        for left in range(kills, -1, -1):
            process = subprocess.Popen(
                line, cwd=BASE_DIR, env=NAMED, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )  # fmt: skip
            before = records_done()
            if left and left % 2:
                time.sleep(dice.random() * 1.5)
                process.kill()
            elif left:
                until(lambda: records_done() > before or process.poll() is not None)  # noqa: B023  (called at once)
                time.sleep(dice.random() * 0.2)
                process.kill()
            out, _err = process.communicate(timeout=TIMEOUT_SECONDS)
            let_go()
        assert process.returncode == 0
        results.append(seen(json.loads(out), b"", campaign))
    if json.loads(json.dumps(results[1].told)) != results[0].told:
        # The last kill came after the end: the next run then found a finished file.
        states = results[1].submissions
        assert [state[0] for state in states] == ["done"] * len(states)
        assert states[0][-1]["created"] == results[0].told["created"]
    assert results[1].contacts == results[0].contacts
    assert results[1].verdicts == results[0].verdicts


# -- a file with its bytes, as the page submits it ---------------------------------------------------------------------


def outcome(submission: Submission, campaign: Campaign) -> Seen:
    submission.refresh_from_db()
    rejects = b"".join(read_file(submission.rejects)) if submission.rejects else b""
    return seen(submission.report, rejects, campaign)


def test_a_file_whose_worker_is_killed_is_found_by_the_sweep_and_finished(clock: Clock, starter: Starter) -> None:
    """A file confirmed on the page is recorded even when every worker but the last died."""
    deaths = 0
    for round_ in range(ROUNDS):
        print(f"seed {SEED + round_}")
        dice = random.Random(SEED + round_)
        text = own_file(dice, 500)
        campaign = fresh_house(clock)
        submission = submit_file(people.person("A001"), text)
        assert starter.run(submission=str(submission.pk)) == 0
        undisturbed = outcome(submission, campaign)
        campaign = fresh_house(clock)
        submission = submit_file(people.person("A001"), text)
        now = datetime.fromisoformat(people.NOON)
        for _start in range(8):
            before = records_done()
            kill_somewhere(starter.start(submission=str(submission.pk)), dice, 4)
            deaths += starter.ended() == signal.SIGKILL
            let_go()
            submission.refresh_from_db()
            if submission.state != Submission.State.RECEIVED:
                break
            if records_done() > before:
                assert stalled_files(clock.now()) == [], "its checkpoint moved only now"
            now += timedelta(minutes=1)
            clock.set(now, ticks=True)
            assert stalled_files(clock.now()) == [submission.pk]
        else:
            assert starter.run(submission=str(submission.pk)) == 0
            assert starter.told() is True
        assert outcome(submission, campaign) == undisturbed
        assert set(Contact.objects.values_list("recorded_at", flat=True)) == {submission.received_at}
        assert stalled_files(clock.now() + timedelta(hours=1)) == []
    print(f"{deaths} deaths in {ROUNDS} rounds")
    assert deaths >= 2 * ROUNDS


def test_mutant_without_the_checkpoint_a_finished_files_report_is_wrong(clock: Clock, starter: Starter) -> None:
    text = own_file(random.Random(SEED), 400)
    fresh_house(clock)
    submission = submit_file(people.person("A001"), text)
    pid = starter.start(submission=str(submission.pk))
    until(lambda: records_done() >= 3 * BATCH)
    os.kill(pid, signal.SIGKILL)
    starter.ended()
    let_go()
    assert starter.run(submission=str(submission.pk), **{"break": "forget_checkpoints"}) == 0
    submission.refresh_from_db()
    assert submission.state == Submission.State.DONE
    assert submission.report["created"] < Contact.objects.count()


def test_a_file_that_kills_whoever_reads_it_is_refused_in_the_end_and_says_so(clock: Clock, starter: Starter) -> None:
    """One bad file must not occupy the workers for ever; the contacts it brought before stay."""
    fresh_house(clock)
    lines = "".join(f"Guest {n},,,h{n}\n" for n in range(5 * BATCH))
    submission = submit_file(people.person("A001"), "name,phone,email,handle\n" + lines)
    poisoned: dict[str, Any] = {"submission": str(submission.pk), "break": "die_at_the_third_batch"}
    # The first start makes progress and dies; the next ones die without progress.
    for start in range(1 + MAX_ATTEMPTS - 1):
        assert starter.run(**poisoned) == signal.SIGKILL
        let_go()
        submission.refresh_from_db()
        assert (submission.state, submission.done, submission.attempts) == ("received", 2 * BATCH, start)
    assert starter.run(**poisoned) == signal.SIGKILL
    let_go()
    assert starter.run(**poisoned) == 0
    submission.refresh_from_db()
    assert (submission.state, submission.report["refused"]) == ("refused", "gave_up")
    assert submission.report["created"] == Contact.objects.count() == 2 * BATCH
    assert starter.run(**poisoned) == 0
    assert starter.told() is False
    assert stalled_files(clock.now() + timedelta(hours=1)) == []


def two_at_once(clock: Clock, starters: tuple[Starter, Starter], text: str, broken: str = "") -> Submission:
    """Let two processes take up one submission at the same moment."""
    fresh_house(clock)
    submission = submit_file(people.person("A001"), text)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(77)")
        if broken:
            cursor.execute("SELECT pg_advisory_lock(78)")
        for one in starters:
            one.start(submission=str(submission.pk), **({"break": broken} if broken else {}))
        until(lambda: blocked() == 2)
        cursor.execute("SELECT pg_advisory_unlock(77)")
        if broken:
            until(lambda: _waiting_for(78) == 2)
            cursor.execute("SELECT pg_advisory_unlock(78)")
    for one in starters:
        one.ended()
    let_go()
    submission.refresh_from_db()
    return submission


def _waiting_for(key: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", [key]
        )
        return int(cursor.fetchone()[0])


def test_two_processes_that_take_up_one_file_at_once_are_one_effect_and_one_report(
    clock: Clock, starter: Starter, other: Starter
) -> None:
    """A message delivered twice must not report half of the people as duplicates."""
    for round_ in range(ROUNDS):
        print(f"seed {SEED + round_}")
        text = own_file(random.Random(SEED + round_), 300)
        campaign = fresh_house(clock)
        alone = submit_file(people.person("A001"), text)
        assert imports.import_submission(alone.pk)
        undisturbed = outcome(alone, campaign)
        submission = two_at_once(clock, (starter, other), text)
        assert sorted([starter.told(), other.told()]) == [False, True]
        assert outcome(submission, Campaign.objects.get()) == undisturbed


def test_mutant_when_nobody_holds_the_file_and_checkpoints_are_not_compared_the_report_is_wrong(
    clock: Clock, starter: Starter, other: Starter
) -> None:
    text = "name,phone,email,handle\n" + "".join(f"Guest {n},,,h{n}\n" for n in range(300))
    created = []
    # Two processes that alternate exactly would pass by chance.
    while len(created) < 8 and (not created or created[-1] == 300):
        created.append(two_at_once(clock, (starter, other), text, broken="hold_nothing").report["created"])
        assert [starter.told(), other.told()] == [True, True]
    assert created[-1] < 300
