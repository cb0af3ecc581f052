"""`/deputies/`: the reader's deputies, and the managers the reader is a deputy for.

`/company/deputies/`: HR names deputies of any manager. A manager finds by name only people whom the manager sees. For
others a number or address is typed in full, and the page shows the name only after the person was named as deputy,
which the audit trail records. So it is no directory.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.deputies import deputy_period, end_deputyship, name_deputy, repeated_deputyship
from apps.accounts.models import Deputyship
from apps.dashboard.forms.deputies import DeputyForm
from apps.dashboard.labels import base
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.list_pages import list_page, text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.people import named_employee
from apps.employees.models import Employee

PAGE = 50


def _has_page(scope: PageContext) -> bool:
    """Whether the reader is a manager, or a party to a deputyship that is not over."""
    reader = scope.employee
    return reader is not None and (reader.is_manager or Deputyship.objects.not_over().of(reader).exists())


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    if not _has_page(scope):
        raise Http404("Page not found")
    reader = scope.required_employee
    if request.method != "POST":
        return _own_page(scope, DeputyForm(company=False))
    if not reader.is_manager:
        raise Http404("There is no team to stand in for")
    form = DeputyForm(request.POST, company=False)
    if form.is_valid() and _name_deputy(scope, form, reader):
        return redirect(scope.url("deputies"))
    return _own_page(scope, form, 422)


def _own_page(scope: PageContext, form: DeputyForm, status: int = 200) -> HttpResponse:
    # Also those that begin later: both parties see and can end them.
    deputyships = Deputyship.objects.not_over().select_related("manager__node", "deputy")
    context = {
        "form": form if scope.required_employee.is_manager else None,
        "own_deputies": deputyships.filter(manager=scope.required_employee),
        "own_deputyships": deputyships.filter(deputy=scope.required_employee),
        "end_url": "deputy-end",
    }
    return render(scope, "team/deputies.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def company(request: HttpRequest) -> HttpResponse:
    scope = hr_scope(request)
    if request.method != "POST":
        manager_no = text_param(request.GET, "manager")
        return _company_page(scope, DeputyForm(company=True, initial={"manager": manager_no}))
    form = DeputyForm(request.POST, company=True)
    manager = named_employee(scope, form, "manager") if form.is_valid() else None
    if manager and _name_deputy(scope, form, manager):
        return redirect(scope.url("company-deputies"))
    return _company_page(scope, form, 422)


def _company_page(scope: PageContext, form: DeputyForm, status: int = 200) -> HttpResponse:
    past = scope.request.GET.get("show") == "past"
    deputyships = Deputyship.objects.past() if past else Deputyship.objects.not_over()

    def address(**query: str) -> str:
        return scope.url("company-deputies", show="past" if past else "", **query) + "#list"

    choices = [(_("Current and later"), "", not past), (_("Past"), "past", past)]
    context = {
        "form": form,
        "page": list_page(scope, deputyships.select_related("manager", "deputy"), "-pk", size=PAGE, address=address),
        "past": past,
        "chips": [
            {"label": label, "url": scope.url("company-deputies", show=show) + "#list", "is_current": is_current}
            for label, show, is_current in choices
        ],
        "end_url": "company-deputy-end",
    }
    return render(scope, "team/company_deputies.html", context, status=status)


def _name_deputy(scope: PageContext, form: DeputyForm, manager: Employee) -> bool:
    """Name the deputy in the form, and confirm it. False: the form shows what is wrong."""
    typed = {name: form.cleaned_data[name] for name in ("starts_on", "until", "key")}
    with form.showing_refusals():
        # Before the person is looked up: otherwise a form that is refused, or was sent before, tests who is on the
        # roster, with no trail.
        deputyship = repeated_deputyship(manager=manager, by=scope.user, key=typed["key"])
        if deputyship is None:
            deputy_period(scope.now, typed["starts_on"], typed["until"])
            deputy = named_employee(scope, form, "deputy")
            if deputy is None:
                return False
            deputyship = name_deputy(manager=manager, deputy=deputy, by=scope.user, **typed)
        text = _("%(deputy)s is now the deputy of %(manager)s, until %(day)s.")
        messages.success(scope.request, text % _message_values(deputyship))
        return True
    return False


def _message_values(deputyship: Deputyship) -> dict[str, Any]:
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
        deputyship, ended = end_deputyship(deputyship_id=deputyship_id, by=scope.user)
    except Deputyship.DoesNotExist as unknown:
        raise Http404("There is no such deputyship") from unknown
    if ended:
        message = _("%(deputy)s is no longer the deputy of %(manager)s.")
    else:
        message = _("This had already ended: %(deputy)s is not the deputy of %(manager)s.")
    messages.success(scope.request, message % _message_values(deputyship))
