"""Runs over all employees: begin one over wrong standings, inspect it on the way, and check it at the end."""

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.contacts.services.submissions import lock_employees
from apps.core.locks import lock_facts
from apps.employees.models import Employee
from apps.standings.models import MarkRange, MarkRun, Standing
from apps.standings.start_run import reevaluate_all
from tests.oracle import oracle
from tests.people import TESTER


def begin(campaign: Campaign) -> MarkRun:
    """Set all counts to zero and begin a run over all employees."""
    with transaction.atomic():
        lock_facts()
        lock_employees(Employee.objects.values_list("pk", flat=True))
        Standing.objects.filter(campaign=campaign).update(counted=0, target_reached_at=None)
        return reevaluate_all(campaign, cause="rule", by=TESTER)


def in_the_middle() -> list[int]:
    """The ranges that a slow worker holds: their effect is written but not committed, and their rows are locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM standings_markrange WHERE state = 'waiting'"
            " AND claimed_at < clock_timestamp() - interval '1 second'"
            " AND id NOT IN (SELECT id FROM standings_markrange FOR UPDATE SKIP LOCKED)"
        )
        return [range_id for (range_id,) in cursor.fetchall()]


def wrong_with(run: MarkRun) -> list[str]:
    """The errors of a finished run, in words: ranges that are not done, and totals that differ from the oracle's."""
    verdicts = oracle(run.campaign)
    wanted = {
        "people": Employee.objects.count(), "employees": len(verdicts),
        "counted": sum(counted for _no, counted, *_ in verdicts), "red": sum(red for *_, red in verdicts),
    }  # fmt: skip
    found = {name: run.totals.get(name) for name in wanted}
    left = run.ranges.exclude(state=MarkRange.State.DONE).count()
    wrong = [f"the run's totals are {found}, the oracle's {wanted}"] if found != wanted else []
    return wrong + ([f"{left} ranges are not done"] if left else [])
