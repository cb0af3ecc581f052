"""Offers of help: a manager offers a fixed choice, and the employee answers it by one click."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.employees.models import Employee, TreeNode
from apps.notifications.models import HelpOffer
from apps.notifications.reminders.sending import can_remind_in, sender_name

# Between two offers to one person, also by two managers: each sends a mail.
MIN_INTERVAL = timedelta(hours=24)
# Of one person in seven days, from all managers together, withdrawn ones too.
MAX_IN_WEEK = 3
State = HelpOffer.State


def offer_help(*, campaign: Campaign, employee: Employee, kind: HelpOffer.Kind, by: Account) -> HelpOffer:
    """Offer help to an employee below the target. Repeated while it is open, it is the same offer. Raises Refused.

    The caller checks that `by` leads the employee and that the employee is below the target.
    """
    with transaction.atomic():
        # The row lock serialises offers to one person, so that the limit holds across senders.
        Employee.objects.select_for_update(no_key=True).get(pk=employee.pk)
        now, offers = db_now(), HelpOffer.objects.filter(employee=employee)
        existing = offers.open().filter(campaign=campaign, offered_by_id=by.pk).first()
        if existing and existing.kind == kind:
            return existing
        if existing:
            raise Refused("waiting", _("Your offer is waiting for an answer. Withdraw it first."), conflict=True)
        if not can_remind_in(campaign, now):
            raise Refused("over", _("This campaign is over."), conflict=True)
        if offers.filter(offered_at__gt=now - MIN_INTERVAL).exists():
            message = _("This person was offered help within the last 24 hours. Offer it tomorrow.")
            raise Refused("too_many", message, conflict=True)
        if offers.filter(offered_at__gt=now - timedelta(days=7)).count() >= MAX_IN_WEEK:
            message = _("This person was offered help %(most)s times within seven days. Offer it later.")
            raise Refused("too_many", message % {"most": MAX_IN_WEEK}, conflict=True)
        offer = HelpOffer.objects.create(
            campaign=campaign, employee=employee, kind=kind, offered_by_id=by.pk, offered_by_label=sender_name(by),
            offered_at=now,
        )  # fmt: skip
        # Without the employee: who is helped concerns the two alone.
        audit("help.offered", by=by.actor, kind="help", id=offer.pk, detail={"campaign": campaign.slug, "kind": kind})
        record_event("help_offered", subject=f"help:{offer.pk}", campaign_id=campaign.pk, employees=[employee.pk])
    return offer


def answer_offer(*, offer_id: int, employee: Employee, accepted: bool) -> tuple[HelpOffer, bool]:
    """Answer the own offer; False when it was closed before. Raises HelpOffer.DoesNotExist."""
    offer = HelpOffer.objects.get(pk=offer_id, employee=employee)
    return offer, _close(offer, State.ACCEPTED if accepted else State.NOT_NEEDED)


def sender_leads(offer: HelpOffer) -> bool:
    """Whether the manager who made the offer is above the employee today, and so reads the answer."""
    node = TreeNode.objects.filter(employee=offer.employee_id).first()
    above = Employee.objects.filter(account=offer.offered_by_id, node__employed=True)
    return node is not None and above.filter(node__first__lte=node.first, node__last__gte=node.first).exists()


def withdraw_offer(*, offer_id: int, by: Account) -> tuple[HelpOffer, bool]:
    """Withdraw an offer that this account made; False when it was closed before. Raises HelpOffer.DoesNotExist."""
    with transaction.atomic():
        offer = HelpOffer.objects.get(pk=offer_id, offered_by_id=by.pk)
        is_done = _close(offer, State.WITHDRAWN)
        if is_done:
            audit("help.withdrawn", by=by.actor, kind="help", id=offer.pk, detail={"kind": offer.kind})
    return offer, is_done


def _close(offer: HelpOffer, state: HelpOffer.State) -> bool:
    return bool(HelpOffer.objects.open().filter(pk=offer.pk).update(state=state, closed_at=db_now()))
