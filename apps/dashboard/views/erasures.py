"""`/company/erasures/`: HR forgets somebody outside who asks for it. Of whose contact it is the page says nothing.

What was typed travels in the bodies of forms alone: an address stands in logs and in a browser's history.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.contacts.models import Erasure
from apps.contacts.services import ErasureRefused, identities_of
from apps.dashboard import words
from apps.dashboard.erasure_forms import EraseForm, PersonForm
from apps.dashboard.views.company import hr_scope
from apps.dashboard.views.scope import Scope, render
from apps.quotas import services

PAGE = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The form, and the erasures of before with their reasons."""
    return _index(hr_scope(request), PersonForm())


def _index(scope: Scope, form: PersonForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "rows": Erasure.objects.all()[:PAGE], "kept": _kept(scope)}
    return render(scope, "dashboard/erasures.html", context, status=status)


def _kept(scope: Scope) -> list[tuple[Any, Any, bool]]:
    """(campaign, the day from which its contacts are erased by themselves, whether that is done)"""
    kept = services.kept_campaigns()
    return [(one.campaign, one.until.astimezone(scope.zone).date(), one.over(scope.now)) for one in kept]


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """How much there is of somebody, as counts, with the form that erases it."""
    scope, form = hr_scope(request), PersonForm(request.POST)
    if form.is_valid():
        try:
            found = services.look_for_person(identities_of(form.identities()), by=scope.user.actor)
        except ErasureRefused as refused:
            form.refuse(refused.field, refused.message)
        else:
            return _found(scope, EraseForm(initial=form.cleaned_data), found)
    return _index(scope, form, 422)


def _found(scope: Scope, form: EraseForm, found: services.Erased, status: int = 200) -> HttpResponse:
    return render(scope, "dashboard/erasure.html", {"form": form, "found": found}, status=status)


@require_POST
def erase(request: HttpRequest) -> HttpResponse:
    """Erase, and say how much it was. Sent twice, the second finds nothing left and erases that."""
    scope, form = hr_scope(request), EraseForm(request.POST)
    if not form.is_valid():
        return _again(scope, form)
    try:
        done = services.erase_person(
            identities_of(form.identities()), reason=form.cleaned_data["reason"], by=scope.user.actor
        )
    except ErasureRefused as refused:
        form.refuse(refused.field if refused.field == "reason" else None, refused.message)
        return _again(scope, form)
    count = done.found.contacts
    told = ngettext("Erased: %(count)s contact.", "Erased: %(count)s contacts.", count) % {"count": words.number(count)}
    messages.success(request, f"{told} {_('No count has changed.')}")
    if done.elsewhere:
        messages.warning(request, _("Texts of decisions still speak of this person: %(where)s.") % {
            "where": ", ".join(f"{table} {row}" for table, row in done.elsewhere)
        })  # fmt: skip
    return redirect(scope.url("erasures"))


def _again(scope: Scope, form: EraseForm) -> HttpResponse:
    """The same page with what is wrong; without a person there is nothing to show but the first form."""
    told: list[tuple[str, Any]] = form.identities() if hasattr(form, "cleaned_data") else []
    try:
        found = services.look_for_person(identities_of(told), by=scope.user.actor)
    except ErasureRefused as refused:
        first = PersonForm(form.data)
        first.is_valid()
        first.refuse(refused.field, refused.message)
        return _index(scope, first, 422)
    return _found(scope, form, found, 422)
