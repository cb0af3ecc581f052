"""`schema/` and `docs/`: the API description, for programs and people. Public: it holds no data."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.api_tokens import SCOPES
from apps.accounts.models import Scope
from apps.api.reference import Reference

# No sign-in, for the description.
NO_SIGN_IN: list[Any] = [{}]


# The generator loads its extensions on first use, which is not thread-safe.
_generating = Lock()


def openapi_description(language: str) -> dict[str, Any]:
    """The OpenAPI description in a language, cached per process."""
    with _generating:
        return _generate(language)


@lru_cache
def _generate(language: str) -> dict[str, Any]:
    with override(language):
        return SchemaGenerator().get_schema(request=None, public=True)


@lru_cache
def _document(language: str, renderer: Any) -> bytes:
    content: bytes = renderer().render(_generate(language), renderer_context={})
    return content


class Schema(APIView):
    http_method_names = ("get", "head")
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer)

    @extend_schema(
        operation_id="schema",
        tags=["description"],
        auth=NO_SIGN_IN,
        summary=gettext_lazy("This description"),
        description=gettext_lazy("OpenAPI 3, as JSON or YAML, in the requested language."),
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> HttpResponse:
        renderer: Any = type(request.accepted_renderer)
        # Strangers may read it, and YAML takes half a second to write.
        with _generating:
            content = _document(get_language() or "en", renderer)
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(content, content_type=renderer.media_type + charset)


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The readable description, complete in its first response: no script, nothing inline, in both languages."""
    reference = Reference(openapi_description(get_language() or "en"), request.build_absolute_uri("/"))
    titles = {
        "me": _("Me"),
        "standings": _("Standings"),
        "campaigns": _("Campaigns"),
        "contacts": _("Contacts"),
        "feed": _("Feed"),
        "roster": _("Roster"),
        "tokens": _("Tokens"),
        "description": _("Description"),
    }
    context = {
        "groups": [(tag, titles[tag], operations) for tag, operations in reference.groups.items()],
        "shapes": reference.shapes,
        "scopes": [(scope.value, Scope(scope).label) for scope in SCOPES],
    }
    response = render(request, "api/docs.html", context)
    # The page contains the CSRF token of the language switch.
    add_never_cache_headers(response)
    return response
