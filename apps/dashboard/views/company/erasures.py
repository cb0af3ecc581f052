"""`/company/erasures/`: HR requests the erasure of a person outside. The number of matches is not shown here.

The input travels in form bodies alone: logs and browser histories keep addresses.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.approvals import ApprovalRefused
from apps.contacts.models import Erasure
from apps.dashboard.forms.erasures import ErasureForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.privacy import erasure_approvals, retention
from apps.privacy.erasure_subject import ErasureRefused, identities_of

PAGE = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The form, the waiting requests, and earlier erasures with their reasons."""
    return _index(hr_scope(request), ErasureForm())


def _index(scope: PageContext, form: ErasureForm, status: int = 200) -> HttpResponse:
    unfinished = erasure_approvals.unfinished()
    context = {
        "form": form,
        "waiting": erasure_approvals.waiting(scope.now),
        "rows": [(erasure, erasure.pk in unfinished) for erasure in Erasure.objects.all()[:PAGE]],
        "kept": _kept(scope),
    }
    return render(scope, "company/erasures.html", context, status=status)


def _kept(scope: PageContext) -> list[tuple[Any, Any, bool]]:
    """(campaign, the day from which its contacts are erased automatically, whether that is done)"""
    kept = retention.retained_campaigns()
    return [(status.campaign, status.until.astimezone(scope.zone).date(), status.over(scope.now)) for status in kept]


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Store the request, once; a second person previews the matches and approves it."""
    scope, form = hr_scope(request), ErasureForm(request.POST)
    if form.is_valid():
        try:
            erasure_approvals.request_erasure(
                identities_of(form.identities()), reason=form.cleaned_data["reason"], key=form.cleaned_data["key"],
                by=scope.user.actor,
            )  # fmt: skip
        except ErasureRefused as refused:
            form.refuse(refused.field, refused.message)
        except ApprovalRefused as refused:
            form.refuse(None, refused.message)
        else:
            messages.success(request, _("The erasure waits for a second HR user."))
            return redirect(scope.url("erasures"))
    return _index(scope, form, 422)
