"""How long contacts are kept (ADR 54): until their campaign is settled and RETENTION_DAYS have passed; a leaver's less.

Contacts that a campaign still evaluates are kept, and no past result changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core.clock import db_now
from apps.core.jobs import claim_job
from apps.core.locks import advisory_lock
from apps.core.models import Job
from apps.privacy import retention_purge
from apps.privacy.erase_person import kept_domains
from apps.results.corrections import open_corrections
from apps.reviews.models import Review

JOB = "retention"
# A bound that no contact lies before, for the half of the rule that is switched off.
NO_CONTACT_BEFORE = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RetentionStatus:
    """A campaign, the instant from which its contacts are erased, and what is undecided and keeps them longer.

    `corrections`: when each open correction was requested.
    """

    campaign: Campaign
    until: datetime
    has_open_review: bool = False
    corrections: Sequence[datetime] = ()

    @property
    def period(self) -> tuple[datetime, datetime]:
        """Return the period in which its contacts are recorded, over all versions of its rule."""
        # A later version may have moved the dates: contacts of either period belong to the campaign.
        rules = self.campaign.versions
        return min(rule.opens_at for rule in rules), max(rule.cutoff_at for rule in rules)

    def contacts(self) -> int:
        """Return how many of its contacts are not erased."""
        begin, end = self.period
        return Contact.objects.filter(recorded_at__gte=begin, recorded_at__lt=end, name__isnull=False).count()

    def is_over(self, at: datetime) -> bool:
        """Return whether nothing needs its contacts at that instant."""
        return self.campaign.state == Campaign.State.FROZEN and at >= self.until and not self.unsettled

    @property
    def unsettled(self) -> bool:
        """Whether an open review or correction keeps the contacts after `until`."""
        return self._is_disputed_after(self.until)

    def in_use(self, at: datetime) -> bool:
        """Return whether the campaign is evaluated, or its result can be disputed, at that instant.

        Contacts of such a campaign are not erased.
        """
        answered = self.campaign.rule.cutoff_at + reviewing_time()
        return self.campaign.state != Campaign.State.FROZEN or at < answered or self._is_disputed_after(answered)

    def _is_disputed_after(self, end: datetime) -> bool:
        # A correction requested later keeps nothing: renewed before each expiry, it would keep the contacts for ever.
        return self.has_open_review or any(asked_at < end for asked_at in self.corrections)


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
    return sorted(_campaigns(), key=lambda status: status.until) if retention_period() else []


def _campaigns() -> list[RetentionStatus]:
    keep = retention_period() or timedelta()
    reviewed = set(Review.objects.filter(closed_at=None).values_list("campaign", flat=True))
    corrections: dict[int, list[datetime]] = {}
    for campaign_id, asked_at in open_corrections(db_now()).values_list("campaign", "asked_at"):
        corrections.setdefault(campaign_id, []).append(asked_at)
    campaigns = Campaign.objects.exclude(state=Campaign.State.CANCELLED).prefetch_related("rules")
    return [
        RetentionStatus(
            campaign, campaign.rule.cutoff_at + keep, campaign.pk in reviewed, corrections.get(campaign.pk, ())
        )
        for campaign in campaigns
        if campaign.versions
    ]


def retention_window(at: datetime) -> retention_purge.RetentionWindow | None:
    """Return what has expired at that instant; None while everything is kept for ever."""
    keep, left = retention_period(), settings.RETENTION_LEAVER_DAYS
    if keep is None and not left:
        return None
    campaigns = _campaigns()
    return retention_purge.RetentionWindow(
        before=at - keep if keep else NO_CONTACT_BEFORE,
        left_before=at - timedelta(days=left) if left else NO_CONTACT_BEFORE,
        retained=[status.period for status in campaigns if not status.is_over(at)] if keep else [],
        used=[status.period for status in campaigns if status.in_use(at)],
        company_domains=kept_domains(),
    )


def count_expired(at: datetime) -> int:
    window = retention_window(at)
    return retention_purge.count_due(window) if window else 0


def erase_expired(at: datetime) -> tuple[int, int] | None:
    """Erase everything that has expired; returns (contacts, digests), or None while another process does it."""
    contacts = digests = 0
    with advisory_lock(JOB) as acquired:
        if not acquired:
            return None
        window = retention_window(at)
        for blanked, replaced in retention_purge.erase_expired(window) if window else ():
            contacts, digests = contacts + blanked, digests + replaced
    return contacts, digests


def erase_expired_daily(now: datetime) -> bool:
    """Run the erasure once a day; returns True for the call that finished it.

    After a crash, the next call continues.
    """
    day = now.date().isoformat()
    # The job is recorded at the end, so that a run that died is repeated the same day.
    if Job.objects.filter(job=JOB, period=day).exists():
        return False
    done = erase_expired(now)
    if done is None:
        return False
    with transaction.atomic():
        return claim_job(JOB, day, {"contacts": done[0], "digests": done[1]})
