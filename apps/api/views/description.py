"""`schema/` and `docs/`: this door described, for programs and for people. Open to everybody: it holds no data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# For the description: no sign-in.
OPEN: list[Any] = [{}]


@lru_cache(maxsize=4)
def described(language: str) -> dict[str, Any]:
    """The OpenAPI description in a language, made once a process."""
    return SchemaGenerator().get_schema(request=None, public=True)


@method_decorator(login_not_required, name="dispatch")
class Schema(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer)

    @extend_schema(
        operation_id="schema",
        tags=["description"],
        auth=OPEN,
        summary=_("This description"),
        description=_("OpenAPI 3, as JSON or YAML, in the language asked for."),
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        return Response(described(get_language() or "en"))


@login_not_required
@require_safe
@ensure_csrf_cookie
def docs(request: HttpRequest) -> HttpResponse:
    """The description to read and to try, under the same content policy as every page: no inline script or style."""
    return render(request, "api/docs.html")
