"""`/scim/v2/`: SCIM 2.0 for the company's directory, with a token of an HR user (ADR 87)."""

from __future__ import annotations

import logging
from functools import cache
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, JsonResponse
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView
from scim2_models import Error, InvalidValueException, SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import SCIM_MEDIA_TYPE, ScimResponse
from scim2_server.service import ScimService

from apps.accounts.models import Account, Role, Scope
from apps.api.authentication import HasScope, TokenAuthentication, count_directory_request
from apps.api.problems import RETRY_AFTER, Problem, problem_headers, unexpected_error_id
from apps.api.scim.payloads import normalised
from apps.api.scim.schemas import provider
from apps.api.scim.storage import DirectoryStorage
from apps.core.locks import is_database_unavailable
from apps.core.text import is_storable
from apps.roster.models import RosterSource
from apps.roster.ownership import roster_source_refusal

logger = logging.getLogger(__name__)
ROOT = "/scim/v2"
WRITES = frozenset({"POST", "PUT", "PATCH"})


@cache
def service() -> ScimService:
    """The protocol's service; it keeps no state of a request."""
    return ScimService(provider())


@method_decorator(csrf_exempt, name="dispatch")
class ScimView(APIView):
    """All SCIM addresses; the library routes the paths below ROOT. Every error response is a SCIM error."""

    http_method_names = ("get", "head", "post", "put", "patch", "delete")
    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated, HasScope)
    scope = Scope.SCIM
    # The middleware does not count these requests: the owner of a token is known only here.
    counts_itself = True
    # The description of the REST API leaves it out: SCIM describes itself.
    schema = None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        # Directories ask for application/scim+json, for application/json, or for anything.
        return super().perform_content_negotiation(request, force=True)

    def check_permissions(self, request: Request) -> None:
        # Count before any refusal: refused clients repeat their requests.
        count_directory_request(request)
        super().check_permissions(request)
        if not isinstance(request.user, Account) or not request.user.has_role(Role.Kind.HR):
            raise Problem(403, "not_hr", _("Only a token of an HR user may change the roster."))
        if refusal := roster_source_refusal(RosterSource.SCIM):
            raise Problem(403, "roster_source", refusal)
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # Django reads such a body as empty: the content would be lost silently.
            raise Problem(411, "length_required", _("Send the body in one piece, with its Content-Length."))

    def _handle(self, request: Request, path: str) -> HttpResponse:
        body = request.body  # the bytes, before any parser
        query = request.GET.dict()
        if not all(map(is_storable, (path, *query, *query.values()))):
            raise InvalidValueException(detail=_("The address has characters that are not text."))
        if request.method in WRITES:
            body = normalised(body, patch=request.method == "PATCH")
        scim_request = ScimRequest(
            method="GET" if request.method == "HEAD" else str(request.method),
            base_url=request.build_absolute_uri(ROOT), path=f"/{path}", query=query,
            headers=dict(request.headers), body=body, subject=request.user,
        )  # fmt: skip
        account: Account = request.user  # type: ignore[assignment]  # others are refused before
        handler = ScimHandler(service(), DirectoryStorage(provider(), account.actor))
        return _response(handler.handle(scim_request))

    get = head = post = put = patch = delete = _handle

    def handle_exception(self, error: Exception) -> HttpResponse:  # type: ignore[override]  # no DRF renderer
        if isinstance(error, SCIMException):
            return _response(service().error_response(error))
        headers: dict[str, str] = {}
        if isinstance(error, APIException):
            status, detail = error.status_code, str(error.detail)
            headers = problem_headers(error)
            if isinstance(error, NotAuthenticated):
                headers["WWW-Authenticate"] = str(self.get_authenticate_header(self.request))
        elif isinstance(error, RequestDataTooBig):
            status, detail = 413, _("The request is too large.")
        elif is_database_unavailable(error):
            logger.error("The database did not serve %s", self.request.path)
            headers = {"Retry-After": str(RETRY_AFTER)}
            status, detail = 503, _("The database does not respond. Try again in a moment.")
        else:
            error_id = unexpected_error_id(error, self.request.path)
            status, detail = 500, _("Something went wrong on our side. Report the id %(id)s.") % {"id": error_id}
        return _response(ScimResponse(HTTPStatus(status), Error(status=status, detail=detail).model_dump(), headers))

    def finalize_response(  # type: ignore[override]  # no DRF renderer
        self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        # Responses hold personal data.
        add_never_cache_headers(response)
        return response


def _response(answer: ScimResponse) -> HttpResponse:
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
    status = int(answer.status)
    if answer.body is None:
        return HttpResponse(status=status, headers=headers)
    return JsonResponse(answer.body, status=status, headers=headers, content_type=SCIM_MEDIA_TYPE)
