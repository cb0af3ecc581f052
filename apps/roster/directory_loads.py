"""Load users of the directory as roster loads of the account that caused their changes; isolate what one may not do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.core.audit import Actor, audit
from apps.core.jobs import claim_job
from apps.core.models import Job
from apps.core.sql import execute, statement
from apps.fileio.errors import UnreadableFile
from apps.roster.directory_models import DirectoryUser
from apps.roster.directory_rows import DirectoryRow, DirectoryTable, rows_of
from apps.roster.effects import NeedsSecondPerson
from apps.roster.import_approvals import REQUESTS_A_DAY
from apps.roster.load_checks import UnloadableRoster
from apps.roster.loading import RosterResult, load_roster
from apps.roster.models import RosterSource
from apps.roster.parser import ConflictingRows, read_roster

State = DirectoryUser.State
FILE_NAME = "directory.csv"
# Halving isolates one user of a thousand in twenty loads; the others of a larger group wait with it.
MAX_LOADS = 24
# Problems: changes of several accounts, of which none may cause a part of another's; and the limit of an account's day.
SEVERAL_ACCOUNTS, DAILY_LIMIT = "several_accounts", "daily_limit"
MARK = statement("roster", "directory", "mark")
MARK_WAITING_ADDRESSES = statement("roster", "directory", "mark_waiting_addresses")


@dataclass
class Run:
    """The loads of one account: how many may still be tried, and the day whose limit counts."""

    by: Actor
    now: datetime
    loads_left: int = MAX_LOADS

    @property
    def day(self) -> str:
        return f"{self.now:%Y-%m-%d}"

    @property
    def _job(self) -> str:
        return f"directory_counted:{self.by.id}"

    def over_limit(self) -> bool:
        """Whether the account's changes have been isolated as often as one may see in a day (ADR 63)."""
        return Job.objects.filter(job=self._job, period__startswith=self.day).count() >= REQUESTS_A_DAY

    def count_isolation(self) -> None:
        """Count one: what is isolated is perhaps someone's contact."""
        any(claim_job(self._job, f"{self.day}:{number}") for number in range(REQUESTS_A_DAY))


def apply_users(users: Sequence[DirectoryUser], run: Run) -> None:
    """Load these users of one account, or the parts of them that can be loaded; mark each one with its outcome."""
    _mark([user for user in users if not user.staff_no], State.REFUSED, "no_staff_no")
    numbered = [user for user in users if user.staff_no]
    # Not even tried: a load of one account would let the other one approve its own change.
    _mark([user for user in numbered if user.other_actors], State.HELD, SEVERAL_ACCOUNTS)
    own = [user for user in numbered if not user.other_actors]
    if not own:
        return
    if run.over_limit():
        # Neither is any of these tried: whether it can be loaded would say the same.
        _mark(own, State.HELD, DAILY_LIMIT)
    elif run.loads_left <= 0:
        _mark(own, State.HELD, "too_many_loads")
    else:
        run.loads_left -= 1
        _load(own, run)


def _load(users: Sequence[DirectoryUser], run: Run) -> None:
    rows = rows_of(users)
    try:
        roster = read_roster(DirectoryTable(rows), clear_empty=True)
        # The option of a file would compare the whole roster, to count the cleared values for a reader.
        roster.clear_empty = False
        result = load_roster(roster=roster, by=run.by, file_name=FILE_NAME, source=RosterSource.SCIM)
    except NeedsSecondPerson as needs:
        if not _halve(users, run):
            _isolate(users, run, needs.effect)
    except UnreadableFile as error:
        # Its text names the person.
        lines = error.lines if isinstance(error, ConflictingRows) else ()
        _refuse(users, run, [users[line - 1] for line in lines], "conflicting_rows")
    except UnloadableRoster as error:
        named = [user for user in users if user.staff_no in error.people]
        _refuse(users, run, named, error.code, str(error))
    else:
        _mark_loaded(rows, result)


def _refuse(
    users: Sequence[DirectoryUser], run: Run, named: Sequence[DirectoryUser], code: str, reason: str = ""
) -> None:
    """Refuse the users that an error names and load the others; without a name, the users that halving isolates."""
    if named:
        _mark(named, State.REFUSED, code, reason)
        apply_users([user for user in users if user not in named], run)
    elif not _halve(users, run):
        _mark(users, State.HELD if code.startswith("approval_") else State.REFUSED, code)


def _halve(users: Sequence[DirectoryUser], run: Run) -> bool:
    """Load each half; False when nothing is left to halve."""
    if len(users) == 1 or run.loads_left <= 0:
        return False
    middle = len(users) // 2
    apply_users(users[:middle], run)
    apply_users(users[middle:], run)
    return True


def _isolate(users: Sequence[DirectoryUser], run: Run, effect: dict[str, int]) -> None:
    """Hold these users for a second person, with the entry for auditors that a confirmed file has too."""
    counted = bool(effect.get("counts"))
    with transaction.atomic():
        if counted:
            run.count_isolation()
        subject, label = (users[0].pk, users[0].staff_no) if len(users) == 1 else ("", FILE_NAME)
        detail = {"changes_counts": counted}
        audit("roster.effect_counted", by=run.by, kind="directory", id=subject, label=label, detail=detail)
        _mark(users, State.HELD, "second_person")


def _mark_loaded(rows: Sequence[DirectoryRow], result: RosterResult) -> None:
    rejected = {reject.line: reject for reject in result.rejects}
    outcomes = []
    for line, row in enumerate(rows, start=1):
        if reject := rejected.get(line):
            outcomes.append((row.user, State.REFUSED, reject.code, reject.reason))
        else:
            outcomes.append((row.user, State.APPLIED, row.problem, ""))
    # Together: between them, a change would take a waiting address for one that the roster has.
    with transaction.atomic():
        _write_marks(outcomes)
        execute(MARK_WAITING_ADDRESSES, {"ids": [row.user.pk for row in rows]})


def _mark(users: Sequence[DirectoryUser], state: State, problem: str, reason: str = "") -> None:
    _write_marks([(user, state, problem, reason) for user in users])


def _write_marks(outcomes: Sequence[tuple[DirectoryUser, State, str, str]]) -> None:
    if not outcomes:
        return
    execute(
        MARK,
        {
            "ids": [user.pk for user, *_rest in outcomes],
            "versions": [user.version for user, *_rest in outcomes],
            "states": [str(state) for _user, state, *_rest in outcomes],
            "problems": [problem for _user, _state, problem, _reason in outcomes],
            "reasons": [reason for *_rest, reason in outcomes],
        },
    )
