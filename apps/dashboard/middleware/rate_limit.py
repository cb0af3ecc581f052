"""Limit requests to a human rate, by account when signed in, else by address (apps/core/rate_limits.py).

API views count their requests themselves, after they have identified the account of the token.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse

from apps.accounts.login_throttling import WAIT, TooManyGuesses
from apps.core.concurrency import limit_concurrency, limit_requests, release_slots
from apps.core.rate_limits import CountersUnavailable, Kind, RateLimited, account_key, address_key, enforce_rate_limit
from apps.dashboard.middleware.request_size_limit import CONTACTS, ROSTER
from apps.dashboard.views.errors import too_many, unavailable

# Monitoring polls these addresses; they reveal no secrets.
UNCOUNTED = frozenset({"health-live", "health-ready"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
# Forms that store nothing: sent while a reader types, they must not use up the limit of what is stored.
READING_FORMS = frozenset({"contact-add-preview"})
CHANGES = frozenset({"contact-end", "contact-restore", "contact-rename", "contact-correct", "contact-record-again"})
# Downloads that are built from many rows during the request. An export that is stored counts itself.
EXPORTS = frozenset(
    {
        "contacts-csv", "contacts-vcf", "own-csv", "team-csv", "company-csv", "adjustments-csv", "reviews-csv",
        "audit-csv", "roster-csv", "result-csv", "result-signature",
    }
)  # fmt: skip


class RateLimitMiddleware:
    """Answers 429 with Retry-After beyond a limit, also of guesses, and 503 to sign-ins that cannot be counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # After the view, whatever it answers; a streamed download keeps its place until it is sent.
        response = self.get_response(request)
        release_slots(request, response)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if getattr(getattr(view, "cls", None), "counts_itself", False) or (match and match.url_name in UNCOUNTED):
            return None
        try:
            kind, who = _counted(request, match.url_name if match else None)
            enforce_rate_limit(kind, who)
            if kind is Kind.WRITE and match and match.url_name in CHANGES:
                enforce_rate_limit(Kind.CHANGES_DAILY, who)
            # Places are for accounts: many visitors can share one address behind a company's proxy.
            if kind not in (Kind.STRANGER, Kind.SIGN_IN):
                limit_requests(request, who)
            if kind is Kind.EXPORT:
                limit_concurrency(request, kind, who)
        except RateLimited as refused:
            return _refused(request, refused.wait)
        except CountersUnavailable:
            return unavailable(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 429 to a guesser, whether the last guess was right or wrong."""
        if isinstance(exception, RateLimited):
            return _refused(request, exception.wait)
        return _refused(request, int(WAIT.total_seconds())) if isinstance(exception, TooManyGuesses) else None


def _refused(request: HttpRequest, wait: int) -> HttpResponse:
    response = too_many(request)
    response["Retry-After"] = str(wait)
    return response


def _counted(request: HttpRequest, url_name: str | None) -> tuple[Kind, str]:
    """The kind under which this request is counted, and the name of the account or address."""
    account = request.session.get(SESSION_KEY)
    address = address_key(request.META.get("REMOTE_ADDR", ""))
    if account is None:
        # A visitor who is not signed in can only send a sign-in.
        return (Kind.STRANGER if request.method in READS else Kind.SIGN_IN), address
    if request.method in READS or url_name in READING_FORMS:
        return (Kind.EXPORT if url_name in EXPORTS else Kind.READ), account_key(account)
    # Uploads cost a worker minutes, so they have a lower limit than other writes.
    return (Kind.UPLOAD if request.path in (CONTACTS, ROSTER) else Kind.WRITE), account_key(account)
