"""Makes the forecast of a campaign once for each local day and version of its rule."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from apps.campaigns.models import Campaign
from apps.core.jobs import claim_job
from apps.core.locks import advisory_lock
from apps.core.models import Job
from apps.core.sql import sql_literal, statement
from apps.forecasts.failures import may_try, noted
from apps.forecasts.finished_campaigns import DAYS, former_campaign, history_of
from apps.forecasts.group_making import Place, store_groups
from apps.forecasts.model import alike
from apps.forecasts.model.fitting import MAX_PEOPLE
from apps.forecasts.model.history import Counts, Frame, History, Snapshot, frame_of
from apps.forecasts.model.learning import MIN_DAYS, Basis, Learned, learn
from apps.forecasts.model.model import scale_of
from apps.forecasts.models import CampaignForecast
from apps.reports.standings_report import Standings
from apps.standings.models import MarkRange
from apps.standings.report_people import EmployeeIds, WholeCompany

logger = logging.getLogger(__name__)
# A forecast is that of the night until so long after the next midnight: then the nightly recount has begun, and the
# forecast waits for its ranges.
NIGHT = timedelta(hours=2, minutes=30)
TOTALS = statement("forecasts", "making", "totals")
PEOPLE = statement("forecasts", "making", "people")


@dataclass(frozen=True)
class Company:
    """What is known of all people when `days` have gone, and where each is in the org tree."""

    frame: Frame
    snapshot: Snapshot
    places: list[Place]

    def history(self, standings: Standings, length: int) -> History:
        """The daily counts of as many people as a fit uses, spread over the org tree."""
        people = [(place.employee, place.target) for place in self.places][:: -(-len(self.places) // MAX_PEOPLE) or 1]
        known: dict[int, dict[int, int]] = {employee: {} for employee, _target in people}
        some = Standings(standings.campaign, EmployeeIds(list(known)), now=standings.now)
        for employee, day, count in some.query(DAYS):
            known[employee][(day - standings.rule.opens_on).days] = count
        return History(length, known, dict(people))


def make_forecasts(now: datetime) -> list[CampaignForecast]:
    """Make every forecast that is due at `now`. Repeated, late or concurrent calls are safe."""
    made = [_make_once(campaign, now) for campaign in due_campaigns(now)]
    return [forecast for forecast in made if forecast]


def due_campaigns(now: datetime) -> list[Campaign]:
    """The open campaigns without a forecast for this night and rule; not before MIN_DAYS, not on the last day.

    A campaign waits while a run evaluates or compares its standings, and for the next night after a failure.
    """
    campaigns = [campaign for campaign in Campaign.objects.running().prefetch_related("rules") if campaign.versions]
    periods = {_job(campaign): (campaign, _period(campaign, now)) for campaign in campaigns if _can_say(campaign, now)}
    if not periods:
        return []
    done = set(Job.objects.filter(job__in=periods).values_list("job", "period"))
    waiting = MarkRange.objects.filter(state=MarkRange.State.WAITING).values_list("run__campaign_id", flat=True)
    busy = set(waiting.distinct())
    due = [
        campaign for job, (campaign, period) in periods.items() if (job, period) not in done and campaign.pk not in busy
    ]
    untried = may_try([(_attempts(campaign), _night(campaign, now)) for campaign in due])
    return [campaign for campaign in due if _attempts(campaign) in untried]


def _attempts(campaign: Campaign) -> str:
    """A changed rule is worth new ones."""
    return f"{_job(campaign)}, rule {campaign.rule.version}"


def _job(campaign: Campaign) -> str:
    return f"forecast:{campaign.slug}"


def _period(campaign: Campaign, now: datetime) -> str:
    return f"{_night(campaign, now)}, rule {campaign.rule.version}"


def _night(campaign: Campaign, now: datetime) -> date:
    return (now - NIGHT).astimezone(ZoneInfo(campaign.rule.time_zone)).date()


def _can_say(campaign: Campaign, now: datetime) -> bool:
    rule, day = campaign.rule, _night(campaign, now)
    return rule.in_period(now) and (day - rule.opens_on).days >= MIN_DAYS and day < rule.deadline


def _make_once(campaign: Campaign, now: datetime) -> CampaignForecast | None:
    """None when another process makes it or has made it, when it failed, or when it is too early to say."""
    forecast = None
    with advisory_lock(_job(campaign)) as locked:
        if locked:
            with noted(_attempts(campaign), _night(campaign, now)):
                forecast = _make(campaign, now)
    return forecast


def _make(campaign: Campaign, now: datetime) -> CampaignForecast | None:
    # Reading and fitting take seconds: they hold no lock but that of the forecast.
    made = _Making(campaign, _night(campaign, now), now)
    with transaction.atomic():
        if not claim_job(_job(campaign), _period(campaign, now)):
            return None
        forecast = made.store()
    logger.info("%s: forecast of %s %s", campaign.slug, made.day, "made" if forecast else "is too early to say")
    return forecast


class _Making:
    """The forecast of a campaign on a day: read and fitted, not yet stored."""

    def __init__(self, campaign: Campaign, day: date, now: datetime):
        self.campaign, self.rule, self.day, self.now = campaign, campaign.rule, day, now
        self.length = (self.rule.deadline - self.rule.opens_on).days + 1
        self.standings = Standings(campaign, WholeCompany(), now=now)
        self.company = self._read()
        self.former = former_campaign(campaign)
        self.former_history: History | None = None
        self.learned = self._learn()

    def _read(self) -> Company:
        opens_on, today = self.rule.opens_on, sql_literal(self.day)
        totals, person_days = [0] * (self.day - opens_on).days, 0
        for day, count, persons in self.standings.query(TOTALS.format(today=today)):
            totals[(day - opens_on).days] += count
            person_days += persons
        frame = frame_of(totals, person_days)
        begins = sql_literal(opens_on + timedelta(days=frame.begins))
        select = PEOPLE.format(today=today, begins=begins, file_size=frame.file_size)
        places = [
            Place(employee, place, department, Counts(counted, steady, recent * frame.recent_factor), target)
            for employee, place, department, counted, target, steady, recent in self.standings.query(select)
        ]
        snapshot = frame.snapshot(totals, [place.counts for place in places], self.length)
        return Company(frame, snapshot, places)

    def _learn(self) -> Learned | None:
        history = self.company.history(self.standings, self.length)
        if self.former is not None:
            rule = self.former.rule
            self.former_history = history_of(self.former, rule.cutoff_at, rule, most=MAX_PEOPLE)
        return learn(history, self.company.frame.gone, self.company.snapshot, self.former_history)

    def store(self) -> CampaignForecast | None:
        if self.learned is None:
            return None
        scale = scale_of(self.company.snapshot, self.learned.parameters)
        is_former = self.learned.basis is Basis.FORMER
        forecast = CampaignForecast.objects.create(
            campaign=self.campaign, day=self.day, rule_version=self.rule.version, made_at=self.now,
            basis=self.learned.basis.value, former=self.former if is_former else None, scale=scale,
            alike=self._alike() if is_former else [],
            **asdict(self.learned.parameters), **asdict(self.company.frame),
        )  # fmt: skip
        store_groups(forecast, forecast.model(self.rule, self.now), self.company.places, self.rule)
        return forecast

    def _alike(self) -> list[list[int]]:
        former = self.former_history
        if former is None:
            return []
        return alike.outcomes(former, round(former.length * self.company.frame.gone / self.length))
