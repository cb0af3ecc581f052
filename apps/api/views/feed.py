"""`feed/`: contacts reported by the messaging product itself, times included. For an operator's programs alone."""

from __future__ import annotations

import io
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Role, Scope
from apps.api.openapi import WITH_BODY, example, problems
from apps.api.parsing import CsvParser
from apps.api.problems import NotFoundProblem, Problem
from apps.api.serializers.feed import FeedReportSerializer
from apps.api.views.base import ApiView
from apps.contacts.imports import import_contacts
from apps.contacts.reading import CSV
from apps.core.closed_periods import BackdatingBlocked
from apps.fileio.errors import TooLarge, UnreadableFile

ROWS = "staff_no,name,handle,recorded_at,confirmed_at\r\n1004,Grace Hopper,grace.hopper,2026-11-03T09:15:00+08:00,\r\n"
EXAMPLE_COUNTS = {"read": 2, "accepted": 1, "rejected": 1}
REJECT = {"line": 3, "column": "phone", "code": "invalid_identity", "reason": "This is not a valid phone number."}


# Read while the client waits: two megabytes hold about thirty thousand rows, or two million line ends.
MAX_FEED_LINES = 100_000


class Feed(ApiView):
    scope = Scope.FEED
    parser_classes = (CsvParser,)

    @extend_schema(
        operation_id="feed_send",
        tags=["feed"],
        summary=_("Send a feed"),
        description=_(
            "CSV with a header, UTF-8, up to two megabytes: `staff_no` (or `employee_email`), `name`, at "
            "least one of `phone`, `email`, `handle`, and where known `recorded_at`, `confirmed_at`, "
            "`ended_at` (ISO 8601 with zone). These times are trusted: the earliest record of a person "
            "counts, whatever the order of the rows and requests. A row that cannot be used is reported and "
            "does not affect the others. The same rows again change nothing. The response does not say how a "
            "row changed the stored contacts, because that would reveal whose contact a person is; the "
            "command `import_contacts --trust-times` reports it. For accounts with the role operator; scope "
            "`feed:write`."
        ),
        request={CsvParser.media_type: OpenApiTypes.STR},
        responses={200: FeedReportSerializer, **problems(*WITH_BODY, 404, 409, 422)},
        examples=[
            OpenApiExample("rows", value=ROWS, request_only=True, media_type=CsvParser.media_type),
            example("done", {**EXAMPLE_COUNTS, "rejects": [REJECT]}),
        ],
    )
    def post(self, request: Request) -> Response:
        if not self.account.has_role(Role.Kind.OPERATOR):
            raise NotFoundProblem
        # Without a body there is nothing to parse, and the data is not bytes.
        data: Any = request.data
        sent = data if isinstance(data, bytes) else b""
        if max(sent.count(b"\n"), sent.count(b"\r")) > MAX_FEED_LINES:
            raise Problem(422, "unreadable_file", str(TooLarge(MAX_FEED_LINES, "lines", MAX_FEED_LINES + 1)))
        try:
            result = import_contacts(
                raw=io.BytesIO(sent), by=self.account.actor, format=CSV, trust_times=True, file_name="api"
            )
        except UnreadableFile as error:
            raise Problem(422, "unreadable_file", str(error)) from error
        except BackdatingBlocked as error:
            raise Problem(409, "freezing", gettext("A campaign is being frozen. Send it again in a minute.")) from error
        return Response(FeedReportSerializer(result.as_totals()).data)
