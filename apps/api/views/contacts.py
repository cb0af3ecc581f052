"""`contacts/`: list and record the reader's own contacts. No view here returns another employee's contacts."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import paging
from apps.api.authentication import count_people
from apps.api.idempotency import HEADER, key_reused, submission_key
from apps.api.openapi import IDEMPOTENCY_KEY, WITH_BODY, example, problems
from apps.api.problems import NotFoundProblem
from apps.api.serializers.contacts import (
    COUNTS,
    NOT_COUNTING,
    ContactPageSerializer,
    ContactSearchSerializer,
    ContactsQuery,
    DraftSerializer,
    DraftsSerializer,
    FoundContactsSerializer,
    ReportSerializer,
    draft_of,
)
from apps.api.views.contact import WANG, OwnContacts
from apps.contacts.drafts import Draft
from apps.contacts.models import ContactIdentity, Source, Submission
from apps.contacts.services import submissions as contacts
from apps.core import clock
from apps.core.cursors import paginate
from apps.employees.models import Employee

SENT = {"name": "王伟", "phone": "138 0013 8000"}
CREATED = {"index": 0, "code": "created", "contact": 4711, "existing_contact": None, "field": None, "message": ""}
TWICE = {
    "index": 1, "code": "duplicate", "contact": None, "existing_contact": 4711, "field": None,
    "message": "You have already recorded this person.",
}  # fmt: skip
LISTED = {"campaign": "november-2026", "as_of": "2026-11-23T04:01:00Z", "results": [WANG]}


class ContactPages(OwnContacts):
    def page(self, query: dict[str, Any]) -> dict[str, Any]:
        """A page for the validated data of ContactsQuery or ContactSearchSerializer; `next` is a token, or ""."""
        campaign, now = self.campaign_or_none(), clock.db_now()
        own_contacts = self._of_origin(self.with_reasons(campaign, now), query)
        own_contacts = _filtered(own_contacts, self.employee, query.get("reason", ""), query.get("q", ""))
        after = query.get("after") or ""
        # Sealed for this employee: in another list, a contact's place would tell the sealed key.
        listing = f"contacts of {self.employee.pk}"
        page = paginate(own_contacts, "-recorded_at", "-pk", listing=listing, after=after, size=query["limit"])
        return {"campaign": campaign.slug if campaign else None, "as_of": now, "results": page.rows, "next": page.next}

    def _of_origin(self, own_contacts: QuerySet[Any], query: dict[str, Any]) -> QuerySet[Any]:
        """Filter by source and by batch. Raises NotFoundProblem for another employee's batch."""
        if source := query.get("source"):
            own_contacts = own_contacts.filter(source=source)
        # The same answer for a batch of another employee as for none.
        if batch := query.get("batch"):
            if not Submission.objects.filter(pk=batch, employee=self.employee).exists():
                raise NotFoundProblem
            own_contacts = own_contacts.filter(submission_id=batch)
        return own_contacts


class ContactList(ContactPages):
    query_class = ContactsQuery

    @extend_schema(
        operation_id="contacts_list",
        tags=["contacts"],
        summary=_("My contacts"),
        description=_("Your contacts, newest first, each with the reason if it does not count. Scope `own`."),
        parameters=[ContactsQuery],
        responses={200: ContactPageSerializer, **problems(404)},
        examples=[
            example("contacts", {**LISTED, "next": None}),
        ],
    )
    def get(self, request: Request) -> Response:
        page = self.page(self.query)
        page["next"] = paging.next_address(request, page["next"])
        return Response(ContactPageSerializer(page).data)

    @extend_schema(
        operation_id="contacts_create",
        tags=["contacts"],
        summary=_("Record contacts"),
        description=_(
            "Records one person, or up to 500 at a time. They count from the moment the whole request has "
            "arrived. Duplicates and invalid identities are outcomes, not errors: 201 if anything was "
            "recorded, otherwise 200. A request with unknown fields is refused, and nothing is recorded. Scope "
            "`own`."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=PolymorphicProxySerializer(
            "OneOrManyDrafts", [DraftSerializer, DraftsSerializer], resource_type_field_name=None, many=False
        ),
        responses={
            201: ReportSerializer,
            200: ReportSerializer,
            **problems(*WITH_BODY, 404, 422),
        },
        examples=[
            example("one", SENT, request=True),
            example("many", {"contacts": [SENT, {"name": "Ann Lee", "email": "ann@example.org"}]}, request=True),
            example("recorded", {"created": 1, "duplicate": 1, "rejected": 0, "outcomes": [CREATED, TWICE]},
                    status=201),
            example("nothing new", {"created": 0, "duplicate": 1, "rejected": 0, "outcomes": [{**TWICE, "index": 0}]}),
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        employee = self.employee
        # Count before the validation: it takes the same time whether contacts are recorded or refused.
        count_people(request, _people_in(request.data))
        drafts = _drafts(request.data)
        key, prefix = submission_key(request.headers.get(HEADER), drafts)
        try:
            report = contacts.submit(
                employee=employee, drafts=drafts, source=Source.API, by=self.account.actor, key=key, prefix=prefix,
            )  # fmt: skip
        except contacts.KeyReused as error:
            raise key_reused() from error
        return Response(ReportSerializer(_report_data(report)).data, status=201 if report.created else 200)


class ContactSearch(ContactPages):
    @extend_schema(
        operation_id="contacts_search",
        tags=["contacts"],
        summary=_("Search my contacts"),
        description=_(
            "Finds your contacts by a part of the name, phone, e-mail or handle, newest first. Spaces in a "
            "phone number do not matter. It uses POST because URLs are kept in logs and histories; it changes "
            "nothing. Scope `own`."
        ),
        request=ContactSearchSerializer,
        responses={200: FoundContactsSerializer, **problems(*WITH_BODY, 404)},
        examples=[
            example("search", {"q": "138-0013", "reason": "counts"}, request=True),
            example("found", {**LISTED, "next": None}),
        ],
    )
    def post(self, request: Request) -> Response:
        body = ContactSearchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        self.query = body.validated_data
        page = self.page(self.query)
        return Response(FoundContactsSerializer({**page, "next": page["next"] or None}).data)


def _people_in(body: Any) -> int:
    people = body.get("contacts") if isinstance(body, dict) else None
    return max(1, len(people)) if isinstance(people, list) else 1


def _drafts(body: Any) -> list[Draft]:
    if isinstance(body, dict) and "contacts" in body:
        many = DraftsSerializer(data=body)
        many.is_valid(raise_exception=True)
        return [draft_of(row) for row in many.validated_data["contacts"]]
    single = DraftSerializer(data=body)
    single.is_valid(raise_exception=True)
    return [draft_of(single.validated_data)]


def _report_data(report: contacts.Report) -> dict[str, Any]:
    outcomes = [
        {
            "index": index,
            "code": outcome.code,
            "contact": outcome.contact_id,
            "existing_contact": outcome.existing_contact_id,
            "field": outcome.column or None,
            "message": outcome.message,
        }
        for index, outcome in enumerate(report.outcomes)
    ]
    return {
        "created": report.created,
        "duplicate": report.duplicate,
        "rejected": report.rejected,
        "outcomes": outcomes,
    }


def _filtered(own_contacts: QuerySet[Any], employee: Employee, reason: str, text: str) -> QuerySet[Any]:
    """Filter by reason, and by a part of the name or of an identity; a phone also without its blanks and dashes."""
    if reason == COUNTS:
        own_contacts = own_contacts.filter(reason="")
    elif reason == NOT_COUNTING:
        # Live contacts alone: an ended one is done with.
        own_contacts = own_contacts.exclude(reason__in=["", "ended"])
    elif reason:
        own_contacts = own_contacts.filter(reason=reason)
    if not text:
        return own_contacts
    match = Q(value__icontains=text)
    digits = "".join(sign for sign in text if sign in "0123456789")
    # Fewer digits are part of nearly every phone.
    if len(digits) >= 3:
        match |= Q(kind="phone", value__contains=digits)
    matching = ContactIdentity.objects.filter(match, employee=employee).values("contact")
    return own_contacts.filter(Q(name__icontains=text) | Q(pk__in=matching))
