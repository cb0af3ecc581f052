"""What every API address does before and after its own work."""

from __future__ import annotations

from typing import Any

from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import Account
from apps.api.authentication import count_request
from apps.api.problems import NotFoundProblem, Problem
from apps.api.serializers.base import Query
from apps.campaigns import selectors
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.results.models import FrozenResult
from apps.results.result_files import UnknownResult, result_of


class ApiView(APIView):
    """One API address. `scope`: the scope a token needs; None accepts no token. `query_class` reads the parameters."""

    # Without OPTIONS: the description says what an address does.
    http_method_names = ("get", "head", "post", "patch", "delete")
    scope: str | None = None
    # The middleware does not count these requests: the owner of a token is known only here.
    counts_itself = True
    query_class: type[Query] = Query
    # Write addresses take no parameters, but for files, whose body has no room for them.
    write_query_class: type[Query] = Query
    query: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # Django reads such a body as empty: the content would be lost silently.
            raise Problem(411, "length_required", _("Send the body in one piece, with its Content-Length."))
        reader = self.query_class if request.method in ("GET", "HEAD") else self.write_query_class
        query = reader(data=request.query_params)
        query.is_valid(raise_exception=True)
        self.query = query.validated_data

    def check_permissions(self, request: Request) -> None:
        # Count before any refusal: refused clients repeat their requests.
        count_request(request)
        super().check_permissions(request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        # Responses hold personal numbers.
        final = super().finalize_response(request, response, *args, **kwargs)
        add_never_cache_headers(final)
        return final

    @property
    def account(self) -> Account:
        return self.request.user  # type: ignore[return-value]  # anonymous requests are refused before

    @property
    def employee(self) -> Employee:
        """The caller as an employee. Raises NotFoundProblem for an account without one."""
        if self.account.employee is None:
            raise NotFoundProblem
        return self.account.employee

    def campaign_or_none(self) -> Campaign | None:
        """The requested campaign, else the caller's default. Raises NotFoundProblem for an unknown one."""
        try:
            return selectors.campaign_for(self.account, self.query.get("campaign"))
        except Campaign.DoesNotExist as error:
            raise NotFoundProblem from error

    def campaign(self) -> Campaign:
        """Like campaign_or_none. Raises Problem when there is none at all."""
        campaign = self.campaign_or_none()
        if campaign is None:
            raise Problem(404, "no_campaign", _("No campaign has been opened yet."))
        return campaign

    def result(self, campaign: Campaign) -> FrozenResult | None:
        """The requested version of a frozen result; None for the newest. Raises NotFoundProblem for an unknown one."""
        version = self.query.get("result")
        try:
            return result_of(campaign, version) if version else None
        except UnknownResult as error:
            raise NotFoundProblem from error


class NotFoundView(ApiView):
    """Any unknown address below the API, so that its error is a problem too, not an HTML page."""

    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Counted like any request, so that addresses and tokens cannot be tried here without limit.
        self.check_permissions(request)
        raise NotFoundProblem
