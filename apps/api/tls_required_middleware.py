"""API requests without TLS are refused, not redirected: a redirected client would never notice that its token is
exposed.
"""

import logging
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from apps.api.problems import Problem, problem_response

logger = logging.getLogger(__name__)


class ApiTlsRequiredMiddleware:
    """Refuses API requests without TLS, before body, token or session are read.

    Runs after LocaleMiddleware, which sets the language of the message.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The path as SecurityMiddleware compares it: what it exempts from the redirect is refused here.
        for_programs = re.search(settings.API_PATHS, request.path.lstrip("/"))
        if not for_programs or request.is_secure() or not settings.SECURE_SSL_REDIRECT:
            return self.get_response(request)
        detail = _("Only https:// is accepted here. A token sent without it may have been read by others: revoke it.")
        if "HTTP_AUTHORIZATION" in request.META:
            # The owner is not looked up: otherwise the response time would reveal valid tokens to a guesser.
            logger.warning("A program sent its token without TLS; the proxy's log has its address")
        response = problem_response(Problem(403, "tls_required", detail), request.path)
        add_never_cache_headers(response)
        return response
