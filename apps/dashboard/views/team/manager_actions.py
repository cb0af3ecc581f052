"""What a manager or HR may do for the people of a page: remind them, write to one, offer one help."""

from dataclasses import dataclass
from typing import Any

from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.team.list_filters import StandingFilters
from apps.employees.models import Employee
from apps.notifications.models import HelpOffer
from apps.notifications.reminders.sending import can_remind_in

# The most offers of help that a member's page shows.
MAX_OFFERS = 5


@dataclass(frozen=True)
class ListActions:
    """`remind`: the address of the reminder's preview. Empty or False: not possible for this reader or now."""

    remind: str = ""
    writes: bool = False
    offers_help: bool = False


def leads(scope: PageContext, employee: Employee) -> bool:
    """Whether the reader is this employee or above, in today's tree. A deputy is not: deputies only see (ADR 81)."""
    own, node = getattr(scope.employee, "node", None), getattr(employee, "node", None)
    return own is not None and node is not None and own.first <= node.first <= own.last


def may_offer_help(scope: PageContext, employee: Employee) -> bool:
    return leads(scope, employee) and scope.user.employee_id != employee.pk and can_act_now(scope)


def may_remind(scope: PageContext, root: Employee | None) -> bool:
    """Whether the reader may remind people of this team now; None: of the company, which HR may."""
    is_sender = scope.user.has_role("hr") or (root is not None and leads(scope, root))
    return is_sender and (root is None or root.is_manager) and can_act_now(scope)


def can_act_now(scope: PageContext) -> bool:
    """Whether the page shows a campaign as of now in which contacts count."""
    return scope.as_of is None and can_remind_in(scope.campaign, scope.now)


def list_actions(scope: PageContext, filters: StandingFilters, root: Employee | None = None) -> ListActions:
    if not may_remind(scope, root):
        return ListActions()
    if root is None:
        return ListActions(scope.url("company-remind", **filters.query), writes=True)
    remind = scope.url("team-remind", root.staff_no, **filters.query)
    return ListActions(remind, writes=True, offers_help=leads(scope, root))


def help_panel(scope: PageContext, employee: Employee, row: Any) -> dict[str, Any] | None:
    """For the page of a member: what the reader offered, and what the reader can offer now; None for other readers.

    `row`: the member's standing, if there is one.
    """
    if not may_offer_help(scope, employee):
        return None
    own = HelpOffer.objects.filter(campaign=scope.campaign, employee=employee, offered_by_id=scope.user.pk)
    offers = list(own.order_by("-offered_at", "-pk")[:MAX_OFFERS])
    waits = any(offer.state == HelpOffer.State.OPEN for offer in offers)
    kinds = HelpOffer.Kind.choices if row is not None and row.red and not waits else []
    return {"offers": offers, "kinds": kinds, "address": row.email if row is not None else ""}
