"""The recount finds every kind of drift, and nothing else."""

from apps.campaigns.models import Campaign
from apps.core.models import OutboxRow
from apps.employees.models import Employee, Employment
from apps.standings.models import DailyCount, Standing
from apps.standings.process_runs import mark_all
from tests.oracle import oracle, recount, stored
from tests.people import mark, record


def test_a_recount_finds_every_standing_that_drifted_and_nothing_else(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, carol: Employee, hr: Employee
) -> None:
    for one in (alice, alan, bob, hr):
        record(one, 2)
    mark()
    assert recount(campaign) == []
    Standing.objects.filter(employee=hr).update(last_counted_on="2026-11-22")
    Standing.objects.filter(employee=alice).update(counted=3)
    Standing.objects.filter(employee=alan).update(exempt=True)
    DailyCount.objects.filter(employee=bob).update(count=1)
    Standing.objects.filter(employee=carol).delete()
    found = recount(campaign)
    assert [(one.staff_no, one.fields) for one in found if one.staff_no != "C001"] == [
        ("A001", ["counted"]),
        ("A002", ["exempt"]),
        ("B001", ["days"]),
        ("H001", ["last_counted_on"]),
    ]
    [gone] = [one for one in found if one.staff_no == "C001"]
    assert gone.stored is None
    assert gone.recounted["counted"] == 0


def test_a_standing_of_somebody_who_should_have_none_is_drift(campaign: Campaign, alan: Employee) -> None:
    mark()
    Employment.objects.filter(employee=alan).update(ends_at="2026-11-01T00:00:00+00:00")
    [found] = recount(campaign)
    assert (found.staff_no, found.recounted) == ("A002", None)


def test_who_has_a_note_waits_and_is_no_drift(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    assert recount(campaign) == []
    OutboxRow.objects.all().delete()
    assert [one.staff_no for one in recount(campaign)] == ["A001"]


def test_a_mark_of_everybody_mends_what_drifted(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    mark()
    Standing.objects.update(counted=5)
    DailyCount.objects.all().delete()
    mark_all(campaign)
    assert recount(campaign) == []
    assert stored(campaign) == oracle(campaign)
