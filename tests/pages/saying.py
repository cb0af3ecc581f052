"""The application's addresses, and further ones for each error page."""

from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from apps.dashboard.views import errors
from config import urls
from config.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


@login_not_required
def say(request: HttpRequest, status: int) -> HttpResponse:
    """The response with this error."""
    if status == 500:
        raise RuntimeError("on purpose")
    if status == 503:
        raise OperationalError("the database restarts, on purpose")
    if status == 413:
        return errors.too_large(request, 20_000_000, upload="upload" in request.GET)
    return {400: errors.bad_request, 403: errors.forbidden, 429: errors.too_many}[status](request)


@login_not_required
def refused(request: HttpRequest, reason: str) -> HttpResponse:
    """The page after a refusal by the OpenID provider with this reason."""
    return render(request, "account/sign_in_refused.html", {"reason": reason, "provider": "公司账号"})


urlpatterns = [path("say/<int:status>/", say), path("refused/<slug:reason>/", refused), *urls.urlpatterns]
