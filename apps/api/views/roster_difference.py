"""`roster/<id>/difference/`: the whole difference of a load, in pages."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access_log import SAME_READ
from apps.api import paging
from apps.api.openapi import example, problems
from apps.api.problems import Problem
from apps.api.serializers.base import PageQuery
from apps.api.serializers.roster import RosterDifferenceSerializer
from apps.api.views.roster import MOVED, RosterView
from apps.core.audit import audit_once
from apps.core.cursors import decode_cursor, encode_cursor
from apps.roster.difference_file import read_difference

ROW = {name: value for name, value in MOVED.items() if name != "back"}
ROW |= {"changes": [{"field": "manager", "before": "1002", "after": "1001"}], "column": "", "code": "", "reason": ""}


class RosterDifference(RosterView):
    query_class = PageQuery

    @extend_schema(
        operation_id="roster_difference_list",
        tags=["roster"],
        summary=_("Difference of a load"),
        description=_(
            "All changes and rejected lines of the load, in pages; managers by their staff numbers. 400 when the load "
            "was previewed again since the first page. 404 with `no_difference` while there is none, and after 90 "
            "days. Scope `roster:write`."
        ),
        parameters=[PageQuery, OpenApiParameter("load_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={200: RosterDifferenceSerializer, **problems(404)},
        examples=[example("a move", {"digest": "5f1d…", "results": [ROW], "next": None})],
    )
    def get(self, request: Request, load_id: uuid.UUID) -> Response:
        load = self.load(load_id)
        if load.difference is None:
            raise Problem(404, "no_difference", gettext("This load has no difference."))
        # Another preview has another digest: its rows must not continue these.
        listing = f"difference of {load.pk} {load.digest}"
        [offset] = decode_cursor(listing, self.query.get("after", "")) or [0]
        if request.method == "GET":
            audit_once(
                "roster.difference_taken", by=self.account.actor, kind="roster", id=load.pk, label=load.file_name,
                within=SAME_READ,
            )  # fmt: skip
        rows, following = read_difference(load.difference, offset=offset, size=self.query["limit"])
        cursor = encode_cursor(listing, [following]) if following else ""
        page = {"digest": load.digest, "results": rows, "next": paging.next_address(request, cursor)}
        return Response(RosterDifferenceSerializer(page).data)
