"""`roster/`: a program loads the roster, with the difference, the approvals and the limits of HR's page."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import ApprovalRequest, Role, Scope
from apps.api.authentication import count_upload
from apps.api.idempotency import HEADER, key_reused, sender_key
from apps.api.openapi import IDEMPOTENCY_KEY, WITH_BODY, example, problems
from apps.api.parsing import JsonLinesRosterParser, RosterParser
from apps.api.problems import NotFoundProblem, Problem
from apps.api.serializers.roster import (
    COUNTS,
    EXPIRED,
    RosterApplySerializer,
    RosterLoadQuery,
    RosterLoadSerializer,
)
from apps.api.views.base import ApiView
from apps.core import enqueue
from apps.core.clock import db_now
from apps.roster import imports, program_loads
from apps.roster.diff import KINDS, REJECTED
from apps.roster.load_problems import problem_sentence
from apps.roster.models import RosterImport, RosterSource
from apps.roster.parser import OPTIONAL, REQUIRED
from apps.roster.reader import CSV, JSON_LINES

State, Kind = RosterImport.State, ApprovalRequest.Kind
# Seconds after which a program asks again while a worker is busy.
RETRY_AFTER = "2"
ROWS = "staff_no,name,email,manager_staff_no\r\n1004,Grace Hopper,grace@example.com,1001\r\n"
LINES = '{"staff_no": "1004", "name": "Grace Hopper", "email": "grace@example.com", "manager_staff_no": "1001"}\n'
ID = "0b6e9a34-5a4c-4b55-9e0e-6a8bfe1f5a11"
SENT: dict[str, Any] = {
    "id": ID, "state": "previewing", "sent_at": "2026-11-23T04:00:00Z", "done_at": None,
    "complete": False, "digest": "", "counts": None, "kinds": None, "changes": [], "rejects": [],
    "ignored_columns": [], "problem": None, "approvals": [],
    "url": f"https://hundred.example.com/company/roster/{ID}/",
}  # fmt: skip
MOVED = {
    "kind": "moved", "line": 2, "staff_no": "1004", "name": "Grace Hopper", "back": False, "effective_on": "",
    "changes": [{"field": "manager", "before": "Ada Byron (1002)", "after": "Alan Turing (1001)"}],
}  # fmt: skip
WAITS = SENT | {
    "state": "requested", "digest": "5f1d…", "counts": dict.fromkeys(COUNTS, 0) | {"read": 1, "updated": 1},
    "kinds": dict.fromkeys((*KINDS, REJECTED), 0) | {"moved": 1}, "changes": [MOVED],
    "approvals": [
        {"id": "7c1f0d52-9d0f-4a53-8f0a-0f2f6c1f7b11", "kind": "roster_load", "decision": None,
         "url": "https://hundred.example.com/company/approvals/7c1f0d52-9d0f-4a53-8f0a-0f2f6c1f7b11/"}
    ],
}  # fmt: skip


def _page(name: str, key: uuid.UUID) -> str:
    return settings.BASE_URL.rstrip("/") + reverse(name, args=[key])


def _approvals(load: RosterImport) -> list[dict[str, Any]]:
    kinds = (Kind.ROSTER_LOAD, Kind.EMAIL_CHANGE)
    requests = ApprovalRequest.objects.filter(kind__in=kinds, subject=str(load.pk)).order_by("requested_at", "pk")
    return [
        {"id": request.pk, "kind": request.kind, "decision": request.decision, "url": _page("approval", request.pk)}
        for request in requests
    ]


def _problem(load: RosterImport) -> dict[str, Any] | None:
    problem = load.report.get("problem")
    if not problem:
        return None
    line = [problem["line"]] if problem.get("line") else []
    return {
        "code": problem["code"], "detail": problem_sentence(problem, lambda column: column),
        "lines": problem.get("lines", line),
    }  # fmt: skip


def _changes(shown: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    names = ("field", "before", "after")
    return [
        row | {"changes": [dict(zip(names, change, strict=True)) for change in row["changes"]]}
        for kind in KINDS
        for row in shown.get(kind, [])
    ]


def load_data(load: RosterImport) -> dict[str, Any]:
    """The state of a load and the difference that HR's page shows."""
    report, layout = load.report, load.layout
    shown, unconfirmed = report.get("shown", {}), load.state in imports.UNCONFIRMED
    expired = unconfirmed and (load.file is None or load.file.expires_at <= db_now())
    used = zip(layout.get("header", []), layout.get("roles", []), strict=False)
    return {
        "id": load.pk, "state": EXPIRED if expired else load.state, "asked_at": load.asked_at,
        "done_at": load.done_at, "complete": load.complete, "digest": load.digest,
        "counts": {name: report.get(name, 0) for name in COUNTS} if "read" in report else None,
        "kinds": report.get("kinds"), "changes": _changes(shown), "rejects": shown.get(REJECTED, []),
        "ignored_columns": [heading for heading, role in used if heading and role not in (*REQUIRED, *OPTIONAL)],
        "problem": _problem(load), "approvals": _approvals(load), "url": _page("roster-load", load.pk),
    }  # fmt: skip


class RosterView(ApiView):
    scope = Scope.ROSTER

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Before the body is read: only those who may load a roster on the page.
        if not self.account.has_role(Role.Kind.HR):
            raise NotFoundProblem

    def load(self, load_id: uuid.UUID) -> RosterImport:
        """A load of any program. Raises NotFoundProblem."""
        loads = RosterImport.objects.select_related("file", "difference").filter(source=RosterSource.API)
        load = loads.filter(pk=load_id).first()
        if load is None:
            raise NotFoundProblem
        return load

    def answer(self, load: RosterImport, status: int = 200) -> Response:
        response = Response(RosterLoadSerializer(load_data(load)).data, status=status)
        if load.state in imports.WAITING:
            response["Retry-After"] = RETRY_AFTER
        return response


class RosterLoads(RosterView):
    parser_classes = (RosterParser, JsonLinesRosterParser)
    write_query_class = RosterLoadQuery

    @extend_schema(
        operation_id="roster_send",
        tags=["roster"],
        summary=_("Load a roster"),
        description=_(
            "CSV with a header, or JSON lines: `staff_no`, `name`, `email` and optionally the other columns of HR's "
            "page. A worker compares it with the roster and applies it, without `dry_run`: ask for the load at "
            "`Location` until it is done. A load of large effect waits for another HR user: `approvals` has the "
            "address of the request. 409 with `roster_source` where ROSTER_SOURCE is not `api`. For accounts with the "
            "role hr; scope `roster:write`."
        ),
        parameters=[RosterLoadQuery, IDEMPOTENCY_KEY],
        request={RosterParser.media_type: OpenApiTypes.STR, JsonLinesRosterParser.media_type: OpenApiTypes.STR},
        responses={202: RosterLoadSerializer, **problems(*WITH_BODY, 404, 409, 422)},
        examples=[
            OpenApiExample("rows", value=ROWS, request_only=True, media_type=RosterParser.media_type),
            OpenApiExample("lines", value=LINES, request_only=True, media_type=JsonLinesRosterParser.media_type),
            example("sent", SENT, status=202),
        ],
    )
    def post(self, request: Request) -> Response:
        key = request.headers.get(HEADER)
        request_key = "" if key is None else sender_key(key)
        count_upload(request)
        is_csv = request.content_type.partition(";")[0].strip().lower() == RosterParser.media_type
        options = program_loads.ProgramLoadOptions(format=CSV if is_csv else JSON_LINES, **self.query)
        data: Any = request.data
        # Without a body there is nothing to parse, and the data is a dict.
        content = () if isinstance(data, dict) else data
        try:
            load = program_loads.receive_program_load(
                content=content, options=options, request_key=request_key, by=self.account.actor
            )
        except program_loads.RequestKeyReused as error:
            message = gettext("This key was already used with another file or other options. Nothing was stored.")
            raise key_reused(message) from error
        enqueue.enqueue_roster_import(load.pk)
        response = self.answer(self.load(load.pk), 202)
        response["Location"] = reverse("api-roster-load", args=[load.pk])
        return response


class RosterLoad(RosterView):
    @extend_schema(
        operation_id="roster_retrieve",
        tags=["roster"],
        summary=_("A load"),
        description=_(
            "Its state and the difference that HR's page shows. While a worker is busy, `Retry-After` says when to ask "
            "again. Scope `roster:write`."
        ),
        parameters=[OpenApiParameter("load_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={200: RosterLoadSerializer, **problems(404)},
        examples=[example("waits for a second person", WAITS)],
    )
    def get(self, request: Request, load_id: uuid.UUID) -> Response:
        return self.answer(self.load(load_id))


class RosterLoadApply(RosterView):
    @extend_schema(
        operation_id="roster_apply",
        tags=["roster"],
        summary=_("Apply a previewed load"),
        description=_(
            "Applies the difference with this digest, once; sent again, it changes nothing. 409 with `stale` when the "
            "roster has changed: ask for the load and its new digest. 422 with the problem and its lines when the file "
            "cannot be loaded. Scope `roster:write`."
        ),
        parameters=[OpenApiParameter("load_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        request=RosterApplySerializer,
        responses={202: RosterLoadSerializer, **problems(*WITH_BODY, 404, 409, 422)},
        examples=[
            example("digest", {"digest": "5f1d…"}, request=True),
            example("applies", SENT | {"state": "confirmed", "digest": "5f1d…"}, status=202),
        ],
    )
    def post(self, request: Request, load_id: uuid.UUID) -> Response:
        body = RosterApplySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        load = self.load(load_id)
        if load.state == State.PREVIEWED and (problem := _problem(load)):
            lines = tuple((f"line {line}", problem["code"], problem["detail"]) for line in problem["lines"])
            raise Problem(422, problem["code"], problem["detail"], lines)
        leavers = imports.leavers_to_type(load)
        if not imports.confirm(load, digest=body.validated_data["digest"], leavers=leavers, by=self.account.actor):
            message = gettext("This digest is not that of the current difference. Read the load again.")
            raise Problem(409, "stale", message)
        enqueue.enqueue_roster_import(load.pk)
        return self.answer(self.load(load_id), 202)
