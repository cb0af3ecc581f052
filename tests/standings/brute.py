"""Random companies, and every figure of a report computed again from their facts in plain Python."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from apps.campaigns import rules
from apps.campaigns.adjustments.approve import grant_adjustment, refuse_adjustment
from apps.campaigns.adjustments.requests import request_revocation
from apps.campaigns.models import Adjustment, Campaign
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.core.outbox import queue_reevaluation
from apps.employees.models import Employee, Employment, Placement
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import WholeCompany
from tests.people import adjust, ask, load, mark, november, officer

ZONE = ZoneInfo("Asia/Shanghai")
OPENED = datetime(2026, 10, 31, 16, tzinfo=UTC)
TARGET = 8


def build(seed: int, size: int = 16) -> Campaign:
    """A company with random moves, joiners, leavers and contacts; two employees have a pending evaluation."""
    print(f"seed {seed}")
    dice = random.Random(seed)
    lines = []
    for n in range(size):
        boss = "" if n == 0 or dice.random() < 0.1 else f"P{dice.randrange(n):02d}"
        left = f"2026-11-{dice.choice([10, 11, 11, 15, 21])}" if dice.random() < 0.15 else ""
        came = f"2026-11-{dice.randrange(2, 9):02d}" if dice.random() < 0.2 else ""
        lines.append(f"P{n:02d},Person {n:02d},p{n}@corp.example.com,{dice.choice(DEPARTMENTS)},{boss},{came},{left}")
    load("staff_no,name,email,department,manager_staff_no,started_on,left_on\n" + "\n".join(lines))
    for n in dice.sample(range(2, size), 3):
        moved = f"P{n:02d},Person {n:02d},p{n}@corp.example.com,Moved,P00,2026-11-{dice.choice([5, 8, 12, 12, 17]):02d}"
        load("staff_no,name,email,department,manager_staff_no,effective_on\n" + moved)
    campaign, staff = (
        november(target=TARGET, prorate_joiners=seed % 2 == 0),
        list(Employee.objects.order_by("staff_no")),
    )
    for one in staff:
        _record(dice, one, dice.choice([0, 2, 5, 8, 9, 14]))
        if dice.random() < 0.4:
            terms = dice.choice([{"target": dice.randint(1, 12)}, {"exempt": True}])
            begin = OPENED + timedelta(days=dice.randrange(20))
            made = adjust(campaign=campaign, employee=one, starts_at=begin, **terms)
            if dice.random() < 0.3:
                ending = request_revocation(request=made.request, employee=None, reason="x", by=officer("asks"))
                grant_adjustment(request_id=ending.pk, by=officer("grants"))
        if dice.random() < 0.4:
            _ask_in_vain(dice, campaign, one)
    mark()
    for one in dice.sample(staff, 2):
        _record(dice, one, 3)
        queue_reevaluation([one.pk])
    return campaign


def _ask_in_vain(dice: random.Random, campaign: Campaign, employee: Employee) -> None:
    """An adjustment that was requested and not granted: it waits, or HR refused it."""
    terms = dice.choice([{"target": 1}, {"exempt": True}])
    asked = ask(campaign=campaign, employee=employee, **terms)
    if dice.random() < 0.5:
        refuse_adjustment(request_id=asked.pk, note="x", by=officer("grants"))


DEPARTMENTS = ("Sales", "Support", "100%_sure", "")


def _record(dice: random.Random, employee: Employee, people: int) -> None:
    """Write contacts directly: recorded from before the opening up to now, some ended, some colleagues."""
    for _ in range(people):
        # Rounded to hours, so that several fall on one instant.
        recorded = OPENED + timedelta(hours=dice.randrange(-48, 22 * 24))
        ended = recorded + timedelta(hours=dice.randrange(1, 200)) if dice.random() < 0.2 else None
        if ended and ended > datetime(2026, 11, 23, 4, tzinfo=UTC):
            ended = None
        contact = Contact.objects.create(
            employee=employee, name="x", recorded_at=recorded, stored_at=recorded, ended_at=ended,
            end_reason="removed" if ended else None, source=dice.choice(["page", "csv", "api"]),
            was_external=False if dice.random() < 0.1 else None,
        )  # fmt: skip
        ContactIdentity.objects.create(
            employee=employee, contact=contact, kind="handle", value="x", digest=dice.randbytes(32), live=ended is None
        )


@dataclass
class Person:
    """One person's standing, computed again."""

    employee: Employee
    department: str
    manager: Employee | None
    target: int
    exempt: bool
    instants: list[datetime]
    pace: str
    quiet_days: int | None
    churned_early: int

    @property
    def staff_no(self) -> str:
        return self.employee.staff_no

    @property
    def counted(self) -> int:
        return len(self.instants)

    @property
    def red(self) -> bool:
        return self.counted < self.target and not self.exempt

    @property
    def remaining(self) -> int:
        return max(self.target - self.counted, 0)

    @property
    def target_reached_at(self) -> datetime | None:
        return self.instants[self.target - 1] if self.counted >= self.target else None

    @property
    def last_counted_on(self) -> date | None:
        return max((local(at) for at in self.instants), default=None)

    @property
    def stalled(self) -> bool:
        return self.red and self.quiet_days is not None and self.quiet_days >= 7

    def counted_by(self, day: date) -> int:
        return sum(local(at) <= day for at in self.instants)


def local(at: datetime) -> date:
    return at.astimezone(ZONE).date()


class Brute:
    """All employees of the campaign's population at an instant. `past`: by the org tree of that instant."""

    def __init__(self, campaign: Campaign, at: datetime, *, past: bool):
        self.rule, self.at, self.past = campaign.rule, at, past
        self.look = min(at, self.rule.cutoff_at)
        self.places = {
            place.employee_id: place
            for place in Placement.objects.select_related("manager")
            if (place.starts_at < self.look <= place.ends_at if past else place.starts_at <= at < place.ends_at)
        }
        # The first days of all employments that touch the campaign, in the company's zone.
        self.first_days: dict[int, list[date]] = {}
        for work in Employment.objects.filter(ends_at__gt=self.rule.opens_at, starts_at__lt=self.rule.cutoff_at):
            self.first_days.setdefault(work.employee_id, []).append(work.starts_at.astimezone(UTC).date())
        employed = {
            work.employee_id: work.starts_at
            for work in Employment.objects.all()
            if work.starts_at < self.look <= work.ends_at
        }
        self.adjustments = [
            one
            for one in Adjustment.objects.filter(campaign=campaign).order_by("starts_at", "id")
            if one.granted_at and one.starts_at < self.look <= min(one.ends_at, one.ended_at or one.ends_at)
        ]
        self.contacts = contacts = list(Contact.objects.order_by("recorded_at", "id"))
        self.people = [
            self._person(one, [contact for contact in contacts if contact.employee_id == one.pk], employed[one.pk])
            for one in Employee.objects.order_by("staff_no")
            if one.pk in employed
        ]

    def _person(self, employee: Employee, contacts: list[Contact], hired_at: datetime) -> Person:
        mine = [one for one in self.adjustments if one.employee_id == employee.pk]
        target = next((one.target for one in reversed(mine) if one.target), self._target(employee))
        exempt = next((one.exempt for one in reversed(mine) if one.exempt is not None), False)
        instants = [one.recorded_at for one in contacts if self._counts(one)]
        place = self.places[employee.pk]
        pace = rules.pace(len(instants), target, self.rule.opens_at, self.rule.cutoff_at, self.at)
        quiet = self._quiet_days(instants, hired_at)
        ended = sum(map(self._churned_early, contacts))
        return Person(employee, place.department, place.manager, target, exempt, instants, pace, quiet, ended)

    def _target(self, employee: Employee) -> int:
        """The campaign's target, or a joiner's: by the days left, counted one by one."""
        rule, joined = self.rule, min(self.first_days[employee.pk])
        if not rule.prorate_joiners or joined <= rule.opens_on:
            return rule.target
        period = [rule.opens_on + timedelta(days=n) for n in range((rule.deadline - rule.opens_on).days + 1)]
        return max(-(-rule.target * len([day for day in period if day >= joined]) // len(period)), 1)

    def _quiet_days(self, instants: list[datetime], hired_at: datetime) -> int | None:
        """Days up to and including today without a counted contact, from the first day on which one was possible."""
        if self.at >= self.rule.cutoff_at:
            return None
        day, busy, days = local(max(hired_at, self.rule.opens_at)), {local(at) for at in instants}, 0
        today = local(self.at - timedelta(microseconds=1))
        while day <= today:
            days = 0 if day in busy else days + 1
            day += timedelta(days=1)
        return days

    def _counts(self, contact: Contact) -> bool:
        ended = contact.ended_at is not None and contact.ended_at < self.look
        inside = self.rule.opens_at <= contact.recorded_at < self.look
        return inside and not ended and contact.was_external is not False

    def _churned_early(self, contact: Contact) -> bool:
        if contact.ended_at is None or contact.recorded_at < self.rule.opens_at:
            return False
        return contact.ended_at < self.look and contact.ended_at - contact.recorded_at <= timedelta(days=7)

    def team(self, root: Employee) -> list[Person]:
        """All people of the population below `root`."""
        return [one for one in self.people if root.pk in self.chain(one.employee.pk)]

    def chain(self, employee_id: int) -> list[int]:
        chain, place = [], self.places[employee_id]
        while place.manager_id is not None:
            chain.append(place.manager_id)
            place = self.places[place.manager_id]
        return chain

    def meter(self, people: list[Person], everyone: bool) -> dict[str, int]:
        """The data quality indicators of these people, from single contacts and submission reports."""
        ids = {one.employee.pk for one in people}
        yesterday = local(self.look - timedelta(microseconds=1)) - timedelta(days=1)
        own = [one for one in self.contacts if one.employee_id in ids and self.rule.opens_at <= one.recorded_at]
        handed = [
            one
            for one in Submission.objects.all()
            if (one.employee_id in ids or (everyone and one.employee_id is None))
            and one.source != "feed"
            and self.rule.opens_at <= one.received_at < self.look
        ]
        outcomes = [each["code"] for one in handed for each in one.report.get("outcomes", [])]
        return {
            "counted": sum(one.counted for one in people),
            "since_yesterday": sum(local(one.recorded_at) >= yesterday for one in own if self._counts(one)),
            "churned_early": sum(one.churned_early for one in people),
            "submitted": len(outcomes) + sum(one.report.get("read", 0) for one in handed),
            "duplicates": outcomes.count("duplicate") + sum(one.report.get("duplicate", 0) for one in handed),
            "people": len(people),
            "at_zero": sum(one.counted == 0 for one in people),
        }

    def days(self) -> list[date]:
        last, days, day = min(local(self.at), self.rule.deadline), [], self.rule.opens_on
        while day <= last:
            days.append(day)
            day += timedelta(days=1)
        return days


def quantile(numbers: list[int], share: float) -> int:
    """The smallest number that at least this share does not exceed."""
    return sorted(numbers)[max(ceil(share * len(numbers)), 1) - 1] if numbers else 0


def totals(people: list[Person]) -> dict[str, int]:
    counted = [one.counted for one in people]
    paces = Counter(one.pace for one in people)
    return {
        "people": len(people),
        "red": sum(one.red for one in people),
        "at_target": sum(one.counted >= one.target for one in people),
        "exempt": sum(one.exempt for one in people),
        "exempt_below": sum(one.exempt and one.counted < one.target for one in people),
        **{pace: paces[pace] for pace in ("done", "ahead", "on_pace", "behind")},
        "keeping_pace": paces["ahead"] + paces["on_pace"],
        "still": sum(one.stalled for one in people),
        **{f"within_{most}": sum(one.red and one.remaining <= most for one in people) for most in (5, 10)},
        "at_zero": sum(one.counted == 0 for one in people),
        "counted": sum(counted),
        "targets": sum(one.target for one in people if not one.exempt),
        "to_go": sum(one.remaining for one in people if not one.exempt),
        "quartile_1": quantile(counted, 0.25),
        "median": quantile(counted, 0.5),
        "quartile_3": quantile(counted, 0.75),
    }


def bands(people: list[Person], day: date) -> list[int]:
    """People by share of their target at the end of a day: under 25, 50, 75, 100 %, and 100 % or more."""
    found = Counter(min(one.counted_by(day) * 4 // one.target, 4) for one in people)
    return [found[band] for band in range(5)]


def group(people: list[Person]) -> dict[str, Any]:
    found = totals(people)
    return {name: found[name] for name in ("people", "red", "at_target", "counted", "median")}


def both(campaign: Campaign, as_of: datetime | None, **filters: str) -> tuple[Standings, Brute]:
    standings = Standings(campaign, WholeCompany(), as_of=as_of, filters=Filters(**filters))
    return standings, Brute(campaign, standings.now, past=as_of is not None)
