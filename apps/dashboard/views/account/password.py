"""Sign-in, password and sign-out: Django's views with the application's pages."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.accounts.access_log import audit_account, audit_failure
from apps.accounts.backends import find_by_login
from apps.accounts.login_throttling import TooManyGuesses, guess_in_session
from apps.accounts.models import Account
from apps.accounts.password_links import PasswordLinkTokens, password_link_tokens, printed_link_tokens
from apps.accounts.password_reset import find_account, has_pending_email_change, has_unproven_email
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.services import audit_refused
from apps.accounts.sessions import discard_messages, end_access
from apps.core import enqueue
from apps.core.rate_limits import Kind, address_key, enforce_rate_limit
from apps.dashboard.forms.base import ChangePasswordForm, ForgottenForm, NewPasswordForm, SignInForm
from apps.dashboard.login_flow import complete_login
from apps.dashboard.views.page_context import PageContext

# Django's form views take PUT for POST.
METHODS = ["get", "head", "post", "options"]


class SignIn(views.LoginView):
    """By staff number or e-mail; signed-in readers are redirected."""

    http_method_names = METHODS
    template_name = "account/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ways = {"provider": settings.OIDC_NAME, "by_password": settings.PASSWORD_SIGN_IN}
        return super().get_context_data(**kwargs) | ways

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.PASSWORD_SIGN_IN:
            raise Http404
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        form.guess.succeed()
        return complete_login(self.request, form.get_user(), self.get_success_url(), event="signed_in")

    def form_invalid(self, form: Any) -> HttpResponse:
        name = form.cleaned_data.get("username") or ""
        audit_refused(name)
        if form.guess.reached_limit:
            audit_failure("locked_out", find_by_login(name))
            # Raised, not returned: the middleware answers 429 for every form that guesses.
            raise TooManyGuesses
        return super().form_invalid(form)


class SignOut(views.LogoutView):
    """POST only: a link on another site must not sign readers out."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if isinstance(request.user, Account):
            audit_account("signed_out", request.user)
        discard_messages(request)
        response = super().post(request, *args, **kwargs)
        # Pages are sent with no-store; this clears what a browser keeps in spite of it.
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Request a link to set a password. The answer is the same for existing and unknown accounts."""
    if not settings.PASSWORD_SIGN_IN:
        raise Http404
    form, sent = ForgottenForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        enforce_rate_limit(Kind.PASSWORD_MAIL, address_key(request.META.get("REMOTE_ADDR", "")))
        account_id, employee_id = find_account(form.cleaned_data["username"])
        # By a worker, for every name: the time of the response must not reveal whether the account exists.
        enqueue.enqueue_password_mail(account_id, employee_id, get_language() or settings.LANGUAGE_CODE)
        sent = True
    status = 422 if request.method == "POST" and not sent else 200
    return render_template(request, "account/password_reset.html", {"form": form, "sent": sent}, status=status)


class _Tokens(PasswordLinkTokens):
    """While a change of the address waits for a second person, no link sets a password."""

    def check_token(self, user: Account | None, token: str | None) -> bool:
        if user is not None and has_pending_email_change(user.employee_id or 0):
            return False
        # A link mailed to an unproven address opens nothing once the account is in use, whenever it was mailed.
        mailed = super().check_token(user, token) and not has_unproven_email(user.employee_id or 0 if user else 0)
        return mailed or printed_link_tokens.check_token(user, token)


class SetPassword(views.PasswordResetConfirmView):
    """The page behind a set-password link: valid for three days and for one use. Afterwards the employee signs in."""

    http_method_names = METHODS
    template_name = "account/set_password.html"
    success_url = reverse_lazy("login")
    form_class = NewPasswordForm
    token_generator = _Tokens()

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        token = self.request.session.get(views.INTERNAL_RESET_SESSION_TOKEN)
        # A printed link proves no mailbox: only a mailed one makes the address proven.
        mailed = password_link_tokens.check_token(form.user, token)
        with transaction.atomic():
            response = super().form_valid(form)
            form.user.proven_email = form.user.roster_address if mailed else ""
            form.user.save(update_fields=["proven_email"])
            audit_account("password_set", form.user)
            # A thief of the old password loses sessions and tokens with it.
            end_access(account=form.user, by=form.user.actor)
            notify_owner(form.user, Event.PASSWORD_SET)
        messages.success(self.request, _("Your password is set. You can now sign in."))
        return response


@method_decorator(never_cache, name="dispatch")
class ChangePassword(views.PasswordChangeView):
    http_method_names = METHODS
    template_name = "account/change_password.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("me")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        scope = PageContext(self.request)
        return super().get_context_data(**kwargs) | {"scope": scope, "now": scope.now}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.guess = guess_in_session(request, PageContext(request).user)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        if "old_password" not in form.errors:
            self.guess.succeed()
        return super().form_invalid(form)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        self.guess.succeed()
        with transaction.atomic():
            response = super().form_valid(form)
            audit_account("password_changed", form.user)
            end_access(account=form.user, by=form.user.actor, but=self.request.session.session_key)
            notify_owner(form.user, Event.PASSWORD_CHANGED)
        messages.success(self.request, _("Your password is changed."))
        return response
