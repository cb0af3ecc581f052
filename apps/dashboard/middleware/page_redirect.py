"""Redirects that a script of a page receives: the browser opens them as a page.

A script follows a redirect by itself and would put the sign-in page into a card of the page.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import middleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers

from apps.dashboard.page_address import is_scripted, referring_page


class PageRedirectMiddleware:
    """Answers 204 with the address in `HX-Redirect`, which htmx and static/js/forms.js open; what was typed stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not 300 <= response.status_code < 400 or "Location" not in response or not is_scripted(request):
            return response
        # Changed in place: the response may set cookies.
        response["HX-Redirect"] = response["Location"]
        del response["Location"]
        response.status_code, response.content = 204, b""
        add_never_cache_headers(response)
        return response


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Returns the reader after the sign-in to the page that sent the request."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        login_url, field = self.get_login_url(view_func), self.get_redirect_field_name(view_func)
        page = referring_page(request)
        # A sign-in at "/" opens the reader's first page, which may be another than the one with the draft.
        back = "/?" if page == "/" and request.path != "/" else page
        return redirect_to_login(back, login_url, field)
