"""The employee's own contacts: input, result, and how they are shown to that employee."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers.base import (
    TEXT_LIMIT,
    CampaignQuery,
    InstantField,
    NextPageSerializer,
    PageQuery,
    StrictSerializer,
)
from apps.campaigns.rules import REASONS
from apps.contacts.drafts import Draft
from apps.contacts.models import EndReason, Source
from apps.core.identity import KINDS
from apps.core.text import MAX_NAME_CHARS

MAX_CONTACTS = 500
COUNTS, NOT_COUNTING = "counts", "not_counting"
OUTCOMES = ("created", "duplicate", "invalid_identity", "objected", "not_external", "too_many_today")


class ContactsQuery(CampaignQuery, PageQuery):
    reason = serializers.ChoiceField(
        required=False,
        choices=[COUNTS, NOT_COUNTING, *REASONS],
        help_text=_("`counts`; `not_counting`: active but not counted, for any reason; or one exclusion reason."),
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a declared field is no attribute
        required=False, choices=Source.values, help_text=_("Only contacts recorded this way.")
    )
    batch = serializers.UUIDField(
        required=False, help_text=_("Only contacts of this file or request. One that is not yours returns 404.")
    )


class ContactSearchSerializer(ContactsQuery):
    """The search text. It is in the body since it may be a person's phone number, and addresses are logged."""

    q = serializers.CharField(max_length=TEXT_LIMIT, help_text=_("Part of a name, phone, e-mail or handle."))
    after = serializers.CharField(
        required=False, allow_null=True, help_text=_("`next` of the previous page. Do not build it yourself.")
    )


class ContactSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True, allow_blank=True, help_text=_("Null after an erasure."))
    identities = serializers.SerializerMethodField()
    recorded_at = InstantField(help_text=_("The instant from which it counts."))
    confirmed_at = InstantField(allow_null=True)
    ended_at = InstantField(allow_null=True)
    end_reason = serializers.ChoiceField(choices=EndReason.values, allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a declared field is no attribute
        choices=Source.values, help_text=_("How it was recorded.")
    )
    counts = serializers.SerializerMethodField(help_text=_("Whether it counts in the campaign."))
    reason = serializers.SerializerMethodField(help_text=_("Why it does not count; null when it does."))

    def get_identities(self, contact: Any) -> list[dict[str, str | None]]:
        # Sorted here: another order in the query would read them again for each contact.
        identities = sorted(contact.identities.all(), key=lambda identity: identity.pk)
        return [{"kind": identity.kind, "value": identity.value} for identity in identities]

    def get_counts(self, contact: Any) -> bool:
        return contact.reason == ""

    def get_reason(self, contact: Any) -> str | None:
        return contact.reason or None


class ContactResultsSerializer(serializers.Serializer):
    campaign = serializers.CharField(
        allow_null=True, help_text=_("The campaign for which they are counted; null if there is none.")
    )
    as_of = InstantField(help_text=_("The state just before this instant."))
    results = ContactSerializer(many=True)


class ContactPageSerializer(NextPageSerializer, ContactResultsSerializer):
    pass


class FoundContactsSerializer(ContactResultsSerializer):
    next = serializers.CharField(
        allow_null=True,
        help_text=_("Send it as `after` with the same search to get the next page. Null on the last page."),
    )


class DraftSerializer(StrictSerializer):
    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=MAX_NAME_CHARS)
    phone = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text=_("In international format, or in the national format of the company's region."),
    )
    email = serializers.CharField(required=False, default="", allow_blank=True)
    handle = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text=_("The handle in the messaging product, with or without @."),
    )


class DraftsSerializer(StrictSerializer):
    contacts = DraftSerializer(many=True, allow_empty=False, max_length=MAX_CONTACTS)  # type: ignore[call-arg]  # of the list


class RenameSerializer(StrictSerializer):
    name = serializers.CharField(allow_blank=True, max_length=MAX_NAME_CHARS)


class OutcomeSerializer(serializers.Serializer):
    index = serializers.IntegerField(help_text=_("Its position in the request, from 0."))
    code = serializers.ChoiceField(choices=OUTCOMES)
    contact = serializers.IntegerField(allow_null=True, help_text=_("The id of the recorded contact."))
    existing_contact = serializers.IntegerField(
        allow_null=True, help_text=_("For `duplicate`: your contact that already has this identity.")
    )
    field = serializers.CharField(allow_null=True, help_text=_("For `invalid_identity`: the field that is not valid."))
    message = serializers.CharField(allow_blank=True, help_text=_("A message for people."))


class ReportSerializer(serializers.Serializer):
    created = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    outcomes = OutcomeSerializer(many=True, help_text=_("One for each contact, in the order of the request."))


def draft_of(row: Mapping[str, str]) -> Draft:
    return Draft(row["name"], tuple((kind, row[kind]) for kind in KINDS if row[kind]))
