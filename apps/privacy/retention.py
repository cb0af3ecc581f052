"""How long contacts are kept (ADR 54): until their campaign is settled and RETENTION_DAYS have passed; a leaver's less.

Contacts that a campaign still evaluates are kept, and no past result changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core.jobs import claim_job
from apps.core.locks import advisory_lock
from apps.core.models import Job
from apps.privacy import retention_purge
from apps.privacy.erase_person import kept_domains
from apps.results.models import ResultCorrection
from apps.reviews.models import Review

JOB = "retention"
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RetentionStatus:
    """A campaign, the instant from which its contacts are erased, and whether unsettled reviews still keep them."""

    campaign: Campaign
    until: datetime
    unsettled: bool

    @property
    def period(self) -> tuple[datetime, datetime]:
        """Return the period in which its contacts are recorded, over all versions of its rule."""
        rules = self.campaign.versions
        return min(rule.opens_at for rule in rules), max(rule.cutoff_at for rule in rules)

    def contacts(self) -> int:
        """Return how many of its contacts are not erased."""
        begin, end = self.period
        return Contact.objects.filter(recorded_at__gte=begin, recorded_at__lt=end, name__isnull=False).count()

    def over(self, at: datetime) -> bool:
        """Return whether nothing needs its contacts at that instant."""
        return self.campaign.state == Campaign.State.FROZEN and at >= self.until and not self.unsettled

    def in_use(self, at: datetime) -> bool:
        """Return whether the campaign is evaluated, or its result can be disputed, at that instant.

        Contacts of such a campaign are not erased.
        """
        answered = self.campaign.rule.cutoff_at + reviewing_time()
        return self.campaign.state != Campaign.State.FROZEN or at < answered or self.unsettled


def reviewing_time() -> timedelta:
    """Return how long after a cut-off a review can be requested and answered."""
    return timedelta(days=settings.REVIEW_ASK_DAYS + settings.REVIEW_REPLY_DAYS)


def retention_period() -> timedelta | None:
    """Return how long after a cut-off contacts are kept: the time for reviews, then RETENTION_DAYS. None: for ever."""
    if not settings.RETENTION_DAYS:
        return None
    return reviewing_time() + timedelta(days=settings.RETENTION_DAYS)


def contacts_retained_until(campaign: Campaign) -> datetime | None:
    """Return the instant from which a campaign's contacts are erased; None: never."""
    keep = retention_period()
    return campaign.rule.cutoff_at + keep if keep else None


def retained_campaigns() -> list[RetentionStatus]:
    """Return every campaign with contacts to retain, sorted by the end of retention; empty without RETENTION_DAYS."""
    return sorted(_campaigns(), key=lambda one: one.until) if retention_period() else []


def _campaigns() -> list[RetentionStatus]:
    keep = retention_period() or timedelta()
    asked = set(Review.objects.filter(closed_at=None).values_list("campaign", flat=True))
    asked |= set(ResultCorrection.objects.filter(decided_at=None).values_list("campaign", flat=True))
    found = Campaign.objects.exclude(state=Campaign.State.CANCELLED).prefetch_related("rules")
    return [RetentionStatus(one, one.rule.cutoff_at + keep, one.pk in asked) for one in found if one.versions]


def limits(at: datetime) -> retention_purge.RetentionWindow | None:
    """Return what has expired at that instant; None while everything is kept for ever."""
    keep, left = retention_period(), settings.RETENTION_LEAVER_DAYS
    if keep is None and not left:
        return None
    campaigns = _campaigns()
    return retention_purge.RetentionWindow(
        before=at - keep if keep else BEGINNING,
        left_before=at - timedelta(days=left) if left else BEGINNING,
        held=[one.period for one in campaigns if not one.over(at)] if keep else [],
        use=[one.period for one in campaigns if one.in_use(at)],
        company_domains=kept_domains(),
    )


def count_expired(at: datetime) -> int:
    """Return how many contacts a run at that instant would erase."""
    found = limits(at)
    return retention_purge.count_due(found) if found else 0


def forget_expired(at: datetime) -> tuple[int, int] | None:
    """Erase everything that has expired; returns (contacts, digests), or None while another process does it."""
    contacts = digests = 0
    with advisory_lock(JOB) as mine:
        if not mine:
            return None
        found = limits(at)
        for blanked, freed in retention_purge.forget_expired(found) if found else ():
            contacts, digests = contacts + blanked, digests + freed
    return contacts, digests


def forget_expired_daily(now: datetime) -> bool:
    """Run the erasure once a day; returns True for the call that finished it.

    After a crash, the next call continues.
    """
    day = now.date().isoformat()
    if Job.objects.filter(job=JOB, period=day).exists():
        return False
    done = forget_expired(now)
    if done is None:
        return False
    with transaction.atomic():
        return claim_job(JOB, day, {"contacts": done[0], "digests": done[1]})
