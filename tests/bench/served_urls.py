"""The product's addresses and `/bench/bare/`: the base cost of a signed-in page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.cache import add_never_cache_headers

from apps.standings.models import Standing
from config.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bare(request: HttpRequest) -> HttpResponse:
    """The session and the user, as on every page, one query, one line of text."""
    reader: Any = request.user
    counted = Standing.objects.filter(employee=reader.employee_id).values_list("counted", flat=True).first()
    response = HttpResponse(f"{counted}\n", content_type="text/plain")
    add_never_cache_headers(response)
    return response


urlpatterns = [path("bench/bare/", bare), *urlpatterns]
