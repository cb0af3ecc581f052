"""`tokens/`: a person's API tokens. Session only: a token cannot create tokens."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import api_tokens
from apps.accounts.models import ApiToken
from apps.accounts.second_factors import SESSION_FACTOR_KEY
from apps.api import paging
from apps.api.openapi import WITH_BODY, example, problems
from apps.api.problems import NotFoundProblem
from apps.api.serializers.base import PageQuery
from apps.api.serializers.tokens import NewTokenSerializer, TokenPageSerializer, TokenSerializer, TokenTermsSerializer
from apps.api.views.base import ApiView

REPORT = {
    "id": 12, "name": "weekly report", "scopes": ["reports:read"], "created_at": "2026-11-23T04:00:00Z",
    "expires_at": "2027-02-21T04:00:00Z", "last_used_at": None, "revoked_at": None,
}  # fmt: skip


# For the description: these operations accept no token.
SESSION_ONLY: list[Any] = [{"session": []}]


class TokenList(ApiView):
    query_class = PageQuery

    @extend_schema(
        operation_id="tokens_list",
        tags=["tokens"],
        auth=SESSION_ONLY,
        summary=_("My tokens"),
        description=_("Your tokens, newest first, including revoked and expired ones. Browser sessions only."),
        parameters=[PageQuery],
        responses={200: TokenPageSerializer, **problems()},
        examples=[example("tokens", {"results": [REPORT], "next": None})],
    )
    def get(self, request: Request) -> Response:
        page = paging.page_of(request, ApiToken.objects.of(self.account), "-pk", listing="tokens", query=self.query)
        return Response(TokenPageSerializer(page).data)

    @extend_schema(
        operation_id="tokens_create",
        tags=["tokens"],
        auth=SESSION_ONLY,
        summary=_("Create a token"),
        description=_("The secret is shown only in this response. Browser sessions only."),
        request=TokenTermsSerializer,
        responses={201: NewTokenSerializer, **problems(*WITH_BODY, 409, 422)},
        examples=[
            example("report", {"name": "weekly report", "scopes": ["reports:read"], "days": 90}, request=True),
            example("made", {**REPORT, "secret": "hnd_…"}, status=201),  # nosec B105 # an example
        ],
    )
    def post(self, request: Request) -> Response:
        body = TokenTermsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        token, secret = api_tokens.create_token(
            account=self.account,
            by=self.account.actor,
            second_factor=bool(request.session.get(SESSION_FACTOR_KEY)),
            **body.validated_data,
        )
        return Response({**TokenSerializer(token).data, "secret": secret}, status=201)


class TokenDetail(ApiView):
    @extend_schema(
        operation_id="tokens_revoke",
        tags=["tokens"],
        auth=SESSION_ONLY,
        summary=_("Revoke a token"),
        description=_(
            "The token stops working with the next request. Revoking it again is not an error. Browser sessions only."
        ),
        responses={204: None, **problems(404)},
    )
    def delete(self, request: Request, token_id: int) -> Response:
        tokens = ApiToken.objects.of(self.account).filter(pk=token_id).select_related("account").first()
        if tokens is None:
            raise NotFoundProblem
        api_tokens.revoke_token(token=tokens, by=self.account.actor)
        return Response(status=204)
