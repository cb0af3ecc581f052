"""`campaigns/<slug>/hand-over/`: a frozen result for the reward system, in pages of one version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access_log import SAME_READ
from apps.accounts.models import Role, Scope
from apps.api import paging
from apps.api.openapi import example, problems
from apps.api.problems import NotFoundProblem, Problem
from apps.api.serializers.hand_over import HandOverPageSerializer, HandOverQuery
from apps.api.views.base import ApiView
from apps.campaigns.models import Campaign
from apps.core.audit import audit_once
from apps.core.clock import db_now
from apps.core.cursors import decode_cursor, encode_cursor
from apps.core.etags import request_has_etag
from apps.exports.hand_over import HandOver
from apps.results.models import FrozenResult
from apps.results.result_files import UnknownResult, result_of
from apps.results.store_result import instant

SIGNATURE = "Result-Signature"
DIGEST = "9b2c6f0de1f3a5c7"
ROW = {
    "staff_no": "1004", "name": "Grace Hopper", "email": "grace@example.com", "verdict": "eligible", "counted": 100,
    "target": 100, "remaining": 0, "exempt": False, "red": False,
    "before": {"counted": 99, "target": 100, "remaining": 1, "exempt": False, "red": True},
}  # fmt: skip
PAGE = {
    "campaign": "november-2026", "result_version": 2, "newest_version": 2, "since": 1, "rule_version": 1,
    "cutoff": "2026-11-30T16:00:00Z", "canonical_form": 2, "rows": 500, "digest": DIGEST,
    "reviews_as_of": "2026-12-03T04:00:00Z", "results": [ROW], "next": None,
}  # fmt: skip


def _header(name: str, description: Any) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, response=[200, 304]
    )  # fmt: skip


class HandOverPages(ApiView):
    scope = Scope.REPORTS
    query_class = HandOverQuery

    @extend_schema(
        operation_id="hand_over_list",
        tags=["campaigns"],
        summary=_("Hand-over of a result"),
        description=_(
            "The rows of the hand-over file, in pages. All pages have the version and the instant of reviews of "
            "the first one. Pay once by campaign and `staff_no`. `since` lists what a correction changed. An "
            "unchanged hand-over answers 304 to `If-None-Match`. docs/exports.md says how the digest and the signature "
            "are verified. For accounts with the role hr; scope `reports:read`."
        ),
        parameters=[
            HandOverQuery,
            OpenApiParameter("slug", OpenApiTypes.STR, OpenApiParameter.PATH),
            OpenApiParameter(
                "If-None-Match",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description=_("The ETag of what was read before. Nothing is sent while it holds."),
            ),
            _header("ETag", _("The digest; with a suffix while reviews are open, or with `since`.")),
            _header(SIGNATURE, _("Ed25519 over the signature document of the result, in base64.")),
        ],
        responses={
            200: HandOverPageSerializer,
            304: OpenApiResponse(description=_("Nothing has changed.")),
            **problems(404),
        },
        examples=[example("what a correction changed", PAGE)],
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        hand_over, after = self._hand_over(slug), 0
        campaign, result, since = hand_over.result.campaign, hand_over.result, hand_over.since
        listing = f"hand-over of {campaign.pk} {result.version} {since.version if since else ''}"
        if key := decode_cursor(listing, self.query.get("after", "")):
            after, reviews_as_of = int(key[0]), datetime.fromisoformat(key[1])
            hand_over = HandOver(result, reviews_as_of, since)
        etag = hand_over.etag
        if request_has_etag(request, etag):
            return _with_headers(Response(status=304), etag, result)
        self._log(hand_over)
        size = self.query["limit"]
        rows = hand_over.rows(after=after, size=size + 1)
        cursor = ""
        if len(rows) > size:
            cursor = encode_cursor(listing, [rows[size - 1]["employee_id"], hand_over.reviews_as_of.isoformat()])
        answer = self._page(hand_over, rows[:size], self._next(cursor, result))
        return _with_headers(Response(HandOverPageSerializer(answer).data), etag, result)

    def _hand_over(self, slug: str) -> HandOver:
        """The requested versions. Raises NotFoundProblem, Problem and ValidationError."""
        # As on the page: only HR hands results over.
        campaign = Campaign.objects.filter(slug=slug).first() if self.account.has_role(Role.Kind.HR) else None
        if campaign is None:
            raise NotFoundProblem
        if campaign.newest_result is None:
            raise Problem(404, "no_result", gettext("This campaign has no final result yet."))
        try:
            result = result_of(campaign, self.query.get("result"))
            since = result_of(campaign, self.query["since"]) if self.query.get("since") else None
        except UnknownResult as error:
            raise NotFoundProblem from error
        if since is not None and since.version >= result.version:
            message = gettext("The version to compare with has to be before that of the result.")
            raise ValidationError({"since": [ErrorDetail(message, "not_earlier")]})
        return HandOver(result, db_now(), since)

    def _log(self, hand_over: HandOver) -> None:
        if self.request.method != "GET":
            return
        result = hand_over.result
        # Each version is an entry of its own, however soon it follows.
        audit_once(
            "hand_over.read", by=self.account.actor, kind="result", id=f"{result.campaign.slug} {result.version}",
            label=str(result), within=SAME_READ,
        )  # fmt: skip

    def _next(self, token: str, result: FrozenResult) -> str | None:
        address = paging.next_address(self.request, token)
        # Without it, the next page would be of a version that was made meanwhile.
        return address and address + ("" if self.query.get("result") else f"&result={result.version}")

    def _page(self, hand_over: HandOver, rows: list[dict[str, Any]], next_page: str | None) -> dict[str, Any]:
        result, since = hand_over.result, hand_over.since
        newest = result.campaign.newest_result
        return {
            "campaign": result.campaign.slug, "result_version": result.version,
            "newest_version": newest.version if newest else result.version,
            "since": since.version if since else None, "rule_version": result.rule_version,
            "cutoff": instant(result.cutoff_at), "canonical_form": result.canonical_form, "rows": result.rows,
            "digest": result.digest, "reviews_as_of": hand_over.reviews_as_of,
            "results": [{"before": None, **row} for row in rows], "next": next_page,
        }  # fmt: skip


def _with_headers(response: Response, etag: str, result: FrozenResult) -> Response:
    response["ETag"], response[SIGNATURE] = etag, result.signature
    return response
