"""Sign-in, the password, and the way out: Django's own views with this door's pages around them."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.dashboard.entering import enter
from apps.dashboard.forms import ForgottenForm, SignInForm
from apps.dashboard.views.errors import too_many
from apps.dashboard.views.scope import Scope
from apps.employees.forgotten import meant
from apps.employees.lock_out import WAIT, forgive, remember_browser
from apps.employees.models import Account
from apps.employees.services import audit_account, audit_refused
from apps.employees.sessions import end_sessions
from apps.quotas import services

# Django's form views take PUT for POST.
METHODS = ["get", "head", "post", "options"]


class SignIn(views.LoginView):
    """By staff number or e-mail; who is signed in already goes on."""

    http_method_names = METHODS
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ways = {"provider": settings.OIDC_NAME, "by_password": settings.PASSWORD_SIGN_IN}
        return super().get_context_data(**kwargs) | ways

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.PASSWORD_SIGN_IN:
            raise Http404
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        account = form.get_user()
        forgive(self.request, form.cleaned_data["username"])
        response = enter(self.request, account, self.get_success_url(), event="signed_in")
        remember_browser(response, account)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        audit_refused(form.cleaned_data.get("username") or "")
        return super().form_invalid(form)


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:
    """The answer to somebody who has tried too often, right or wrong: it tells nothing of the last try."""
    found = too_many(request)
    found["Retry-After"] = str(int(WAIT.total_seconds()))
    return found


class SignOut(views.LogoutView):
    """POST only: a link on another site must not sign anybody out."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if isinstance(request.user, Account):
            audit_account("signed_out", request.user)
        response = super().post(request, *args, **kwargs)
        # Pages are kept by nobody anyway; this is for what a browser keeps in spite of that.
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link to set a password. The answer is the same for anybody and nobody."""
    if not settings.PASSWORD_SIGN_IN:
        raise Http404
    form, sent = ForgottenForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        account_id, employee_id = meant(form.cleaned_data["username"])
        services.ring_for_password(account_id, employee_id, get_language() or settings.LANGUAGE_CODE)
        sent = True
    status = 422 if request.method == "POST" and not sent else 200
    return render_template(request, "registration/forgotten.html", {"form": form, "sent": sent}, status=status)


class SetPassword(views.PasswordResetConfirmView):
    """The page behind a set-password link: valid for three days and for one use. Afterwards one signs in."""

    http_method_names = METHODS
    template_name = "registration/set_password.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            audit_account("password_set", form.user)
            end_sessions(account=form.user, by=form.user.actor)
        messages.success(self.request, _("Your password is set. Sign in with it."))
        return response


@method_decorator(never_cache, name="dispatch")
class ChangePassword(views.PasswordChangeView):
    http_method_names = METHODS
    template_name = "registration/change_password.html"
    form_class = PasswordChangeForm
    success_url = reverse_lazy("me")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        scope = Scope(self.request)
        return super().get_context_data(**kwargs) | {"scope": scope, "frame": scope.frame(), "now": scope.now}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            audit_account("password_changed", form.user)
            end_sessions(account=form.user, by=form.user.actor, but=self.request.session.session_key)
        messages.success(self.request, _("Your password is changed."))
        return response
