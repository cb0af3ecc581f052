"""`/settings/`: what a reader chooses for the own pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.dashboard.forms.settings import SettingsForm
from apps.dashboard.views.page_context import PageContext, render


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    form = SettingsForm(request.POST if request.method == "POST" else None, instance=scope.user)
    if request.method == "POST" and form.is_valid():
        scope.user.save(update_fields=["first_page"])
        messages.success(request, _("Your settings are saved."))
        return redirect(scope.url("settings"))
    return render(scope, "account/settings.html", {"form": form}, status=422 if form.errors else 200)
