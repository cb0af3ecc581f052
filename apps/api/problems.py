"""Every error as one kind of answer, `application/problem+json` (RFC 9457).

It has a message and the fields concerned; never a stack trace, an SQL statement, a path of this machine or personal
data. A 500 carries an id that the log repeats.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.api.parsing import FIELD_LIMIT, BodyTooLarge
from apps.core.cursors import InvalidCursor
from apps.core.errors import Refused
from apps.core.locks import is_database_unavailable

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
# A URN, not a URL: it names the kind of a problem and never moves.
TYPE = "urn:hundred:problem:"
RETRY_AFTER = 5
# Errors listed in a problem, and characters of each message, which may quote the client's text.
MAX_ERRORS, MESSAGE_LIMIT = 20, 500

TITLES = {
    400: gettext_lazy("Invalid request"),
    401: gettext_lazy("Sign in first"),
    403: gettext_lazy("Not allowed"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("This endpoint does not support the method"),
    406: gettext_lazy("Only JSON is returned here"),
    409: gettext_lazy("Not possible now"),
    411: gettext_lazy("Length required"),
    413: gettext_lazy("Too large"),
    415: gettext_lazy("Only JSON is accepted here"),
    422: gettext_lazy("Refused"),
    429: gettext_lazy("Too many requests"),
    500: gettext_lazy("Internal error"),
    503: gettext_lazy("Temporarily unavailable"),
}
# A refusal because of stored state is a conflict; because of the content sent, an unprocessable request.
UNPROCESSABLE = frozenset({"invalid_identity", "required", "invalid_choice", "out_of_range"})


class Problem(exceptions.APIException):
    """An API refusal with its own status and code, and the fields concerned as (name, code, message)."""

    def __init__(self, status: int, code: str, detail: str, errors: tuple[tuple[str, str, str], ...] = ()):
        super().__init__(detail, code)
        self.status_code, self.code, self.errors = status, code, errors


class NotFoundProblem(Problem):
    """The same answer for what does not exist and for what the caller may not see."""

    def __init__(self) -> None:
        super().__init__(404, "not_found", _("It does not exist, or you do not have access to it."))


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    # As DRF's own handler: a request in a transaction leaves nothing stored.
    set_rollback()
    headers: dict[str, str] = {}
    error = _unknown_page() if isinstance(error, InvalidCursor) else error
    if isinstance(error, exceptions.APIException):
        problem = error
        headers = problem_headers(error)
    elif isinstance(error, Refused):
        problem = _refusal(error)
    elif isinstance(error, Http404):
        problem = NotFoundProblem()
    elif isinstance(error, DjangoPermissionDenied):
        problem = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        problem = BodyTooLarge()
    elif isinstance(error, (BadRequest, SuspiciousOperation)):
        problem = exceptions.ParseError(_("The request cannot be read."))
    elif is_database_unavailable(error):
        logger.error("The database did not serve %s: %s", context["request"].path, _error_name(error))
        problem = Problem(503, "unavailable", _("The database does not respond. Try again in a moment."))
        headers = {"Retry-After": str(RETRY_AFTER)}
    else:
        return _unexpected(error, context["request"].path)
    body = _body(problem.status_code, _code(problem), context["request"].path, _detail(problem))
    if errors := list(_errors(problem)):
        body["errors"] = errors[:MAX_ERRORS]
    if more := len(errors[MAX_ERRORS:]):
        body["detail"] += " " + _("%(count)s more errors are not listed.") % {"count": more}
    return Response(body, status=problem.status_code, headers=headers, content_type=MEDIA_TYPE)


def problem_response(problem: Problem, path: str) -> JsonResponse:
    """A problem response outside of a view, for middleware."""
    body = _body(problem.status_code, problem.code, path, _detail(problem))
    return JsonResponse(body, status=problem.status_code, content_type=MEDIA_TYPE)


def unexpected_error_id(error: Exception, path: str) -> str:
    """Log an unexpected error under a new id.

    The log gets the frames but not the message: a database's message quotes the row.
    """
    error_id = uuid.uuid4().hex[:12]
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Error %s at %s: %s", error_id, path, _error_name(error), extra={"frames": frames})
    return error_id


def _unexpected(error: Exception, path: str) -> Response:
    error_id = unexpected_error_id(error, path)
    body = _body(500, "internal", path, _("Something went wrong on our side. Include the id when you report it."))
    return Response({**body, "id": error_id}, status=500, content_type=MEDIA_TYPE)


def _body(status: int, code: str, path: str, detail: str) -> dict[str, Any]:
    title = str(TITLES.get(status, TITLES[400]))
    return {"type": f"{TYPE}{code}", "title": title, "status": status, "detail": detail, "instance": path}


def _unknown_page() -> exceptions.ValidationError:
    message = _("This is not a page of this list. Use the URL in next.")
    return exceptions.ValidationError({"after": [exceptions.ErrorDetail(message, code="unknown_page")]})


def _refusal(error: Refused) -> Problem:
    status = 422 if error.code in UNPROCESSABLE else 409
    fields = ((error.field, error.code, error.message),) if error.field else ()
    return Problem(status, error.code, error.message, fields)


def _code(problem: exceptions.APIException) -> str:
    if isinstance(problem, Problem):
        return problem.code
    if isinstance(problem, exceptions.ValidationError):
        return "invalid"
    code = getattr(problem.detail, "code", None) or problem.default_code
    return str(code)


def _detail(problem: exceptions.APIException) -> str:
    if isinstance(problem, exceptions.ValidationError):
        return _("Some fields are not valid. See errors.")
    return str(problem.detail)


def problem_headers(error: exceptions.APIException) -> dict[str, str]:
    """The headers of a refusal: a challenge, or when to try again."""
    headers = {}
    # RFC 6750, section 3: what a client of bearer tokens expects to read.
    challenge = getattr(error, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
        if _code(error) == "invalid_token":
            headers["WWW-Authenticate"] += ', error="invalid_token"'
    elif _code(error) == "insufficient_scope":
        headers["WWW-Authenticate"] = 'Bearer realm="hundred", error="insufficient_scope"'
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _errors(problem: exceptions.APIException) -> Iterator[dict[str, str]]:
    """One entry for each error of each field: its dotted name, a stable code, a message."""
    if isinstance(problem, Problem):
        for field, code, message in problem.errors:
            yield {"field": field, "code": code, "detail": message}
    elif isinstance(problem, exceptions.ValidationError):
        yield from _flat(problem.detail, "")


def _flat(detail: Any, path: str) -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            # Report errors of a whole object under the object's own name.
            whole = key == "non_field_errors"
            yield from _flat(value, path if whole else f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for position, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            yield from _flat(value, f"{path}.{position}" if nested else path)
    else:
        yield {"field": path[:FIELD_LIMIT], "code": str(detail.code), "detail": str(detail)[:MESSAGE_LIMIT]}


def _error_name(error: Exception) -> str:
    """The exception's type, and the SQLSTATE of a database error: enough for the search, nothing from a row."""
    state = getattr(error.__cause__, "pgcode", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__
