"""`contacts/<id>/`: one of the caller's own contacts. A contact of another employee answers like a missing one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Scope
from apps.api.authentication import count_change
from apps.api.openapi import WITH_BODY, example, problems
from apps.api.problems import NotFoundProblem
from apps.api.serializers.base import CampaignQuery
from apps.api.serializers.contacts import ContactSerializer, RenameSerializer
from apps.api.views.base import ApiView
from apps.campaigns import selectors
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services import changes as contacts
from apps.core import clock
from apps.reports import employee_detail

WANG = {
    "id": 4711, "name": "王伟", "identities": [{"kind": "phone", "value": "+8613800138000"}],
    "recorded_at": "2026-11-23T04:00:00Z", "confirmed_at": None, "ended_at": None, "end_reason": None,
    "source": "api", "counts": True, "reason": None,
}  # fmt: skip
ENDED = {**WANG, "ended_at": "2026-11-23T04:05:00Z", "end_reason": "removed", "counts": False, "reason": "ended"}


class OwnContacts(ApiView):
    scope = Scope.OWN

    def with_reasons(self, campaign: Campaign | None, at: datetime) -> QuerySet[Any]:
        return employee_detail.contacts_with_reason(campaign, self.employee, at)

    def detail(self, contact_id: int) -> Response:
        """The answer about one contact. Raises NotFoundProblem for a contact of another employee."""
        contact = self.with_reasons(self.campaign_or_none(), clock.db_now()).filter(pk=contact_id).first()
        if contact is None:
            raise NotFoundProblem
        return Response(ContactSerializer(contact).data)


class ContactDetail(OwnContacts):
    query_class = CampaignQuery

    @extend_schema(
        operation_id="contacts_retrieve",
        tags=["contacts"],
        summary=_("One of my contacts"),
        description=_("One of your contacts, with the reason if it does not count. Scope `own`."),
        parameters=[CampaignQuery],
        responses={200: ContactSerializer, **problems(404)},
        examples=[example("contact", WANG)],
    )
    def get(self, request: Request, contact_id: int) -> Response:
        return self.detail(contact_id)

    @extend_schema(
        operation_id="contacts_rename",
        tags=["contacts"],
        summary=_("Rename a contact"),
        description=_("The name is edited in place and does not affect counting. Scope `own`."),
        request=RenameSerializer,
        responses={200: ContactSerializer, **problems(*WITH_BODY, 404, 409)},
        examples=[example("rename", {"name": "王伟"}, request=True), example("contact", WANG)],
    )
    def patch(self, request: Request, contact_id: int) -> Response:
        body = RenameSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return _changed(self, contacts.rename_contact, contact_id, name=body.validated_data["name"])


class ContactEnd(OwnContacts):
    @extend_schema(
        operation_id="contacts_end",
        tags=["contacts"],
        summary=_("End a contact"),
        description=_(
            "The contact stays stored with its end and no longer counts. 409 if it has already ended. Scope `own`."
        ),
        request=None,
        responses={200: ContactSerializer, **problems(404, 409)},
        examples=[example("ended", ENDED)],
    )
    def post(self, request: Request, contact_id: int) -> Response:
        return _changed(self, contacts.end_contact, contact_id)


class ContactRestore(OwnContacts):
    @extend_schema(
        operation_id="contacts_restore",
        tags=["contacts"],
        summary=_("Restore a contact"),
        description=_(
            "Removes an end of your own that was a mistake. 409 if the person or a reviewer ended the contact, if the "
            "person has been recorded again since, or if the campaign is over. Scope `own`."
        ),
        request=None,
        responses={200: ContactSerializer, **problems(404, 409)},
        examples=[example("restored", WANG)],
    )
    def post(self, request: Request, contact_id: int) -> Response:
        return _changed(self, selectors.restore_while_open, contact_id)


def _changed(view: OwnContacts, change: Any, contact_id: int, **terms: Any) -> Response:
    count_change(view.request)
    try:
        # The service looks among this employee's contacts alone.
        change(contact_id=contact_id, employee=view.employee, by=view.account.actor, **terms)
    except Contact.DoesNotExist as error:
        raise NotFoundProblem from error
    return view.detail(contact_id)
