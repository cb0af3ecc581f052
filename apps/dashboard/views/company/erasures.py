"""`/company/erasures/`: HR requests the erasure of a person outside. The number of matches is not shown here.

The input travels in form bodies alone: logs and browser histories keep addresses.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.contacts.models import Erasure
from apps.dashboard.forms.erasures import ErasureForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.privacy import erasure_approvals
from apps.privacy.erasure_subject import identities_of

PAGE = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return _index(hr_scope(request), ErasureForm())


def _index(scope: PageContext, form: ErasureForm, status: int = 200) -> HttpResponse:
    unfinished = erasure_approvals.unfinished_erasures()
    context = {
        "form": form,
        "pending_approvals": erasure_approvals.waiting_erasures(scope.now, PAGE),
        "rows": [(erasure, erasure.pk in unfinished) for erasure in Erasure.objects.all()[:PAGE]],
    }
    return render(scope, "company/erasures.html", context, status=status)


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Store the request, once; a second person previews the matches and approves it."""
    scope, form = hr_scope(request), ErasureForm(request.POST)
    if form.is_valid():
        with form.showing_refusals():
            erasure_approvals.request_erasure(
                identities_of(form.identities()), reason=form.cleaned_data["reason"], key=form.cleaned_data["key"],
                by=scope.user.actor,
            )  # fmt: skip
            messages.success(request, _("The erasure is waiting for a second HR user."))
            return redirect(scope.url("erasures"))
    return _index(scope, form, 422)
