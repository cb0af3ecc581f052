"""The OpenAPI description: sign-in schemes, errors with examples, one problem shape for all."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from apps.api.idempotency import HEADER
from apps.api.problems import MEDIA_TYPE, TITLES, TYPE
from apps.api.serializers.problems import ProblemSerializer


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "apps.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hnd_...",
            "description": str(_("A personal token with scopes. Operators create tokens with `create_token`.")),
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "apps.api.authentication.BrowserSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": str(_("A signed-in browser. Requests that change data also need the X-CSRFToken header.")),
        }


# (code, meaning), and an example's message and fields.
_EXAMPLES: dict[int, tuple[str, str | Promise, str, list[dict[str, str]]]] = {
    400: (
        "invalid",
        _("A field, a parameter or the JSON is not valid. `errors` lists which."),
        "Some fields are not valid. See errors.",
        [{"field": "limit", "code": "max_value", "detail": "Ensure this value is less than or equal to 500."}],
    ),
    401: (
        "not_authenticated",
        _("The request has no session, or the token is not valid."),
        "Sign in, or send a token.",
        [],
    ),
    403: (
        "insufficient_scope",
        _(
            "The token does not have the scope, the session has no CSRF token, or the request does not use TLS "
            "(`tls_required`)."
        ),
        "This token does not have the scope own.",
        [],
    ),
    404: (
        "not_found",
        _("It does not exist, or you do not have access to it. The response is the same for both."),
        "It does not exist, or you do not have access to it.",
        [],
    ),
    409: ("already_ended", _("The current state does not allow it."), "This contact has already ended.", []),
    411: ("length_required", _("The body has no Content-Length."), "Send the body in one piece.", []),
    413: ("too_large", _("More than a megabyte."), "The body is larger than 1000000 bytes.", []),
    415: ("unsupported_media_type", _("The body is not JSON."), "Only JSON is accepted here.", []),
    422: (
        "idempotency_key_reused",
        _("The content cannot be accepted."),
        "This key was already used with other contacts. Nothing was recorded.",
        [{"field": HEADER, "code": "idempotency_key_reused", "detail": "This key was already used."}],
    ),
    429: (
        "throttled",
        _("Too many requests. Try again after `Retry-After` seconds."),
        "Request was throttled. Expected available in 5 seconds.",
        [],
    ),
    500: (
        "internal",
        _("An internal error. The log contains the id."),
        "Something went wrong on our side. Include the id when you report it.",
        [],
    ),
    503: (
        "unavailable",
        _("The database does not respond. Try again after `Retry-After` seconds."),
        "The database does not respond. Try again in a moment.",
        [],
    ),
}
# 400 too: every operation refuses unknown parameters.
ALWAYS = (400, 401, 403, 429, 500, 503)
WITH_BODY = (411, 413, 415)

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description=_(
        "A unique key of your choice for this request, up to 255 characters. If you send the same key with the "
        "same contacts again within two days, nothing more is recorded and the response is the same."
    ),
)


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    return {(status, MEDIA_TYPE): _problem(status) for status in sorted({*statuses, *ALWAYS})}


def _problem(status: int) -> OpenApiResponse:
    code, meaning, detail, errors = _EXAMPLES[status]
    value: dict[str, Any] = {
        "type": f"{TYPE}{code}",
        "title": TITLES[status],
        "status": status,
        "detail": detail,
        "instance": "/api/v1/contacts/",
    }
    value |= {"errors": errors} if errors else {}
    value |= {"id": "3f9c21d07ab4"} if status == 500 else {}
    example = OpenApiExample(code, value=value, media_type=MEDIA_TYPE, status_codes=[str(status)])
    return OpenApiResponse(ProblemSerializer, description=meaning, examples=[example])


def example(name: str, value: Any, *, request: bool = False, status: int = 200) -> OpenApiExample:
    """An example of the request body, or of the response with `status`."""
    if request:
        return OpenApiExample(name, value=value, request_only=True)
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(status)])
