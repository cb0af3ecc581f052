"""`/company/deputies/many/`: HR names deputies of several managers at once, after a preview. For HR alone."""

from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from apps.accounts.deputies import name_deputy
from apps.accounts.models import Account, Deputyship
from apps.contacts.services.submissions import lock_employees
from apps.core.errors import Refused
from apps.dashboard.forms.deputies import DeputyLine, ManyDeputiesForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee


@dataclass(frozen=True)
class Outcome:
    """A line with the deputyship that it makes, or why it makes none."""

    line: DeputyLine
    deputyship: Deputyship | None = None
    refusal: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def many(request: HttpRequest) -> HttpResponse:
    """The form, its preview, and with `confirmed` the effect. Refused lines come back in the form."""
    scope = hr_scope(request)
    if request.method != "POST":
        return _page(scope, ManyDeputiesForm())
    form = ManyDeputiesForm(request.POST)
    if not form.is_valid():
        return _page(scope, form, status=422)
    confirmed = "confirmed" in request.POST
    outcomes = _name_all(form, scope.user, keep=confirmed)
    if not outcomes:
        form.refuse("lines", _("Enter at least one line that names a deputy."))
        return _page(scope, form, status=422)
    named = sum(1 for outcome in outcomes if outcome.deputyship)
    if not confirmed:
        return _page(scope, form, outcomes, named)
    refused = [outcome for outcome in outcomes if not outcome.deputyship]
    if named:
        text = ngettext("%(count)s deputy is named.", "%(count)s deputies are named.", named)
        messages.success(request, text % {"count": named})
    if not refused:
        return redirect(scope.url("company-deputies"))
    rest = ManyDeputiesForm({"key": form["key"].value(), "lines": "\n".join(outcome.line.text for outcome in refused)})
    return _page(scope, rest.with_new_key(), refused, 0, status=422)


def _page(
    scope: PageContext, form: ManyDeputiesForm, outcomes: list[Outcome] | None = None, named: int = 0, status: int = 200
) -> HttpResponse:
    # Without ids: the visible form on the same page has them already.
    confirm = ManyDeputiesForm(form.data, auto_id=False) if named else None
    context = {"form": form, "outcomes": outcomes, "named": named, "confirm": confirm}
    return render(scope, "team/company_deputies_many.html", context, status=status)


def _name_all(form: ManyDeputiesForm, by: Account, *, keep: bool) -> list[Outcome]:
    """What each line does, in order. Without `keep` everything is undone: the preview decides as the act does."""
    lines, employees = list(form.deputies()), Employee.objects.visible_to(by)
    with transaction.atomic():
        # Each line locks its manager. All are locked here first, in the order of every other writer, against deadlocks.
        lock_employees(manager.pk for line in lines if (manager := employees.find(line.manager)))
        outcomes = [_name(form, line, by) for line in lines]
        transaction.set_rollback(not keep)
    return outcomes


def _name(form: ManyDeputiesForm, line: DeputyLine, by: Account) -> Outcome:
    people = {}
    for role, typed in (("manager", line.manager), ("deputy", line.deputy)):
        people[role] = Employee.objects.visible_to(by).find(typed)
        if people[role] is None:
            message = _("“%(text)s” is not the staff number or e-mail address of an employee.")
            return Outcome(line, refusal=message % {"text": typed})
    if line.until is None or (line.has_first_day and line.starts_on is None):
        return Outcome(line, refusal=_("A day is missing or cannot be read. Write it like 2026-11-30."))
    try:
        deputyship = name_deputy(**people, until=line.until, starts_on=line.starts_on, by=by, key=form.key_of(line))
    except Refused as refused:
        return Outcome(line, refusal=refused.message)
    return Outcome(line, deputyship)
