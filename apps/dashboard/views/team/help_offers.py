"""Offers of help: a manager offers and withdraws on the member's page; the employee answers on `/`."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.errors import Refused
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.team.manager_actions import may_offer_help
from apps.dashboard.views.team.team import visible
from apps.employees.models import Employee
from apps.notifications.models import HelpOffer
from apps.notifications.reminders.help_offers import answer_offer, offer_help, sender_leads, withdraw_offer
from apps.standings import report_people


@require_POST
def offer(request: HttpRequest, staff_no: str) -> HttpResponse:
    scope = PageContext(request)
    employee = visible(scope, staff_no)
    if not may_offer_help(scope, employee):
        raise Http404("There is no such employee")
    try:
        _offer(scope, employee, request.POST.get("kind", ""))
    except Refused as refused:
        messages.warning(request, refused.message)
    return redirect(scope.url("team", employee.staff_no) + "#help")


def _offer(scope: PageContext, employee: Employee, kind: str) -> None:
    if kind not in HelpOffer.Kind.values:
        raise Refused("invalid", _("Choose what you offer."))
    row = scope.standings(report_people.OneEmployee(employee)).row_of(employee.pk)
    if row is None or not row.red:
        raise Refused("reached", _("This person is not below target."))
    offer_help(campaign=scope.required_campaign, employee=employee, kind=HelpOffer.Kind(kind), by=scope.user)
    text = _("%(name)s now sees your offer on their first page.")
    messages.success(scope.request, text % {"name": employee.name})


@require_POST
def withdraw(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Idempotent. An offer stays withdrawable by its author, also after the author leads the person no more."""
    scope = PageContext(request)
    try:
        offer, is_done = withdraw_offer(offer_id=offer_id, by=scope.user)
    except HelpOffer.DoesNotExist as unknown:
        raise Http404("There is no such offer") from unknown
    if is_done:
        messages.success(request, _("Your offer is withdrawn."))
    member = Employee.objects.visible_to(scope.user).select_related("node").filter(pk=offer.employee_id).first()
    if member is None or not may_offer_help(scope, member):
        return redirect(scope.url("me"))
    return redirect(scope.url("team", member.staff_no) + "#help")


@require_POST
def answer(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Idempotent: a second answer changes nothing."""
    scope = PageContext(request)
    accepted = request.POST.get("answer") == HelpOffer.State.ACCEPTED
    try:
        offer, is_done = answer_offer(offer_id=offer_id, employee=scope.required_employee, accepted=accepted)
    except HelpOffer.DoesNotExist as unknown:
        raise Http404("There is no such offer") from unknown
    if is_done:
        if not sender_leads(offer):
            text = _("%(name)s is no longer your manager and does not see your answer.")
        elif accepted:
            text = _("%(name)s sees that you accept.")
        else:
            text = _("%(name)s sees that you need no help now.")
        messages.success(request, text % {"name": offer.offered_by_label})
    return redirect(scope.url("me"))
