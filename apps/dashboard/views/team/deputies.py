"""`/deputies/`: the reader's deputies, and the managers the reader is a deputy for.

`/company/deputies/`: HR names deputies of any manager. The page has no search: a number is typed in full. It shows the
name only after the person was named as deputy, which the audit trail records. So the page is no directory of people
whom a manager may not see.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.deputies import DeputyRefused, end_deputyship, name_deputy
from apps.accounts.models import Deputyship
from apps.dashboard.forms.deputies import DeputyForm
from apps.dashboard.labels import base
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee

PAGE = 50


def _own_scope(request: HttpRequest) -> PageContext:
    """The page context of a manager, or of a party to a deputyship that is not over. Raises Http404 for all others."""
    scope = PageContext(request)
    if not _has_page(scope):
        raise Http404("There is no such page")
    return scope


def _has_page(scope: PageContext) -> bool:
    reader = scope.employee
    return reader is not None and (reader.is_manager or Deputyship.objects.not_over().of(reader).exists())


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The reader's deputies with a form for one more, and the managers the reader is a deputy for."""
    scope = _own_scope(request)
    reader = scope.the_employee
    if request.method != "POST":
        return _own_page(scope, DeputyForm(company=False))
    if not reader.is_manager:
        raise Http404("There is no team to stand in for")
    form = DeputyForm(request.POST, company=False)
    if form.is_valid() and _named(scope, form, reader):
        return redirect(scope.url("deputies"))
    return _own_page(scope, form, 422)


def _own_page(scope: PageContext, form: DeputyForm, status: int = 200) -> HttpResponse:
    deputyships = Deputyship.objects.not_over().select_related("manager__node", "deputy")
    context = {
        "form": form if scope.the_employee.is_manager else None,
        "mine": deputyships.filter(manager=scope.the_employee),
        "held": deputyships.filter(deputy=scope.the_employee),
        "end_url": "deputy-end",
    }
    return render(scope, "team/deputies.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def company(request: HttpRequest) -> HttpResponse:
    """All deputyships by end, with a form that names a deputy for any manager."""
    scope = hr_scope(request)
    if request.method != "POST":
        named = request.GET.get("manager", "").replace("\0", "")
        return _company_page(scope, DeputyForm(company=True, initial={"manager": named}))
    form = DeputyForm(request.POST, company=True)
    manager = _person(form, "manager") if form.is_valid() else None
    if manager and _named(scope, form, manager):
        return redirect(scope.url("company-deputies"))
    return _company_page(scope, form, 422)


def _company_page(scope: PageContext, form: DeputyForm, status: int = 200) -> HttpResponse:
    deputyships = Deputyship.objects.not_over().select_related("manager", "deputy").order_by("-pk")
    before = scope.request.GET.get("before", "")
    behind = before.isascii() and before.isdigit() and len(before) < 19
    rows = list((deputyships.filter(pk__lt=int(before)) if behind else deputyships)[: PAGE + 1])
    context = {
        "form": form,
        "rows": rows[:PAGE],
        "next": scope.url("company-deputies", before=rows[PAGE - 1].pk) + "#list" if len(rows) > PAGE else "",
        "first": scope.url("company-deputies") + "#list" if behind else "",
        "end_url": "company-deputy-end",
    }
    return render(scope, "team/company_deputies.html", context, status=status)


def _person(form: DeputyForm, field: str) -> Employee | None:
    employee: Employee | None = Employee.objects.named(form.cleaned_data[field])
    if employee is None:
        form.refuse(field, _("Nobody on the roster has this staff number or e-mail address."))
    return employee


def _named(scope: PageContext, form: DeputyForm, manager: Employee) -> bool:
    """Name the deputy in the form, and confirm it. False: the form shows what is wrong."""
    deputy = _person(form, "deputy")
    if deputy is None:
        return False
    typed = {name: form.cleaned_data[name] for name in ("starts_on", "until", "key")}
    try:
        made = name_deputy(manager=manager, deputy=deputy, by=scope.user, **typed)
    except DeputyRefused as refused:
        form.refuse(refused.field, refused.message)
        return False
    messages.success(scope.request, _("%(deputy)s stands in for %(manager)s until %(day)s.") % _words(made))
    return True


def _words(deputyship: Deputyship) -> dict[str, Any]:
    return {
        "deputy": deputyship.deputy.name,
        "manager": deputyship.manager.name,
        "day": base.long_date(deputyship.last_day),
    }


@require_POST
def end(request: HttpRequest, deputyship_id: int) -> HttpResponse:
    """The manager or the deputy ends it. Idempotent: the page may be gone by the second request."""
    scope = PageContext(request)
    _end(scope, deputyship_id)
    # A reader who was only a deputy has lost access to the page itself.
    return redirect(scope.url("deputies") if _has_page(scope) else scope.url("me"))


@require_POST
def company_end(request: HttpRequest, deputyship_id: int) -> HttpResponse:
    scope = hr_scope(request)
    _end(scope, deputyship_id)
    return redirect(scope.url("company-deputies"))


def _end(scope: PageContext, deputyship_id: int) -> None:
    try:
        found, ended = end_deputyship(deputyship_id=deputyship_id, by=scope.user)
    except Deputyship.DoesNotExist as unknown:
        raise Http404("There is no such deputyship") from unknown
    if ended:
        message = _("%(deputy)s no longer stands in for %(manager)s.")
    else:
        message = _("It was over already: %(deputy)s does not stand in for %(manager)s by it.")
    messages.success(scope.request, message % _words(found))
